"""A rule's figures: which verdicts changed without it, as a JSON line and as a row of docs/verification.md."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from benchmarks._pairs import Pair
from benchmarks._rooms import SLOW
from benchmarks._switches import Rule


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
