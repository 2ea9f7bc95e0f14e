"""`python`: a function of the user's own file decides.

In:  options.function = "checks.py:same_ticket", where checks.py holds
         def same_ticket(question: str, gold: str, solution: str) -> bool: …
Out: correct, wrong; undecided where it returns None; with its reason where it returns (True, "same order number")

The file is the user's own code and runs in the gate's process, on several threads at once in a training. Its content is
in the key: what it imports from other files of one's own is not, so keep it in one file.
"""

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tasks.runtime.files.digest import digest_file
from tasks.verify.types import AnswerVerdict, Candidate
from tasks.verify.verifiers.one_by_one import OneByOne
from tasks.verify.verifiers.options import VerifierOptions


class VerifierError(RuntimeError):
    """The user's function failed or returned no verdict; names file, function and row."""


class PythonVerifier(OneByOne):
    """Calls `function(question, gold, solution)`."""

    def __init__(self, options: VerifierOptions) -> None:
        """Raises ValueError: no function is named, or the file cannot be read or has no such function."""
        if options.function is None:
            raise ValueError("gate.verifier=python: name the function, gate.options.function=path/to/file.py:function")
        self.named = options.function
        self.function = load(options.function)

    def compare(self, candidate: Candidate) -> AnswerVerdict:
        """What the function says.

        Raises:
            VerifierError: it raised an exception, or returned something else than True, False, None or one of them
                with a reason.
        """
        try:
            returned = self.function(candidate.question, candidate.gold, candidate.solution)
        except Exception as error:
            raise VerifierError(
                f"{self.named}: row {candidate.id}: {type(error).__name__}: {error}. Return None where it cannot decide"
            ) from error
        same, reason = returned if isinstance(returned, tuple) and len(returned) == 2 else (returned, "by the function")
        if not (same is None or isinstance(same, bool)) or not isinstance(reason, str):
            raise VerifierError(
                f"{self.named}: row {candidate.id}: returned {returned!r:.80}; it must be True, False, None, or one of "
                "them with a reason: (True, 'same order number')"
            )
        outcome = "undecided" if same is None else "correct" if same else "wrong"
        return AnswerVerdict(outcome, reason, None, candidate.gold)  # type: ignore[arg-type]


def load(named: str) -> Callable[[str, str, str], Any]:
    """The function of "path/to/file.py:function". Raises ValueError."""
    path, _, name = named.rpartition(":")
    module_name = f"rewriting_agent_verifier_{digest_file(Path(path))[:16]}"
    if module_name not in sys.modules:
        spec = importlib.util.spec_from_file_location(module_name, path)
        assert spec is not None and spec.loader is not None  # a .py file has both
        module = importlib.util.module_from_spec(spec)
        try:
            spec.loader.exec_module(module)
        except Exception as error:
            raise ValueError(f"{path} cannot be imported: {type(error).__name__}: {error}") from error
        sys.modules[module_name] = module
    function = getattr(sys.modules[module_name], name, None)
    if not callable(function):
        raise ValueError(f"{path} has no function {name}")
    return function  # type: ignore[no-any-return]
