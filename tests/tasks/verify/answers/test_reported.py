"""Pairs on which the comparison was wrong once, by kind, and their neighbours, right ones and spoilt ones.

reported.jsonl: {"kind", "gold", "text", "equal"}; `then` [text, times] follows the text where it was long.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tasks.verify.config import VerifyConfig
from tasks.verify.verify import Verifier

CASES = [json.loads(line) for line in Path(__file__).with_name("reported.jsonl").read_text("utf-8").splitlines()]


def text_of(case: dict[str, Any]) -> str:
    """The candidate's text, with what follows it."""
    after, times = case.get("then", ("", 0))
    return str(case["text"]) + after * times


@pytest.fixture(scope="module")
def verifier() -> Iterator[Verifier]:
    with Verifier(VerifyConfig(processes=1)) as verifier:
        yield verifier


@pytest.mark.parametrize("kind", sorted({case["kind"] for case in CASES}))
def test_every_case_of_a_kind_has_its_verdict(verifier: Verifier, kind: str) -> None:
    cases = [case for case in CASES if case["kind"] == kind]
    verdicts = verifier.check_answers([(case["gold"], text_of(case)) for case in cases])
    wrong = [
        (case["gold"], case["text"][:100], verdict)
        for case, verdict in zip(cases, verdicts, strict=True)
        if verdict.correct != case["equal"] or verdict.verdict == "undecided"
    ]
    assert not wrong
