"""What each rule of verification is worth: every rule switched off by itself, and the verdicts that change counted.

    REWRITING_AGENT_DATA=… python -m benchmarks.rules [--markdown] [--pairs FILE…] [--only tasks.verify.answers.units]

A rule is a function, a pattern, an entry of a table, a branch, a step, a substitution (_switches.py). A first pass over
all labelled pairs (_pairs.py) sees which rules each pair comes by; then a forked child for each rule takes the module
with that rule off and decides those pairs again. An exception or a deadline is a change.
Prints one JSON line a rule; with --markdown the table of docs/verification.md, of functions and named patterns only.
"""

import argparse
import ast
import importlib
import json
import logging
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
from benchmarks._forks import Job, results
from benchmarks._pairs import SAMPLE, Pair, pairs
from benchmarks._switches import Rule
from tasks.runtime.settings import ROOT

ROOMS = ("answers", "arithmetic")
MACHINERY = {"config", "pool", "zygote", "__init__"}  # processes and settings: no verdict is theirs
SLOW = " by SymPy"
DEADLINE = 4.0  # seconds for one pair
END = 400  # characters of a text in which a table's entry is looked for
# What a verdict of SymPy rests on: with a rule of these off, nothing that was worked out before counts.
BELOW_SYMPY = {"symbolic", "arguments", "parsing", "limits", "numbers", "number_words", "forms", "normal"}
BELOW_PARSER = {"arguments", "parsing", "limits"}

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

    def jobs() -> Iterator[Job]:
        for number, rule in chosen:
            at = places(number, rule, met, told, lowered)
            yield (rule, len(at)), partial(by_rule, rule, text[rule.module], every, told, before, at, options.enough)

    tally(told, before)
    lines = []
    for (rule, size), reply in results(jobs(), options.processes):
        lines.append(line(rule, size, reply, told, before))
        print(json.dumps(lines[-1]), file=sys.stderr if options.markdown else sys.stdout, flush=True)
    if options.markdown:
        print(*table(lines, text), sep="\n")


def _late(number: int, frame: Any) -> None:
    raise Late


def wanted(rule: Rule, only: list[str], without: list[str], whole: bool) -> bool:
    """Whether the rule is one of those asked for; `whole`: functions and named patterns only."""
    if whole and rule.kind != "function" and not (rule.kind == "pattern" and rule.name.lstrip("_").isupper()):
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


def places(number: int, rule: Rule, met: dict[int, array], told: list[Pair], lowered: list[str]) -> array:
    """The pairs that a rule can matter to."""
    if rule.kind != "entry":
        return met[number]
    kinds = ("steps",) if ".arithmetic." in rule.module else ("answer", "reference")
    word = rule.text.lower().lstrip("\\")
    return array("I", [at for at, pair in enumerate(told) if pair.kind in kinds and word in lowered[at]])


def tally(told: list[Pair], before: list[Any]) -> None:
    """The verdicts with every rule in place, against the labels."""
    count: dict[str, Counter[str]] = defaultdict(Counter)
    for pair, decided in zip(told, before, strict=True):
        label = right(pair, decided)
        named = {None: "no label", True: "right", False: "wrong"}[label]
        count[f"{pair.suite} ({pair.kind})"][named] += 1
    for suite, counted in count.items():
        print(suite, dict(counted), file=sys.stderr)


def line(rule: Rule, size: int, reply: Any, told: list[Pair], before: list[Any]) -> dict[str, Any]:
    """One figure a rule."""
    figures = {"module": rule.module, "line": rule.line, "name": rule.name, "kind": rule.kind}
    figures |= {"text": rule.text[:100], "met": size}
    if isinstance(reply, str):  # without the rule nothing is decided
        return figures | {"changed": size, "slower": 0, "suites": {}, "why": reply}
    changed = [(at, now) for at, now in reply if outcome(now) != outcome(before[at])]
    figures |= {"changed": len(changed), "slower": len(reply) - len(changed)}
    for name, was in (("lost", True), ("won", False)):
        figures[name] = sum(
            right(told[at], before[at]) is was and right(told[at], now) is not was for at, now in changed
        )
    figures["suites"] = Counter(told[at].suite for at, _ in changed)
    if changed:
        at, now = changed[0]
        figures["example"] = [told[at].gold[-60:], told[at].text[-60:], before[at], now]
    return figures


GROUPS = {  # column of the table → beginnings of the suites' names
    "labelled": ("policy", "tests"),
    "corpora": ("gold", "stated", "expert"),
    "near misses": ("near", "benchmark", "slipped"),
}


def table(lines: list[dict[str, Any]], text: dict[str, str]) -> Iterator[str]:
    """The rows of docs/verification.md: of each function and pattern the verdicts that change without it."""
    yield "| rule | what it is | " + " | ".join(GROUPS) + " | to SymPy |"
    yield "| --- | --- |" + " --- |" * (len(GROUPS) + 1)
    order = {module: at for at, module in enumerate(text)}
    for one in sorted(lines, key=lambda one: (order[one["module"]], one["line"])):
        counts = [
            sum(n for suite, n in one["suites"].items() if suite.startswith(names)) if "why" not in one else "?"
            for names in GROUPS.values()
        ]
        short = one["module"].removeprefix("tasks.verify.").replace(".", "/")
        what = described(text[one["module"]], one["line"], one["kind"])
        yield f"| {short} `{one['name']}` | {what} | " + " | ".join(map(str, [*counts, one["slower"]])) + " |"


def described(source: str, line: int, kind: str) -> str:
    """The first sentence of a function's docstring, or the comment of a pattern."""
    if kind == "function":
        node = next(n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.FunctionDef) and n.lineno == line)
        said = (ast.get_docstring(node) or "").split("\n\n")[0].replace("\n", " ").split(". ")[0]
    else:
        written = source.splitlines()
        comment = re.search(r"  # (.*)$", written[line - 1]) or re.match(r"# (.*)$", written[line - 2])
        said = comment[1] if comment else ""
    return said.strip().rstrip(".").replace("|", "\\|").replace("<", "&lt;")


if __name__ == "__main__":
    main()
