"""Whatever is written as an answer: no hang past the deadline, no crash, no process left, flat memory."""

import importlib.util
import random
import time
from pathlib import Path

import psutil
import pytest

from tasks.verify.config import VerifyConfig
from tasks.verify.verify import Verifier

_PATH = Path(__file__).with_name("corpus_mutator.py")
_SPEC = importlib.util.spec_from_file_location("corpus_mutator", _PATH)
assert _SPEC and _SPEC.loader
corpus_mutator = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(corpus_mutator)

OUTCOMES = {"correct", "wrong", "no_answer", "undecided"}
DEADLINE = 0.5


def children() -> list[psutil.Process]:
    return [
        process
        for process in psutil.Process().children(recursive=True)
        if process.status() != psutil.STATUS_ZOMBIE and "tasks.verify.answers.zygote" in " ".join(process.cmdline())
    ]


def memory() -> float:
    """MiB of this process and its children, shared pages counted once a process."""
    processes = [psutil.Process(), *children()]
    return sum(process.memory_info().rss for process in processes) / 2**20


def fuzz(inputs: int, seed: int, block: int) -> None:
    others = {process.pid for process in children()}  # of a verifier that another test's module keeps

    def mine() -> set[int]:
        return {process.pid for process in children()} - others

    draw = random.Random(seed)
    sizes: list[float] = []
    outcomes: dict[str, int] = {}
    with Verifier(VerifyConfig(processes=2, deadline_seconds=DEADLINE, rows_per_process=500)) as verifier:
        verifier.check_answer(r"\sqrt{2}+x", r"x+\sqrt{2}")
        for start in range(0, inputs, block):
            pairs = []
            for _ in range(min(block, inputs - start)):
                gold = draw.choice(corpus_mutator.SEEDS) if draw.random() < 0.5 else corpus_mutator.mutated(draw)
                pairs.append((gold, corpus_mutator.mutated(draw)))
            began = time.monotonic()
            verdicts = verifier.check_answers(pairs)
            late = sum("no decision" in verdict.reason for verdict in verdicts)
            assert time.monotonic() - began < 60 + late * 3 * DEADLINE + 0.2 * len(pairs)
            assert len(verdicts) == len(pairs)
            for verdict in verdicts:
                assert verdict.verdict in OUTCOMES
                assert "failed" not in verdict.reason, verdict
                outcomes[verdict.verdict] = outcomes.get(verdict.verdict, 0) + 1
            sizes.append(memory())
            assert len(mine()) <= 3
    assert outcomes.get("wrong", 0) > inputs / 10, outcomes
    assert outcomes.get("correct", 0) > 0, outcomes
    quarter = max(1, len(sizes) // 4)
    assert sum(sizes[-quarter:]) < 1.25 * sum(sizes[quarter : 2 * quarter] or sizes[:quarter]) + 100 * quarter, sizes
    deadline = time.monotonic() + 5
    while mine() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not mine()


def test_a_sample_of_mutated_answers() -> None:
    fuzz(150, seed=20, block=50)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_fifty_thousand_mutated_answers() -> None:
    fuzz(50_000, seed=1, block=2000)
