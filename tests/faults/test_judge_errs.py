"""A judge of which three replies in ten are faults: no verdict that it did not give is kept."""

import random
from pathlib import Path
from typing import Any

import pytest

from tasks.verify.judges.config import JudgeConfig
from tasks.verify.judges.judge import make_judge
from tasks.verify.types import JudgeItem
from tests.faults.conftest import Figure, Times
from tests.tasks.verify.judges.judge_server import Answer, judge_server
from tests.tasks.verify.judges.test_openai_judge import FAILURES

SHARE = 0.3
SLOW = {"late", "byte after byte"}  # an answer for whoever waits long enough: tests/tasks/verify/judges has them


def test_a_judge_with_three_faults_in_ten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, figure: Figure, times: Times
) -> None:
    monkeypatch.setattr("tasks.verify.judges.openai_judge.backoff", lambda attempt: 0.02)
    draw, faults = random.Random(14), dict[str, int]()

    def valid(number: int) -> bool:
        return number % 3 != 0

    def script(call: int, body: dict[str, Any]) -> Answer:
        user = body["messages"][1]["content"]
        if "Question " in user and draw.random() < SHARE:
            name = draw.choice(sorted(FAILURES.keys() - SLOW))
            faults[name] = faults.get(name, 0) + 1
            return FAILURES[name]
        if "Question " not in user:
            return Answer(valid="2 + 2 = 5" not in user)
        right = valid(int(user.split("Question ")[1].split("?")[0]))
        return Answer(valid=right, step=None if right else "48/2")

    items = [JudgeItem(f"row/{n}", f"Question {n}?", "24", "48/2 = 24. \\boxed{24}") for n in range(times(40, 500))]
    with judge_server(script) as server:
        config = JudgeConfig(
            kind="openai", url=server.url, model="model", cache=tmp_path / "verdicts.sqlite",
            attempt_s=5, deadline_s=20, startup_s=10, prefilter=False, concurrency=16,
        )  # fmt: skip
        with make_judge(config) as judge:
            first = judge.judge(items)
        with make_judge(config) as judge:  # what had no verdict is asked again, what had one comes from the file
            second = judge.judge(items)
    right = sum(
        one.valid in (None, valid(n)) and again.valid in (None, valid(n))
        for n, (one, again) in enumerate(zip(first, second, strict=True))
    )
    without = sum(one.valid is None for one in second)
    assert sum(faults.values()) > len(items) * SHARE / 2 and without < len(items) / 10
    how = (
        f"{sum(faults.values())} faults of {len(faults)} kinds; {without} rows without a verdict, none with a wrong one"
    )
    figure("judge with 30 % faulty replies", tried=len(items), held=right, how=how)
