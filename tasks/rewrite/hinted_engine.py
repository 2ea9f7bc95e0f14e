"""The engine of hinted decoding: as the rewriting engine, with two prompts a row in step (tasks/generation/hinted.py).

In:  a spec (tasks/rewrite/spec.py) whose config has a `hint`, and rows {"id", "question", "solution"}
Out: rewrites.jsonl, quarantine.jsonl, scratch/metrics.json, as vllm_engine.py leaves them

Computed with transformers in fixed blocks, which engines get as they ask for them; a killed one loses at most its own.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from tasks.generation import blocks
from tasks.generation.hinted import decode_hinted
from tasks.generation.rollout import Sampling
from tasks.generation.vllm_sampling import Completion
from tasks.rewrite.spec import RewriteSpec
from tasks.rewrite.vllm_engine import ask, finish, read, unit
from tasks.rows.context import context_for
from tasks.rows.tokens import ChatTokens
from tasks.runtime.engines.dealing import answered, own_hand, several
from tasks.runtime.engines.spec import read_spec
from tasks.score.load import load_backbone

AT_ONCE = 256  # rows decoded together, where `batch` does not say

Prompts = Sequence[Sequence[int]]


class Decoder:
    """The model, loaded at the first rows that it decodes."""

    def __init__(self, spec: RewriteSpec) -> None:
        self.spec, self.chat = spec, ChatTokens(spec.backbone)

    def __call__(self, both: tuple[Prompts, Prompts]) -> list[Completion]:
        """Texts of rows from their prompts without and with the hint."""
        config = self.spec.config
        assert config.hint is not None
        sampling = Sampling(config.max_new_tokens, 0.0, tuple(sorted(self.chat.stop_ids)))
        drawn = decode_hinted(self.model, *both, config.hint, sampling, config.batch or AT_ONCE)
        texts = [self.chat.tokenizer.decode(one.ids, skip_special_tokens=True) for one in drawn]
        return [Completion(text, one.finished, len(one.ids)) for text, one in zip(texts, drawn, strict=True)]

    @cached_property
    def model(self) -> Any:
        return load_backbone(self.spec.backbone, self.spec.config.dtype, self.spec.cuda)


def main() -> None:
    """Compute the blocks that an earlier attempt did not, then join them."""
    spec = read_spec(RewriteSpec)
    decode = Decoder(spec)
    if (hand := own_hand()) is not None:
        hand.work_off(decode)
        return
    context = context_for(spec.backbone, spec.config.max_prompt_tokens, spec.config.max_new_tokens)
    parts, hinted, aside = read(spec, context)
    _, plain, more = read(spec.model_copy(update={"prompt": "self_solve"}), context)
    aside |= {row_id: row for row_id, row in more.items() if row_id not in aside}
    plain = {row_id: prompt for row_id, prompt in plain.items() if row_id in hinted}
    workers = several("tasks.rewrite.hinted_engine", spec.engines)

    def answers(work: Mapping[blocks.Key, blocks.Block]) -> Iterator[tuple[blocks.Key, list[Completion]]]:
        both = {key: (block.prompts, [hinted[row_id] for row_id in block.ids]) for key, block in work.items()}
        return answered(([piece] for piece in both.items()), decode, workers)

    asked = {name: ask(spec, name, ids, plain) for name, ids in parts.items()}
    made = blocks.complete(asked, spec.config.block, answers, unit(spec))
    if workers is not None:
        workers.close()
    for name, ids in parts.items():
        finish(spec, name, made[name], [aside[row_id] for row_id in ids if row_id in aside])


if __name__ == "__main__":
    main()
