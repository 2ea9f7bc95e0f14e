"""What the stages hand to their engine: parts that it makes at once, started once."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, model_validator

from tasks.rewrite.config import RewriteConfig


class RewriteSpec(BaseModel):
    """`configs` and `outs`: by part, the latter the folder that it goes to. `rows` is a rows.jsonl, `backbone` a
    transformers folder, `adapter` a PEFT folder.

    `engines`: the environment variables of each at work; to several the rows are dealt.

    `prompt`: "rewrite" asks with x, y* and the rewriting prompt, "self_solve" with the plain question.
    """

    configs: dict[str, RewriteConfig]
    outs: dict[str, Path]
    prompt: Literal["rewrite", "self_solve"]
    backbone: Path
    adapter: Path | None
    rows: Path
    cuda: bool
    engines: list[dict[str, str]] = []

    @property
    def config(self) -> RewriteConfig:
        """What the parts have in common: all but `shard`, `seed` and `temperature`."""
        return next(iter(self.configs.values()))

    @model_validator(mode="after")
    def _one_engine_does(self) -> "RewriteSpec":
        own = {"shard": 0, "seed": 0, "temperature": 0.0}
        if len({one.model_copy(update=own) for one in self.configs.values()}) > 1:
            raise ValueError(
                f"{', '.join(self.configs)}: parts of one engine differ in shard, seed and temperature alone"
            )
        return self
