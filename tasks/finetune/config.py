"""Settings of downstream SFT, defaults as in Appendix E.1."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.json_schema import SkipJsonSchema

from tasks.rows.precision import Dtype, dtype_field

ANCHORED = ("sft_kl", "asft")  # losses with KL(pi_0 || pi)
CLIPPED = ("clipped_iw", "psft")  # of a ratio to pi_0 or an older pi
EASY = ("flow", "talr")  # more of what is easy: rows that pi_0, tokens that pi finds likely


class FinetuneConfig(BaseModel):
    """SFT with LLaMA-Factory, of all parameters unless a method asks for LoRA: AdamW (beta 0.9, 0.999, epsilon
    1e-8), cosine schedule with warm-up."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    learning_rate: float = Field(
        default=7e-6,
        gt=0,
        le=0.1,
        description="Peak learning rate; E.1: 7e-6 for Llama-3.2-1B and 3B, 5e-6 for Mistral-7B.",
    )
    loss: SkipJsonSchema[
        Literal["nll", "dft", "importance_weighted", "clipped_iw", "eaft", "sft_kl", "asft", "psft", "flow", "talr"]
    ] = Field(
        default="nll",
        description="nll: mean token NLL. dft: each token's NLL times its own probability, held constant (Dynamic "
        "Fine-Tuning). importance_weighted: Mind the Gap's correction; its released trainer uses the same token "
        "weight as dft. clipped_iw: NLL times the clipped ratio pi / pi_0, held constant, by the sum of these ratios. "
        "eaft: NLL times the entropy of the 20 likeliest tokens. sft_kl, asft: nll, dft with a KL anchor to pi_0. "
        "psft: minus the clipped ratio pi / pi_old (Proximal SFT). flow: NLL times exp(-the row's NLL under pi_0 / its "
        "median over the rows). talr: NLL times exp(-itself / the median of the step's rows' NLL), held constant.",
    )
    anchor: SkipJsonSchema[float] = Field(
        default=0.0,
        ge=0,
        description="Weight of KL(pi_0 || pi) over the vocabulary at each target token, in sft_kl and asft.",
        json_schema_extra={"key": "unless default"},
    )
    clip: SkipJsonSchema[float | None] = Field(
        default=None,
        gt=1,
        description="Most that a token's ratio pi / pi_old counts, in clipped_iw and psft (PSFT: 1.28).",
        json_schema_extra={"key": "unless default"},
    )
    tau: SkipJsonSchema[float | None] = Field(
        default=None,
        gt=0,
        description="Temperature of the weights in flow and talr, in medians of the rows' NLL (both papers: 1); less "
        "tells easy from hard more sharply.",
        json_schema_extra={"key": "unless default"},
    )
    lag: SkipJsonSchema[int] = Field(
        default=0,
        ge=0,
        description="In psft pi_old is pi as it was at the last step whose number this divides, counted from 0; 0: "
        "pi_0.",
        json_schema_extra={"key": "unless default"},
    )
    most_perplexing: SkipJsonSchema[float | None] = Field(
        default=None,
        gt=1,
        description="Target tokens whose perplexity under pi_0, 1/p, exceeds this are not trained on (STM: 2.5).",
        json_schema_extra={"key": "unless default"},
    )
    l2: SkipJsonSchema[float] = Field(
        default=0.0,
        ge=0,
        le=100,
        description="Pull towards pi_0's weights after every step (L2 anchor, decoupled like AdamW's weight decay): "
        "at the peak learning rate a step takes l2 / steps of the way back.",
        json_schema_extra={"key": "unless default"},
    )
    lora_rank: SkipJsonSchema[int | None] = Field(
        default=None,
        ge=1,
        le=512,
        description="Train LoRA matrices of this rank on all linear layers and merge them into pi_0's weights at the "
        "end; none: all weights are trained (E.1).",
        json_schema_extra={"key": "unless default"},
    )
    lora_alpha: SkipJsonSchema[int] = Field(
        default=32,
        ge=1,
        le=1024,
        description="LoRA alpha; the update is scaled by alpha / rank.",
        json_schema_extra={"key": "unless default"},
    )
    dtype: Dtype = dtype_field()
    epochs: float = Field(default=2, gt=0, le=100, description="Passes over the dataset.")
    global_batch: int = Field(
        default=128, ge=1, description="Rows per optimiser step over all processes (E.1: 4 per device x 8 x 4 GPUs)."
    )
    per_device_batch: int = Field(
        default=4, ge=1, description="Rows per forward pass of one process, without packing; packed passes do not ask."
    )
    warmup_ratio: float = Field(default=0.1, ge=0, le=1, description="Share of the steps that warm up linearly.")
    max_grad_norm: float = Field(default=1.0, gt=0, description="Gradients are clipped to this norm.")
    weight_decay: float = Field(default=0.0, ge=0, le=1, description="AdamW's weight decay.")
    max_tokens: int = Field(
        default=16384,
        ge=16,
        description="Rows of more tokens (prompt and target) are left out and counted, never cut; the model's own "
        "context length applies as well.",
    )
    max_dropped_share: float = Field(
        default=0.05, ge=0, lt=1, description="Fail when more than this share of the rows is bad or overlong."
    )
    seed: int = Field(default=42, ge=0, description="Seed of the order of rows and of everything else at random.")
    processes: int = Field(
        default=0,
        ge=0,
        le=64,
        description="Training processes, one a GPU (ZeRO-3 from two on); 0: as many as there are GPUs, one on CPU.",
        json_schema_extra={"key": False},
    )
    packing: bool = Field(
        default=True,
        description="Pack the rows of each optimiser step into few passes without padding, attention within each row, "
        "logits in chunks. The step's rows and its loss stay the same, so this is only speed.",
        json_schema_extra={"key": False},
    )
    tokens_per_pass: int | None = Field(
        default=None,
        ge=64,
        description="Most tokens in a packed forward pass of one process; a longer row is a pass of its own. None: as "
        "many as fit the GPU's memory, 2048 on CPU.",
        json_schema_extra={"key": False},
    )
    less: SkipJsonSchema[int] = Field(
        default=0,
        ge=0,
        le=8,
        description="How often the tokens of a packed pass were halved for want of memory.",
        json_schema_extra={"key": False},
    )
    checkpoint_minutes: float = Field(
        default=15,
        ge=0,
        description="Minutes between checkpoints, from which a killed run resumes; more where writing one takes more "
        "than a twentieth of them. 0: after every step.",
        json_schema_extra={"key": False},
    )

    @model_validator(mode="after")
    def _batches_fit(self) -> "FinetuneConfig":
        if not self.packing and self.loss not in ("nll", "dft", "importance_weighted"):
            raise ValueError(f"loss {self.loss} is there for packed passes alone: set finetune.packing=true")
        if (self.anchor > 0) != (self.loss in ANCHORED):
            raise ValueError(
                f"anchor {self.anchor:g} with loss {self.loss}: sft_kl and asft have an anchor, no other loss"
            )
        if (self.clip is not None) != (self.loss in CLIPPED):
            raise ValueError(f"clip {self.clip} with loss {self.loss}: clipped_iw and psft have a clip, no other loss")
        if (self.tau is not None) != (self.loss in EASY):
            raise ValueError(f"tau {self.tau} with loss {self.loss}: flow and talr have a temperature, no other loss")
        if self.lag and (self.loss != "psft" or self.lora_rank):
            raise ValueError(f"lag {self.lag} with loss {self.loss}: psft of all weights alone has an older policy")
        if self.l2 and self.lora_rank:
            raise ValueError("l2 pulls pi_0's own weights, which lora_rank leaves as they are: set one of them")
        if not self.packing:
            self.accumulation(max(1, self.processes))
        return self

    @property
    def compares(self) -> bool:
        """Whether the loss reads a frozen model beside the one that is trained."""
        return self.loss in (*ANCHORED, *CLIPPED)

    def accumulation(self, processes: int) -> int:
        """Unpacked passes per optimiser step of one process. Raises ValueError where the batch does not divide."""
        steps, rest = divmod(self.global_batch, self.per_device_batch * processes)
        if rest or steps < 1:
            raise ValueError(
                f"global_batch {self.global_batch} is not a multiple of per_device_batch {self.per_device_batch} x "
                f"{processes} processes: change one of them, or set finetune.packing=true"
            )
        return steps
