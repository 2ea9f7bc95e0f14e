"""vLLM's LoRA on a CPU with one adapter: a matrix product, where vLLM copies the adapter's matrices for every token.

In:  inputs [tokens, in], A [1, 1, rank, in], B [1, 1, out, rank]
Out: scaling * inputs A^T [tokens, rank], in float32;  y + (inputs A^T) B^T [tokens, out], in y's type

vLLM's own (`torch_ops` of 0.32) look each token's adapter up and gather [tokens, rank, in] and [tokens, out, rank]: for
a prompt of 500 tokens of a model of 135M parameters 10 to 50 MB, 14 times a layer. They serve several adapters at once;
here an engine has one (`max_loras=1`), and its requests are all the adapter's or all the base's.
"""

from typing import Any


def shrink(inputs: Any, weights: Any, output: Any, indices: Any, scaling: float = 1.0) -> None:
    """As `bgmv_shrink`, whose `output` is float32 and may have more columns than the rank."""
    product = inputs.to(output.dtype) @ _only(weights).to(output.dtype).T
    output[:, : product.shape[1]] = scaling * product


def expand_slice(
    inputs: Any, weights: Any, output: Any, indices: Any, offset: int, size: int, add_inputs: bool = True
) -> None:
    """As `bgmv_expand_slice`: into `size` columns of `output` from `offset` on."""
    product = inputs.to(output.dtype) @ _only(weights).to(output.dtype).T
    if add_inputs:
        output[:, offset : offset + size] += product
    else:
        output[:, offset : offset + size] = product


def mend() -> None:
    """Let vLLM on a CPU compute so, for prompts and for single tokens."""
    from vllm.lora.ops.torch_ops import lora_ops
    from vllm.lora.punica_wrapper import punica_cpu

    for module in (lora_ops, punica_cpu):
        module.bgmv_shrink, module.bgmv_expand_slice = shrink, expand_slice


def _only(weights: Any) -> Any:
    """The matrix of the one adapter. Raises ValueError where there is room for several."""
    if weights.shape[0] != 1:
        raise ValueError(f"{weights.shape[0]} adapters at once: this is for max_loras=1")
    return weights.reshape(weights.shape[-2:])
