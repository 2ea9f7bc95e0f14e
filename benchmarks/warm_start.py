"""Engines of nano that are forked from a process with their imports, against the same engines started: seconds, bytes.

    {"name": "warm_start/vllm", "value": 4.1, "unit": "s, 32 answers", "ratio": 0.29,
     "baseline": {"name": "an engine started", "value": 14.2}, "spread": …, "n": 5, "better": "lower"}
    {"name": "warm_start/sft", …}

By turns, after one forked engine that was waited for while its server imported. Both write the same bytes.
"""

import hashlib
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks._bare_rewrite import MAX_NEW_TOKENS, MAX_PROMPT_TOKENS, MODEL
from benchmarks._beside import tell
from infra.gpu_check.texts import rows as expert_rows
from tasks.finetune.config import FinetuneConfig
from tasks.finetune.finetune import finetune
from tasks.rewrite.config import RewriteConfig
from tasks.rewrite.rewrite import rewrite
from tasks.rows.jsonl import write_rows
from tasks.runtime.engines import engine
from tasks.runtime.progress.progress import handled_by
from tasks.runtime.settings import settings

ROWS, REPEATS = 32, 5
WAYS = {"started": "0", "forked": "1"}

Work = Callable[[Path, Path], Path]


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        rows = Path(name) / "rows.jsonl"
        write_rows(rows, expert_rows(ROWS))
        for which, work, unit in (("vllm", _answers, f"s, {ROWS} answers"), ("sft", _trains, f"s, SFT on {ROWS} rows")):
            taken: dict[str, list[float]] = {way: [] for way in WAYS}
            _run(work, "forked", rows, Path(name) / f"{which}-first")
            for number in range(REPEATS):
                written = set()
                for way in WAYS:
                    seconds, digest = _run(work, way, rows, Path(name) / f"{which}-{way}{number}")
                    taken[way].append(seconds)
                    written.add(digest)
                if len(written) > 1:
                    raise RuntimeError(f"{which}: forked and started, an engine wrote different bytes")
            tell(f"warm_start/{which}", unit, "an engine started", taken["forked"], taken["started"], better="lower")


def _run(work: Work, way: str, rows: Path, out: Path) -> tuple[float, str]:
    os.environ["REWRITING_AGENT_FORK_ENGINES"] = WAYS[way]
    settings.cache_clear()
    out.mkdir()
    began = time.perf_counter()
    with engine.attempt([], None, None, [0]), handled_by(lambda _: None):
        result = work(rows, out)
    return time.perf_counter() - began, hashlib.sha256(result.read_bytes()).hexdigest()


def _answers(rows: Path, out: Path) -> Path:
    config = RewriteConfig(max_new_tokens=MAX_NEW_TOKENS, max_prompt_tokens=MAX_PROMPT_TOKENS)
    rewrite.plain({"all": config}, {"all": out}, backbone=MODEL, rows=rows.parent)
    return out / "rewrites.jsonl"


def _trains(rows: Path, out: Path) -> Path:
    finetune.plain(FinetuneConfig(learning_rate=4e-4, packing=False), out, backbone=MODEL, dataset=rows.parent)
    return out / "model" / "model.safetensors"


if __name__ == "__main__":
    main()
