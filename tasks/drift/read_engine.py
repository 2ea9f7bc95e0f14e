"""The engine that reads the texts with pi_0, once for all models that are compared with it.

In:  a spec (tasks/drift/spec.py), texts of tasks/drift/texts.py
Out: texts.jsonl, states/, head.safetensors  (tasks/drift/states.py)
     skipped.jsonl  {"id", "thermometer", "reason"}
     scratch/metrics.json; a killed attempt goes on from the blocks that are there
"""

from dataclasses import asdict

import torch

from tasks.drift.spec import ReadSpec
from tasks.drift.states import blocks, file_of, save, states_of
from tasks.drift.tokenise import tokenise
from tasks.rows.jsonl import read_rows, write_rows
from tasks.rows.precision import resolve
from tasks.rows.tokens import ChatTokens
from tasks.runtime.engines.spec import read_spec, write_metrics
from tasks.runtime.progress.progress import report
from tasks.score.load import context_of, load_backbone
from tasks.score.shared_prefix import check_logits


@torch.inference_mode()
def main() -> None:
    spec = read_spec(ReadSpec)
    config, out = spec.config, spec.out
    model = load_backbone(spec.backbone, config.dtype, spec.cuda)
    check_logits(model)
    context = min(context_of(model.config) or config.max_tokens, config.max_tokens)
    texts, skipped = tokenise(list(read_rows(spec.texts)), ChatTokens(spec.backbone), context)
    texts.sort(key=lambda text: len(text.ids))
    write_rows(out / "texts.jsonl", map(asdict, texts))
    write_rows(out / "skipped.jsonl", skipped)
    save(out / "head.safetensors", dict(model.get_output_embeddings().named_parameters()))
    done = 0
    for number, block in blocks(texts):
        if not file_of(out, number).exists():
            save(file_of(out, number), {"states": torch.cat(list(states_of(model, block, config.tokens_per_batch)))})
        done += len(block)
        report(done, len(texts), "texts")
    dtype = resolve(config.dtype, spec.backbone, spec.cuda)
    write_metrics(out, {"texts": len(texts), "skipped": len(skipped), "dtype": dtype})


if __name__ == "__main__":
    main()
