"""Rows before and after rewriting: the expert's solution beside its rewrites.

Held-out rows where they are at hand (then rewrites that fail are shown too: of each rewriter the first that it
sampled, not its best), else the rows of the training sets. The choice of rows is by a hash of their ids, so that it is
nobody's and the same for every method and seed.
"""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from tasks.report.schema.row_data import Example, Verdict, Version
from tasks.report.schema.run_data import Run
from tasks.rows.jsonl import Row, read_rows

KEPT = 20_000  # characters of a text that the report holds; its page shows fewer still
_NAMES = (("sdft", "direct rewrite"), ("mind_the_gap", "Mind the Gap"), ("rewriting_agent", "agent rewrite"))


def held_out_examples(rows: Path, untrained: Sequence[Path], trained: Sequence[Path], count: int) -> list[Example]:
    """At most `count` held-out rows with the first rewrite of the untrained rewriter and of the first seed's agent.

    Args:
        rows: the held-out split, rows.jsonl {"id", "question", "solution"}.
        untrained, trained: folders of `measure`.
    """
    if not untrained or not trained:
        return []
    experts = {row["id"]: row for row in read_rows(untrained[0] / "rows.jsonl", ["expert_nll", "expert_length"])}
    direct, agent = _first_rewrites(untrained[0]), _first_rewrites(trained[0])
    by_id = {row["id"]: row for row in read_rows(rows / "rows.jsonl", ["id", "question", "solution"])}
    made = []
    for key in sorted(set(by_id) & set(experts) & set(direct) & set(agent), key=_rank)[:count]:
        expert = experts[key]
        before = Version(
            name="expert",
            text=by_id[key]["solution"][:KEPT],
            nll=expert["expert_nll"],
            tokens=expert["expert_length"],
        )
        after = [_rewrite(name, one[key]) for name, one in (("direct rewrite", direct), ("agent rewrite", agent))]
        made.append(Example(id=key, question=by_id[key]["question"][:KEPT], versions=[before, *after]))
    return made


def _first_rewrites(folder: Path) -> dict[str, Row]:
    first: dict[str, Row] = {}
    for row in read_rows(folder / "rewrites.jsonl", ["id", "text", "passed"]):
        first.setdefault(row["id"], row)
    return first


def _rewrite(name: str, row: Row) -> Version:
    verdicts: dict[bool | None, Verdict] = {True: "passed", False: "failed", None: "no verdict"}
    return Version(
        name=name,
        text=row["text"][:KEPT],
        verdict=verdicts[row["passed"]],
        reason=None if row.get("finished", True) else "cut off at the token limit",
        nll=row.get("nll"),
        tokens=row.get("tokens"),
    )


def _rank(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()


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
    ids = sorted((key for key in expert if key in leading), key=_rank)
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
