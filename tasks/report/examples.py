"""Rows before and after rewriting: the expert's target beside what each method trains on instead.

The choice is by a hash of the row's id, so that it is nobody's and the same for every method and seed.
"""

import hashlib
from collections.abc import Mapping, Sequence

from tasks.jsonl import Row
from tasks.report.data import Example, Run, Version

KEPT = 20_000  # characters of a text that the report holds; its page shows fewer still
_NAMES = (("sdft", "direct rewrite"), ("mind_the_gap", "Mind the Gap"), ("rewriting_agent", "agent rewrite"))

Read = Sequence[tuple[Run, Mapping[str, Row], Mapping[str, float]]]  # a run, its dataset by id, its NLL by id


def examples(read: Read, count: int) -> list[Example]:
    """At most `count` rows; a quarter of them, if there are so many, fell back to the expert.

    Needs the expert's dataset (`sft`) and that of at least one method that rewrites.
    """
    first: dict[str, tuple[Mapping[str, Row], Mapping[str, float]]] = {}
    for run, rows, nll in read:
        if rows and run.method not in first:
            first[run.method] = (rows, nll)
    shown = [(method, name) for method, name in _NAMES if method in first]
    if "sft" not in first or not shown:
        return []
    expert, expert_nll = first["sft"]
    leading = first[shown[-1][0]][0]
    ids = sorted((key for key in expert if key in leading), key=lambda key: hashlib.sha256(key.encode()).digest())
    rewritten = [key for key in ids if leading[key]["kind"] != "expert"]
    kept = [key for key in ids if leading[key]["kind"] == "expert"][: max(count // 4, count - len(rewritten))]
    chosen = (rewritten[: count - len(kept)] + kept)[:count]
    made = []
    for key in chosen:
        row = expert[key]
        versions = [Version(name="expert", text=row["target"][:KEPT], nll=expert_nll.get(key))]
        versions += [_version(name, *first[method], key) for method, name in shown if key in first[method][0]]
        made.append(Example(id=key, question=row["question"][:KEPT], versions=versions))
    return made


def _version(name: str, rows: Mapping[str, Row], nll: Mapping[str, float], key: str) -> Version:
    row = rows[key]
    verdict = row.get("verdict") or {}
    if row["kind"] == "expert":  # the dataset holds the expert's text here, not the rewrite that failed
        reason = row.get("fallback_reason") or "not rewritten"
        said = (verdict.get("answer") or {}).get("reason")
        return Version(
            name=name,
            text="",
            verdict="failed" if row.get("fallback_reason") else None,
            reason=f"fell back to the expert: {reason}{f' ({said})' if said else ''}",
        )
    name = f"{name} (own solution)" if row["kind"] == "self_solution" else name
    return Version(name=name, text=row["target"][:KEPT], verdict="passed", nll=nll.get(key))
