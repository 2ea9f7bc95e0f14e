"""No pair of answers holds up the process that asks: it is decided, or undecided with a reason, within a second."""

import contextlib
import time
from collections.abc import Iterator

import pytest

from tasks.verify.answers.budget import TooManyComparisons
from tasks.verify.answers.equivalence import plain_leaf, same_answer
from tasks.verify.answers.normal import normalise
from tasks.verify.config import VerifyConfig
from tasks.verify.verify import Verifier


def nested(depth: int, inside: str) -> str:
    return r"\{" * depth + inside + r"\}" * depth


def tree(depth: int, width: int, inside: str) -> str:
    """A set of `width` sets of `width` sets …"""
    return inside if depth == 0 else r"\{" + ",".join([tree(depth - 1, width, inside)] * width) + r"\}"


def boxed(answer: str) -> str:
    return rf"\boxed{{{answer}}}"


COSTLY = {
    "letters against two values": ("x=1, x=2", "(A) " * 150),
    "letters against a list": ("1, 2, 3", "(A) " * 400),
    "letters against an equation": ("y=2x+1", "(A)(B)" * 200),
    "nested sets": (nested(40, "1"), nested(40, "2")),
    "nested sets of two": (nested(40, "1, x"), nested(40, "2, x")),
    "nested sets in another order": (nested(40, "1, 2"), nested(40, "2, 1")),
    "sets of sets": (tree(3, 6, "x"), tree(3, 6, "y")),
    "many sets of many": (tree(2, 14, "x"), tree(2, 14, "y")),
    "choices in a list": ("1, 2, 3, 4", ", ".join(["(A)(B)(C)"] * 60)),
    "names in a list": (", ".join(f"x_{n}" for n in range(60)), ", ".join(f"x_{n}" for n in range(60, 0, -1))),
}


@pytest.mark.parametrize("name", COSTLY)
def test_no_structure_takes_long_in_the_process_of_the_caller(name: str) -> None:
    gold, answer = map(normalise, COSTLY[name])
    started = time.process_time()
    with contextlib.suppress(TooManyComparisons):
        same_answer(gold, answer, plain_leaf)
    assert time.process_time() - started < 1


@pytest.fixture(scope="module")
def verifier() -> Iterator[Verifier]:
    with Verifier(VerifyConfig(processes=1)) as verifier:
        yield verifier


def test_what_is_too_much_is_undecided_and_says_why(verifier: Verifier) -> None:
    verdict = verifier.check_answer(boxed(tree(2, 14, "x")), boxed(tree(2, 14, "y")))
    assert verdict.verdict == "undecided"
    assert "too many comparisons" in verdict.reason


def test_long_lists_are_within_the_budget(verifier: Verifier) -> None:
    triples = [f"(1,1,{n})" for n in range(64)]
    gold, backwards, other = (boxed(",".join(t)) for t in (triples, triples[::-1], [*triples[1:], "(1,1,99)"]))
    assert verifier.check_answer(gold, backwards).verdict == "correct"
    assert verifier.check_answer(gold, other).verdict == "wrong"


def test_one_letter_stands_before_an_option(verifier: Verifier) -> None:
    assert verifier.check_answer("12", r"\boxed{(B) 12}").verdict == "correct"
    assert verifier.check_answer("12", r"\boxed{(B) (C) 12}").verdict == "wrong"
