"""The frozen backbone judges: a candidate is valid where YES is at least as likely as NO as its first answer token.

In:  JudgeItem(id="gsm8k/3f2a", question="Natalia sold …", gold="…", solution="48/2 = 24, 48 + 24 = 72. \\boxed{72}")
Out: ReasoningVerdict(valid=True, first_wrong_step=None, reason="P(YES) 0.73, P(NO) 0.2: log-odds +1.295", judge=…)

Where the backbone is in memory (a training, measuring) it is asked there; elsewhere an engine is started for it
(self_judge_engine.py). `margin` moves the bar: log P(YES) - log P(NO) >= margin.
"""

import math
import re
import threading
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from tasks.runtime.files.digest import digest_entries, digest_file
from tasks.runtime.settings import settings
from tasks.verify.judges.canaries import CANARIES, JudgeUnavailable, require_verdicts
from tasks.verify.judges.child import device_environment
from tasks.verify.judges.config import JudgeConfig
from tasks.verify.judges.engine_process import EngineProcess
from tasks.verify.judges.first_token import Read, Reading
from tasks.verify.judges.self_judge_engine import SelfJudgeSpec
from tasks.verify.types import JudgeItem, ReasoningVerdict, Usage

_ODDS = re.compile(r": log-odds ([+-][\d.]+)$")
BLOCK = 256  # items asked for at once, so that a long batch stays within an engine's deadline


class SelfJudge:
    """Asks the backbone about itself; thread-safe. A context manager."""

    def __init__(self, config: JudgeConfig, backbone: Path, read: Read | None = None) -> None:
        """`read` asks a backbone that is in memory; left out, an engine is started for the model in `backbone`.

        Raises:
            ValueError: `backbone` is no folder of a model.
        """
        if not (backbone / "config.json").is_file():
            raise ValueError(f"judge of kind 'self': {backbone} is no folder of a model; name the backbone's (--model)")
        self.config, self.backbone = config, backbone
        self.name = f"{config.model_identity()},backbone={_content(backbone.resolve())}"
        self.usage = Usage()
        self._lock = threading.Lock()
        self.engine = self._engine() if read is None else None
        self._read: Read = read or self._ask_engine

    def __enter__(self) -> "SelfJudge":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the engine; a backbone that others hold is left to them."""
        if self.engine is not None:
            self.engine.close()

    def check(self) -> None:
        """Start the engine where there is one, and ask for a verdict.

        Raises:
            JudgeUnavailable: it does not start, or gives none.
        """
        if self.engine is not None:
            self.engine.start()
        require_verdicts(self.judge(CANARIES), f"backbone {self.backbone.name} as its own judge")

    def judge(self, items: Sequence[JudgeItem]) -> list[ReasoningVerdict]:
        """One verdict an item, in order."""
        with self._lock:
            readings = [one for at in range(0, len(items), BLOCK) for one in self._read(items[at : at + BLOCK])]
            self.usage.calls += len(readings)
            self.usage.prompt_tokens += sum(reading.tokens for reading in readings)
        return [self.verdict(reading) for reading in readings]

    def verdict(self, reading: Reading) -> ReasoningVerdict:
        """Whether log P(YES) - log P(NO) reaches the margin; no verdict where there is no reading."""
        odds = reading.yes - reading.no
        if reading.error is not None or math.isnan(odds):
            return ReasoningVerdict(None, None, reading.error or "the probabilities are not finite", self.name)
        shares = f"P(YES) {math.exp(reading.yes):.2g}, P(NO) {math.exp(reading.no):.2g}"
        return ReasoningVerdict(odds >= self.config.margin, None, f"{shares}: log-odds {odds:+.3f}", self.name)

    def _engine(self) -> EngineProcess:
        config = self.config
        spec = SelfJudgeSpec(
            backbone=self.backbone.resolve(),
            backend=config.backend,
            cuda=settings().cuda(),
            context=config.context,
            rubric=config.rubric,
            sequences=config.concurrency,
            tensor_parallel=config.tensor_parallel,
        )
        return EngineProcess(
            "tasks.verify.judges.self_judge_engine",
            spec,
            device_environment(str(self.backbone), config.gpus) | {"VLLM_ENABLE_V1_MULTIPROCESSING": "0"},
            name=f"backbone {self.backbone.name} as its own judge",
            startup_s=config.startup_s,
            deadline_s=config.deadline_s,
        )

    def _ask_engine(self, items: Sequence[JudgeItem]) -> list[Reading]:
        """Readings from the engine in blocks of `concurrency`; those of a block that it does not answer say so."""
        assert self.engine is not None
        readings: list[Reading] = []
        for start in range(0, len(items), self.config.concurrency):
            block = items[start : start + self.config.concurrency]
            request = [{"id": i.id, "question": i.question, "gold": i.gold, "solution": i.solution} for i in block]
            try:
                readings += [Reading(**answer) for answer in self.engine.ask(request)]
            except (OSError, ValueError, JudgeUnavailable) as error:
                readings += [Reading(error=f"the engine gave no answer: {error}")] * len(block)
        return readings


def log_odds(verdict: ReasoningVerdict) -> float | None:
    """log P(YES) - log P(NO) behind a verdict, also one from the cache, which keeps reasons; None of other judges."""
    found = _ODDS.search(verdict.reason) if verdict.judge.startswith("self/") else None
    return float(found[1]) if found else None


@cache
def _content(backbone: Path) -> str:
    """What tells one backbone's verdicts from another's in the cache: the bytes of its files, also behind links."""
    files = (path for path in backbone.rglob("*") if path.is_file())
    return digest_entries((str(path.relative_to(backbone)), path.stat().st_size, digest_file(path)) for path in files)[
        :16
    ]
