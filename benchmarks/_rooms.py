"""The two rooms of verification imported anew from code of our own, and what they decide of a labelled pair.

Rooms({"tasks.verify.answers.units": code, …}).enter()
verdict(pair)                                            "correct", "wrong by SymPy", "late", "failed: KeyError"
"""

import importlib
import signal
import sys
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from types import CodeType, ModuleType
from typing import Any

from benchmarks._pairs import Pair

SLOW = " by SymPy"
DEADLINE = 4.0  # seconds for one pair

_leaves: dict[tuple[str, str], Any] = {}
_read: dict[str, Any] = {}


class Late(BaseException):
    """The pair's time is over."""


class Rooms:
    """The modules of the two rooms, imported anew from code of our own."""

    def __init__(self, code: dict[str, CodeType]) -> None:
        self.code = code

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        return ModuleSpec(name, self) if name in self.code else None  # type: ignore[arg-type]

    def create_module(self, spec: ModuleSpec) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        exec(self.code[module.__name__], module.__dict__)

    def enter(self) -> None:
        """Forget what was imported, and import from here."""
        sys.meta_path[:] = [self, *(finder for finder in sys.meta_path if not isinstance(finder, Rooms))]
        for name in [*self.code, "tasks.verify.verifiers.math"]:
            package, _, stem = name.rpartition(".")
            if sys.modules.pop(name, None):
                vars(sys.modules[package]).pop(stem, None)  # what `from package import module` would find
        importlib.import_module("tasks.verify.verifiers.math")
        importlib.import_module("tasks.verify.answers.symbolic")
        importlib.import_module("tasks.verify.arithmetic.arithmetic")


def remember(recall_leaves: bool, recall_read: bool) -> None:
    """Keep what the slow leaf and the parser give; recall it where the rule that is off cannot matter to it."""
    symbolic = sys.modules["tasks.verify.answers.symbolic"]
    undecided = sys.modules["tasks.verify.answers.parsing"].Undecided
    for name, kept, recall in (("symbolic_leaf", _leaves, recall_leaves), ("read", _read, recall_read)):
        setattr(symbolic, name, _kept(getattr(symbolic, name), kept, recall, undecided))


def _kept(function: Callable[..., Any], kept: dict[Any, Any], recall: bool, undecided: type[Exception]) -> Any:
    def remembered(*arguments: str) -> Any:
        key = arguments if len(arguments) > 1 else arguments[0]
        if not recall or key not in kept:
            try:
                kept[key] = (True, function(*arguments))
            except undecided as error:
                kept[key] = (False, str(error))
        told, value = kept[key]
        if not told:
            raise undecided(value)
        return value

    return remembered


def verdict(pair: Pair) -> Any:
    """What is decided of a pair, in this process."""
    signal.setitimer(signal.ITIMER_REAL, DEADLINE)
    try:
        if pair.kind == "steps":
            steps = sys.modules["tasks.verify.arithmetic.arithmetic"].check_steps(pair.text)
            return [steps.false_step, steps.checked > 0]
        if pair.kind == "reference":
            return sys.modules["tasks.verify.answers.gold"].verifiable(pair.gold)[0]
        return _answer(pair)
    except Late:
        return "late"
    except (Exception, RecursionError) as error:
        return f"failed: {type(error).__name__}"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _answer(pair: Pair) -> str:
    math, answers = sys.modules["tasks.verify.verifiers.math"], "tasks.verify.answers."
    decided = math._fast(math.Candidate("", "", pair.gold, pair.text))
    if not isinstance(decided, tuple):
        return str(decided.verdict)
    try:
        same = sys.modules[f"{answers}equivalence"].same_answer(
            *decided[2:], sys.modules[f"{answers}symbolic"].slow_leaf
        )
    except (sys.modules[f"{answers}parsing"].Undecided, sys.modules[f"{answers}budget"].TooManyComparisons):
        same = None
    return f"{'undecided' if same is None else 'correct' if same else 'wrong'}{SLOW}"


def late(number: int, frame: Any) -> None:
    """For SIGALRM."""
    raise Late
