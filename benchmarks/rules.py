"""What each rule of verification is worth: every rule switched off by itself, and the verdicts that change counted.

    REWRITING_AGENT_DATA=… python -m benchmarks.rules [--markdown] [--pairs FILE…] [--only tasks.verify.answers.units]

A rule is a function, a pattern, an entry of a table, a branch, a step, a substitution (_switches.py). A first pass over
all labelled pairs (_pairs.py) sees which rules each pair comes by; then a forked child for each rule takes the module
with that rule off and decides those pairs again. An exception or a deadline is a change.
Prints one JSON line a rule; with --markdown the table of docs/verification.md, of functions and named patterns only.
"""

import argparse
import json
import logging
import os
import re
import signal
import sys
import time
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import CodeType
from typing import Any

from benchmarks import _switches as switches
from benchmarks._forks import Job, results
from benchmarks._pairs import SAMPLE, Pair, pairs
from benchmarks._rooms import DEADLINE, Rooms, late, remember, verdict
from benchmarks._rules_told import line, outcome, right, table
from benchmarks._switches import Rule
from tasks.runtime.settings import ROOT

ROOMS = ("answers", "arithmetic")
# Processes and settings: no verdict is theirs.
MACHINERY = {"config", "pool", "worker", "zygote", "zygote_process", "__init__"}
END = 400  # characters of a text in which a table's entry is looked for
# What a verdict of SymPy rests on: with a rule of these off, nothing that was worked out before counts.
BELOW_SYMPY = {"symbolic", "values", "arguments", "parsing", "limits", "numbers", "number_words", "forms", "normal"}
BELOW_PARSER = {"arguments", "parsing", "limits"}


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
    signal.signal(signal.SIGALRM, late)
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


if __name__ == "__main__":
    main()
