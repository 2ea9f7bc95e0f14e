"""The engine that makes an ordinary transformers folder of a GGUF file.

In:  a spec (tasks/backbone/spec.py): model.gguf
Out: config.json  model.safetensors  tokenizer.json  tokenizer_config.json  chat_template.jinja  generation_config.json;
     scratch/metrics.json {"tensors": 290, "tied_again": true, "kl_of_folder": 2e-05, …}, or {"refused": why}
"""

from typing import Any

from gguf import GGUFReader
from transformers import AutoConfig

from tasks.backbone import gguf_weights
from tasks.backbone.gguf_logits import divergence, log_probabilities
from tasks.backbone.gguf_tokenizer import save_tokenizer
from tasks.backbone.refusal import Refused
from tasks.backbone.spec import GgufSpec
from tasks.runtime.engines.spec import read_spec, write_metrics
from tasks.runtime.progress.progress import report

STEPS = 5


def main() -> None:
    spec = read_spec(GgufSpec)
    try:
        write_metrics(spec.out, convert(spec))
    except Refused as refused:
        write_metrics(spec.out, {"refused": str(refused)})


def convert(spec: GgufSpec) -> dict[str, Any]:
    """Write the folder; figures of how it agrees with the file.

    Raises:
        Refused: the file cannot be converted, or what was written does not agree with it.
    """
    reader = GGUFReader(spec.gguf)
    fields = {name: field.contents() for name, field in reader.fields.items()}
    report(1, STEPS, "steps")
    config = gguf_weights.read_config(spec.gguf, fields)
    tokenizer = save_tokenizer(spec.gguf, fields, spec.out, spec.chat_template)
    report(2, STEPS, "steps")
    if not spec.weights:
        config.save_pretrained(spec.out)
        return {"stop_ids": len(tokenizer.stop_ids)}
    model = gguf_weights.load(spec.gguf, config)
    as_loaded = log_probabilities(model, tokenizer.tokenizer)
    tied = gguf_weights.tie(model, reader)
    as_tied = log_probabilities(model, tokenizer.tokenizer)
    report(3, STEPS, "steps")
    gguf_weights.save(model, spec.out)
    tokenizer.save_generation(spec.out)  # save_pretrained has written the one that it guessed
    del model
    tensors = gguf_weights.compare(reader, fields, spec.out, AutoConfig.from_pretrained(spec.out))
    report(4, STEPS, "steps")
    reloaded = log_probabilities(gguf_weights.reload(spec.out), tokenizer.tokenizer)
    kl = divergence(as_tied, reloaded)
    if kl > gguf_weights.MOST_KL:
        raise Refused(
            f"the folder's next-token distributions are {kl:.2g} nats from the model as loaded "
            f"(rounding to bfloat16 gives less than {gguf_weights.MOST_KL}): the conversion is wrong; report it"
        )
    report(STEPS, STEPS, "steps")
    return {
        "tensors": tensors,
        "tied_again": tied,
        "kl_of_tying": divergence(as_loaded, as_tied),
        "kl_of_folder": kl,
        "stop_ids": len(tokenizer.stop_ids),
    }


if __name__ == "__main__":
    main()
