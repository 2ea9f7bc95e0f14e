"""Every row of the tables in docs/verification.md."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tasks.verify.config import VerifyConfig
from tasks.verify.verify import Verifier

PAGE = Path(__file__).resolve().parents[4] / "docs" / "verification.md"
ROW = re.compile(r"\| `(?P<gold>[^`]+)` \| `(?P<answer>[^`]+)` \| (?P<equal>yes|no) \|")


def cases() -> list[tuple[str, str, bool]]:
    return [
        (row["gold"], row["answer"], row["equal"] == "yes")
        for line in PAGE.read_text(encoding="utf-8").splitlines()
        if (row := ROW.match(line))
    ]


def is_bare(answer: str) -> bool:
    """Whether it is an answer and nothing more, no sentence or solution around it."""
    return len(answer) < 40 and not re.search(r"box|####|nswer|الجواب|[.。]$|^\*\*", answer)


@pytest.fixture(scope="module")
def verifier() -> Iterator[Verifier]:
    with Verifier(VerifyConfig(processes=1)) as verifier:
        yield verifier


def test_the_page_holds_the_policy() -> None:
    assert len(cases()) > 150
    rows = [
        line
        for line in PAGE.read_text(encoding="utf-8").splitlines()
        if re.match(r"\| `.*` \| `.*\| (?:yes|no) \|", line)
    ]
    assert len(rows) == len(cases()), "a row of a table is not written as `reference` | `candidate` | yes or no"


@pytest.mark.parametrize(("gold", "answer", "equal"), cases())
def test_each_line_of_the_policy_holds(verifier: Verifier, gold: str, answer: str, equal: bool) -> None:
    verdict = verifier.check_answer(gold, answer)
    assert verdict.correct == equal, verdict
    assert verdict.verdict != "undecided", verdict


@pytest.mark.parametrize(("gold", "answer", "equal"), [case for case in cases() if is_bare(case[1])])
def test_it_holds_in_a_box_too(verifier: Verifier, gold: str, answer: str, equal: bool) -> None:
    verdict = verifier.check_answer(gold, f"We compute step by step.\n\n$\\boxed{{{answer}}}$")
    assert verdict.correct == equal, verdict


def test_equality_is_symmetric_where_the_policy_is(verifier: Verifier) -> None:
    # a base or sign left off, an equation, a rounded reference, a decimal comma
    asymmetric = {
        "777_8",
        "2x+3y=5",
        "33.3",
        "3.46",
        "6.67",
        r"41.4\%",
        r"\frac{100}{3}",
        r"\pi",
        r"\frac{1}{5}",
        "3,5",
        "10",
        "511",
    }
    pairs = [
        (gold, answer, equal)
        for gold, answer, equal in cases()
        if is_bare(gold) and is_bare(answer) and "option" not in answer and gold not in asymmetric
    ]
    for (gold, answer, equal), verdict in zip(
        pairs, verifier.check_answers([(a, g) for g, a, _ in pairs]), strict=True
    ):
        assert verdict.correct == equal, (gold, answer, verdict)
