"""What the UI shows of verified rewrites: how many pass, and why the others do not.

| verdict | reason | rewrites | for example |
| wrong | compared form by form | 41 | numinamath_cot/003b8beac59dbf9d |
"""

from collections.abc import Mapping

from tasks.rows.jsonl import Row, read_rows
from tasks.runtime.show import link, table
from tasks.runtime.store.store import Manifest, Store

MOST = 20  # reasons; a judge's own words are not among them


def view(built: Mapping[str, Manifest], home: Store) -> str:
    """Verdicts and reasons by how often, with a row of each: `rewriting-agent row ID` shows it."""
    [manifest] = built.values()
    found: dict[tuple[str, str], list[str]] = {}
    for row in read_rows(home.path(manifest.key) / "verdicts.jsonl", ["id", "passed", "answer"]):
        found.setdefault(reason(row), []).append(row["id"])
    total = sum(map(len, found.values()))
    often = sorted(found.items(), key=lambda one: -len(one[1]))
    rows = [(*said, len(ids), f"{100 * len(ids) / total:.1f}\u00a0%", ids[0]) for said, ids in often[:MOST]]
    more = f"\n\nand {len(often) - MOST} rarer reasons" if len(often) > MOST else ""
    listed = table(("verdict", "reason", "rewrites", "", "for example"), rows)
    return f"{listed}{more}\n\n{link(manifest.key)}"


def reason(row: Row) -> tuple[str, str]:
    """Verdict and reason in the checkers' words: ("wrong", "compared form by form"), ("reasoning", "arithmetic/3")."""
    if row["passed"]:
        return "passed", ""
    if row["answer"]["verdict"] != "correct":
        return row["answer"]["verdict"], row["answer"]["reason"]
    reasoning = row["reasoning"]
    return ("reasoning", reasoning["judge"]) if reasoning else ("no verdict", "")
