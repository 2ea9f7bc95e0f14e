"""What each rule of verification is worth: every rule switched off by itself, and the verdicts that change counted.

    REWRITING_AGENT_DATA=… python -m benchmarks.rules [--markdown] [--pairs FILE…] [--only tasks.verify.answers.units]

A rule is a function, a pattern, an alternative of one, an entry of a table, a branch, a condition, a step
(_switches.py). A first pass over all labelled pairs (_pairs.py) sees which rules each pair comes by; then a forked child
for each rule takes the module with that rule off and decides those pairs again. An exception or a deadline is a change.
Prints one JSON line a rule, least worth first; with --markdown the table of docs/verification.md, which has no rows for
the parts of patterns and functions.
"""

import argparse
import gc
import importlib
import json
import os
import re
import signal
import sys
import time
from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from functools import partial
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from benchmarks import _switches as switches
from benchmarks._pairs import SAMPLE, Pair, pairs
from benchmarks._switches import Rule
from tasks.runtime.settings import ROOT

ROOMS = ("answers", "arithmetic")
MACHINERY = {"config", "pool", "zygote", "__init__"}  # processes and settings: no verdict is theirs
SLOW = " by SymPy"
DEADLINE = 4.0  # seconds for one pair
END = 400  # characters of a text in which a table's entry is looked for
CHILD = 240.0  # seconds for all pairs of one rule
# What a verdict of SymPy rests on: with a rule of these off, nothing that was worked out before counts.
BELOW_SYMPY = {"symbolic", "parsing", "limits", "numbers", "number_words", "forms", "normal"}
BELOW_PARSER = {"parsing", "limits"}

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
        for name in [*self.code, "tasks.verify.verify"]:
            package, _, stem = name.rpartition(".")
            if sys.modules.pop(name, None):
                vars(sys.modules[package]).pop(stem, None)  # what `from package import module` would find
        importlib.import_module("tasks.verify.verify")
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
    verify, answers = sys.modules["tasks.verify.verify"], "tasks.verify.answers."
    decided = verify._fast(verify.Candidate("", "", pair.gold, pair.text))
    if not isinstance(decided, tuple):
        return str(decided.verdict)
    try:
        same = sys.modules[f"{answers}equivalence"].same_answer(
            *decided[2:], sys.modules[f"{answers}symbolic"].slow_leaf
        )
    except (sys.modules[f"{answers}parsing"].Undecided, sys.modules[f"{answers}budget"].TooManyComparisons):
        same = None
    return f"{'undecided' if same is None else 'correct' if same else 'wrong'}{SLOW}"


def right(pair: Pair, decided: Any) -> bool | None:
    """Whether a verdict is the labelled one; None without a label."""
    if pair.expected is None:
        return None
    if pair.kind == "steps":
        return bool((decided[0] is None) == pair.expected)
    return bool((decided in ("correct", f"correct{SLOW}", True)) == pair.expected)


def outcome(decided: Any) -> Any:
    """A verdict without the way that it was come by."""
    return decided.removesuffix(SLOW) if isinstance(decided, str) else decided


def by_rule(
    rule: Rule, source: str, every: dict[str, CodeType], told: list[Pair], before: list[Any], at: array, enough: int
) -> Any:
    """In a child: the positions of the pairs that are decided otherwise without the rule, and how."""
    code = compile(switches.switched_off(rule, source), rule.module, "exec")
    stem = rule.module.rsplit(".", 1)[-1]
    Rooms({**every, rule.module: code}).enter()
    remember(stem not in BELOW_SYMPY, stem not in BELOW_PARSER)
    otherwise, changed = [], 0
    for one in at:
        now = verdict(told[one])
        if now != before[one]:
            otherwise.append((one, now))
            changed += outcome(now) != outcome(before[one])
            if changed == enough:
                break
    return otherwise


def forked(work: Callable[[], Any]) -> tuple[int, int]:
    """Process and pipe of a child that works and writes its result; its death is a result as well."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        gc.disable()
        try:
            reply = work()
        except BaseException as error:
            reply = f"{type(error).__name__}: {error}"
        with os.fdopen(writer, "w") as out:
            json.dump(reply, out)
        os._exit(0)
    os.close(writer)
    return pid, reader


def results(jobs: Iterator[tuple[Any, Callable[[], Any]]], processes: int) -> Iterator[tuple[Any, Any]]:
    """(job, its result) as children end; a string says why there is none."""
    import selectors

    selector = selectors.DefaultSelector()
    running: dict[int, tuple[Any, int, float, list[bytes]]] = {}
    jobs = iter(jobs)
    left = True
    while left or running:
        while left and len(running) < processes:
            try:
                job, work = next(jobs)
            except StopIteration:
                left = False
                break
            pid, reader = forked(work)
            running[reader] = (job, pid, time.monotonic(), [])
            selector.register(reader, selectors.EVENT_READ)
        for key, _ in selector.select(timeout=1):
            part = os.read(key.fd, 1 << 16)
            if part:
                running[key.fd][3].append(part)
                continue
            yield _ended(selector, running, key.fd)
        for fd in [fd for fd, (_, _, began, _) in running.items() if time.monotonic() - began > CHILD]:
            os.kill(running[fd][1], signal.SIGKILL)
            yield _ended(selector, running, fd)


def _ended(selector: Any, running: dict[int, Any], fd: int) -> tuple[Any, Any]:
    job, pid, _, parts = running.pop(fd)
    selector.unregister(fd)
    os.close(fd)
    os.waitpid(pid, 0)
    try:
        return job, json.loads(b"".join(parts))
    except ValueError:
        return job, "no result: ended by its deadline"


def sources() -> dict[str, str]:
    """Every module of the two rooms that decides something."""
    found = {}
    for room in ROOMS:
        for path in sorted((ROOT / "tasks" / "verify" / room).glob("*.py")):
            if path.stem not in MACHINERY:
                found[f"tasks.verify.{room}.{path.stem}"] = path.read_text(encoding="utf-8")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=os.environ.get("REWRITING_AGENT_DATA"))
    parser.add_argument("--pairs", type=Path, nargs="*", default=[], help="further labelled pairs, JSON lines")
    parser.add_argument("--sample", type=int, default=SAMPLE, help="gold answers and expert solutions")
    parser.add_argument("--without", nargs="*", default=[], help="the same, left out")
    parser.add_argument("--only", nargs="*", default=[], help="modules, names or kinds of rules; else all")
    parser.add_argument("--enough", type=int, help="changed verdicts after which a rule is not tried further")
    parser.add_argument("--markdown", action="store_true")
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    if options.data is None:
        sys.exit("rules: left out; name the folder of real corpora (--data or REWRITING_AGENT_DATA)")
    import logging

    logging.disable(logging.WARNING)
    signal.signal(signal.SIGALRM, _late)
    re._MAXCACHE = 10_000  # type: ignore[attr-defined]  # every child compiles the same patterns
    text = sources()
    found = [rule for module, source in text.items() for rule in switches.rules(module, source)]
    told = pairs(Path(options.data), options.pairs, options.sample)
    before, met = watch(found, text, told)
    every = {module: compile(source, module, "exec") for module, source in text.items()}
    Rooms(every).enter()
    chosen = [(n, r) for n, r in enumerate(found) if wanted(r, options.only, options.without, options.markdown)]
    ends = {"steps": 10**6}
    lowered = [f"{pair.gold[-END:]}\n{pair.text[-ends.get(pair.kind, END) :]}".lower() for pair in told]

    def jobs() -> Iterator[tuple[Any, Callable[[], Any]]]:
        for number, rule in chosen:
            at = places(number, rule, found, met, told, lowered)
            if not at:
                print(json.dumps(line(rule, 0, [], told, before)), flush=True)
                continue
            yield (
                (rule, len(at)),
                lambda rule=rule, at=at: by_rule(rule, text[rule.module], every, told, before, at, options.enough),
            )

    tally(told, before)
    gc.freeze()  # else a collection in a child copies the parent's memory
    for (rule, size), reply in results(jobs(), options.processes):
        print(json.dumps(line(rule, size, reply, told, before)), flush=True)


def _late(number: int, frame: Any) -> None:
    raise Late


def wanted(rule: Rule, only: list[str], without: list[str], whole: bool) -> bool:
    """Whether the rule is one of those asked for; `whole` leaves out the parts of functions, patterns and tables."""
    if whole and rule.kind not in ("function", "pattern"):
        return False
    names = {*rule.module.split("."), rule.name, rule.kind}
    return (not only or bool(names & set(only))) and not names & set(without)


def watch(found: list[Rule], text: dict[str, str], told: list[Pair]) -> tuple[list[Any], dict[int, array]]:
    """The verdicts with every rule in place, and the pairs that each rule meets."""
    numbered: dict[str, list[tuple[int, Rule]]] = defaultdict(list)
    for number, rule in enumerate(found):
        numbered[rule.module].append((number, rule))
    code = {
        module: compile(switches.watched(numbered[module], source), module, "exec") for module, source in text.items()
    }
    Rooms(code).enter()
    remember(False, False)
    before, met = [], defaultdict(lambda: array("I"))
    began = time.monotonic()
    for at, pair in enumerate(told):
        switches.SEEN.clear()
        started = time.monotonic()
        decided = verdict(pair)
        before.append(decided)
        if decided == "late" or time.monotonic() - started > DEADLINE / 4:
            continue  # what is decided so late may be late the next time
        for number in switches.SEEN:
            met[number].append(at)
    print(f"watched {len(told)} pairs in {time.monotonic() - began:.0f} s, {len(found)} rules", file=sys.stderr)
    return before, met


def places(
    number: int, rule: Rule, found: list[Rule], met: dict[int, array], told: list[Pair], lowered: list[str]
) -> array:
    """The pairs that a rule can matter to."""
    if rule.kind == "entry":
        kinds = ("steps",) if ".arithmetic." in rule.module else ("answer", "reference")
        word = rule.text.lower().lstrip("\\")
        return array("I", [at for at, pair in enumerate(told) if pair.kind in kinds and word in lowered[at]])
    if rule.kind in ("alternative", "exception"):
        whole = next(
            n for n, r in enumerate(found) if r.module == rule.module and r.node == rule.node and r.kind == "pattern"
        )
        return met[-1 - whole] if rule.kind == "exception" and met[-1 - whole] else met[whole]
    return met[number]


def tally(told: list[Pair], before: list[Any]) -> None:
    """The verdicts with every rule in place, against the labels."""
    count: dict[str, Counter[str]] = defaultdict(Counter)
    for pair, decided in zip(told, before, strict=True):
        label = right(pair, decided)
        count[f"{pair.suite} ({pair.kind})"]["none" if label is None else "right" if label else "wrong"] += 1
    for suite, counted in count.items():
        print(suite, dict(counted), file=sys.stderr)


def line(rule: Rule, size: int, reply: Any, told: list[Pair], before: list[Any]) -> dict[str, Any]:
    """One figure a rule."""
    told_of = {"rule": f"{rule.module.removeprefix('tasks.verify.')}:{rule.line}", "name": rule.name, "kind": rule.kind}
    told_of |= {"text": rule.text[:100], "met": size}
    if isinstance(reply, str):
        return {**told_of, "changed": size, "why": reply, "lost": size, "won": 0, "slower": 0, "suites": {}, "example": None}
    slower = sum(outcome(now) == outcome(before[at]) for at, now in reply)
    reply = [(at, now) for at, now in reply if outcome(now) != outcome(before[at])]
    suites = Counter(told[at].suite for at, _ in reply)
    lost = sum(right(told[at], before[at]) is True and right(told[at], now) is False for at, now in reply)
    won = sum(right(told[at], before[at]) is False and right(told[at], now) is True for at, now in reply)
    example = None
    if reply:
        at, now = reply[0]
        example = [told[at].gold[-60:], told[at].text[-60:], before[at], now]
    counted = {"changed": len(reply), "lost": lost, "won": won, "slower": slower}
    return {**told_of, **counted, "suites": dict(suites), "example": example}


if __name__ == "__main__":
    main()
