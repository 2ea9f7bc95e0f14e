"""`code`: off unless asked for; a reply's Python against its row's unit tests."""

import pytest
from pydantic import ValidationError

from tasks.verify.gate import GateConfig
from tasks.verify.sandbox.sandbox import SandboxUnavailable
from tasks.verify.types import Candidate
from tasks.verify.verifiers.code import code_of

GOLD = "assert add(1, 2) == 3\nassert add(-1, 1) == 0"
RIGHT = "Adds them:\n```python\ndef add(a, b):\n    return a + b\n```\nThat is all."


def test_it_runs_nothing_unless_it_is_asked_for() -> None:
    with pytest.raises(ValueError, match=r"allow it with gate\.options\.code_sandbox=true"):
        GateConfig(verifier="code").open_answers()
    with pytest.raises(ValidationError, match=r"exact does not read options\.code_sandbox"):
        GateConfig.model_validate({"verifier": "exact", "options": {"code_sandbox": True}})


def test_replies_are_judged_by_their_rows_tests() -> None:
    verifier = GateConfig.model_validate({"verifier": "code", "options": {"code_sandbox": True}}).open_answers()
    try:
        verifier.start()
    except SandboxUnavailable as error:
        pytest.skip(str(error))
    assert verifier.verifiable(GOLD) == (True, "") and verifier.verifiable(f"```\n{GOLD}\n```")[0]
    assert "asserts nothing" in verifier.verifiable("add(1, 2)")[1] and verifier.verifiable("It adds.")[1]
    told = [(RIGHT, True), (RIGHT.replace("+", "-"), True), ("I cannot.", True), (RIGHT, False), ("print('OK')", True)]
    found = verifier.check([Candidate(str(n), "", GOLD, text, ended) for n, (text, ended) in enumerate(told)])
    assert [one.verdict for one in found] == ["correct", "wrong", "no_answer", "no_answer", "no_answer"]
    assert found[1].reason == "AssertionError: assert add(1, 2) == 3"
    verifier.close()


def test_the_last_block_that_is_python_counts() -> None:
    assert code_of("```python\nx = 1\n```\nthen\n```\nx = 2\n```\n```\n$ run it\n```") == "x = 2\n"
    assert code_of("def f():\n    return 1\n") == "def f():\n    return 1\n"
    assert code_of("```\n$ run it\n```\n```python\nx = 1\n```\nthen\n```\nx = 2\n```", first=True) == "x = 1\n"
    assert code_of("hello") is None and code_of("Use `f(1)`.") is None
