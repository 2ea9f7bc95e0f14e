"""`code`: the text's Python passes the row's unit tests, run in a sandbox without network or files.

In:  gold "assert add(1, 2) == 3", solution "So:\\n```python\\ndef add(a, b):\\n    return a + b\\n```"    Out: correct
In:  the same with "return a - b"       Out: wrong, AssertionError: assert add(1, 2) == 3

It runs what a model wrote, so it is off unless asked for (gate.options.code_sandbox=true), and it runs nothing where
the sandbox cannot be had. Tests and solution share a process: a solution that is made to deceive its tests can (an
object that equals everything passes every ==). Write tests that look at types, and read some of what passes.
"""

import ast
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from tasks.runtime.settings import settings
from tasks.verify.sandbox.sandbox import Limits, run
from tasks.verify.types import AnswerOutcome, AnswerVerdict, Candidate
from tasks.verify.verifiers.one_by_one import OneByOne
from tasks.verify.verifiers.options import VerifierOptions

_FENCE = re.compile(r"```(?:python3?|py)?[ \t]*\n(.*?)```", re.DOTALL | re.IGNORECASE)
_OUTCOMES: dict[str, AnswerOutcome] = {"passed": "correct", "failed": "wrong", "ended": "wrong", "late": "undecided"}


class CodeVerifier(OneByOne):
    """Runs each candidate's code with its row's tests, several at once."""

    def __init__(self, options: VerifierOptions) -> None:
        """Raises ValueError: running code is not allowed."""
        if not options.code_sandbox:
            raise ValueError(
                "gate.verifier=code runs what a model wrote, in a sandbox: allow it with gate.options.code_sandbox=true"
            )
        self.limits = Limits(options.code_seconds, options.code_memory_mib)

    def start(self) -> None:
        """Try the sandbox. Raises SandboxUnavailable where there is none: before hours of work."""
        run("x = 1", "assert x == 1", self.limits)

    def verifiable(self, gold: str) -> tuple[bool, str]:
        """Whether the reference is Python with an assertion in it."""
        try:
            nodes = list(ast.walk(ast.parse(tests_of(gold))))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return False, "it is no Python"
        asserts = any(isinstance(one, ast.Assert | ast.Raise) for one in nodes)
        return (True, "") if asserts else (False, "it asserts nothing: give unit tests, `assert add(1, 2) == 3`")

    def check(self, candidates: Sequence[Candidate]) -> list[AnswerVerdict]:
        """One verdict a candidate, in order; as many at once as there are cores."""
        with ThreadPoolExecutor(settings().cores) as pool:
            return list(pool.map(self._check, candidates))

    def compare(self, candidate: Candidate) -> AnswerVerdict:
        """Whether the code passes. Raises SandboxUnavailable."""
        code = code_of(candidate.solution)
        if code is None:
            return AnswerVerdict("no_answer", "no Python code in it", None, candidate.gold)
        ran = run(code, tests_of(candidate.gold), self.limits)
        return AnswerVerdict(_OUTCOMES[ran.outcome], ran.reason or "its tests pass", code, candidate.gold)


def code_of(text: str, first: bool = False) -> str | None:
    """The last fenced block that is Python, or the `first`, else the whole text where it is; a prose line is none."""
    fenced = _FENCE.findall(text) or [text]
    return next((one for one in (fenced if first else reversed(fenced)) if _is_code(one)), None)


def tests_of(gold: str) -> str:
    """The tests of a reference: of its fence where it has one."""
    fenced = _FENCE.findall(gold)
    return fenced[-1] if fenced else gold


def _is_code(text: str) -> bool:
    try:
        body = ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return any(not isinstance(one, ast.Expr) for one in body)
