"""A training row from its corpus to its target, and the rows of a training set.

In:  Index, the row id "numinamath_cot/7d77d01c15f7efab", the key of an assembled training set
Out: Story(question="…", expert="…", attempts=[Attempt(kind="rewrite", text="…", passed=False, …)],
     target=Target(kind="expert", fallback_reason="reasoning", nll=1.09, tokens=45, …), …)

The command `rewriting-agent row ID` and the dashboard share these functions. Texts are as they were stored: who shows
them escapes them.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson

from infra.dashboard.entry import Entry
from infra.dashboard.index import Index

Row = dict[str, Any]
ROWS, REWRITES, VERDICTS, NLLS, SAMPLES = (
    "rows.jsonl",
    "rewrites.jsonl",
    "verdicts.jsonl",
    "scores.jsonl",
    "samples.jsonl",
)
MAX_DATASETS = 200  # training sets that a row is looked up in, newest first


@dataclass
class Attempt:
    """One text that was tried for a row: a rewrite, a self-solution, a held-out rewrite, a sample of training."""

    kind: str
    made: Entry
    text: str
    row: Row
    verdict: Row | None = None
    judged: Entry | None = None

    @property
    def passed(self) -> bool | None:
        return (self.verdict or {}).get("passed")


@dataclass
class Target:
    """What one training set holds for the row. NLL in nats per token under pi_0, where it was scored."""

    dataset: Entry
    row: Row
    nll: float | None = None
    tokens: int | None = None


@dataclass
class Story:
    """What became of one demonstration: from its corpus through every rewrite to the datasets that hold it."""

    id: str
    question: str = ""
    expert: str = ""
    sources: list[tuple[Entry, Row]] = field(default_factory=list)  # corpus, sample, split: the row as each has it
    attempts: list[Attempt] = field(default_factory=list)
    targets: list[Target] = field(default_factory=list)


def story(index: Index, row: str, dataset: str = "") -> Story:
    """All that the store says of a row, or what led to its target in the training set `dataset`.

    Raises:
        LookupError: no artifact holds a row of this id.
    """
    found = Story(row)
    datasets = [index.entries[dataset]] if dataset in index.entries else index.of_kind("assemble")[:MAX_DATASETS]
    keys = index.above(one.key for one in datasets)
    if not dataset:
        keys |= {
            one.key for kind in ("corpus", "sample", "split", "measure", "train_agent") for one in index.of_kind(kind)
        }
    entries = sorted((index.entries[key] for key in keys if key in index.entries), key=lambda one: one.started)
    verdicts = _verdicts(index, entries, row)
    # The same rewrites may have been made and judged for another seed first: a training set's own are its inputs.
    tried = {key for _, key, _ in index.entries[dataset].inputs} if dataset in index.entries else keys
    for entry in entries:
        folder = index.folder(entry.key)
        if entry.kind in ("corpus", "sample", "split") and (said := find_row(folder / ROWS, row)):
            found.sources.append((entry, said))
            found.question, found.expert = said.get("question", ""), said.get("solution", "")
        elif (
            entry.kind in ("rewrite", "self_solve")
            and entry.key in tried
            and (said := find_row(folder / REWRITES, row))
        ):
            judged, verdict = verdicts.get(entry.digest, (None, None))
            found.attempts.append(Attempt(entry.kind, entry, said.get("text", ""), said, verdict, judged))
        elif entry.kind == "measure":
            found.attempts += [
                Attempt("held-out rewrite", entry, one.get("text", ""), one, {"passed": one.get("passed")})
                for one in rows_with(folder / REWRITES, row)
            ]
        elif entry.kind == "train_agent":
            found.attempts += [
                Attempt(f"training sample, step {one.get('step')}", entry, one.get("rewrite", ""), one, one)
                for one in rows_with(folder / SAMPLES, row)
            ]
    for entry in datasets:
        if said := find_row(index.folder(entry.key) / ROWS, row):
            nll = next(iter(_nlls(index, entry.key, row)), {})
            found.targets.append(Target(entry, said, nll.get("nll"), nll.get("tokens")))
            found.question = found.question or said.get("question", "")
    if not (found.sources or found.attempts or found.targets):
        raise LookupError(
            f"no artifact in {index.root} holds a row {row!r}; ids look like numinamath_cot/7d77d01c15f7efab"
        )
    return found


def _verdicts(index: Index, entries: list[Entry], row: str) -> dict[str, tuple[Entry, Row]]:
    """By the content digest of the rewrites: who judged them, and the row's verdict."""
    found: dict[str, tuple[Entry, Row]] = {}
    for entry in entries:
        if entry.kind == "verify" and (said := find_row(index.folder(entry.key) / VERDICTS, row)):
            found |= {digest: (entry, said) for name, _, digest in entry.inputs if name == "rewrites"}
    return found


def _nlls(index: Index, dataset: str, row: str) -> Iterator[Row]:
    for key in index.used_by.get(dataset, ()):
        if index.entries[key].kind == "score" and (said := find_row(index.folder(key) / NLLS, row)):
            yield said


def find_row(path: Path, row: str) -> Row | None:
    """The row of this id; None where the file, or the row in it, is not there."""
    return next(rows_with(path, row), None)


def rows_with(path: Path, row: str) -> Iterator[Row]:
    """Every row of this id. Lines that do not hold the id are not parsed: a file of 50,000 rows takes some 20 ms."""
    try:
        content = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return
    needle, at = orjson.dumps(row), 0
    while (at := content.find(needle, at)) >= 0:
        begin, end = content.rfind(b"\n", 0, at) + 1, content.find(b"\n", at)
        line = content[begin : end if end >= 0 else len(content)]
        at = begin + len(line)
        try:
            said = orjson.loads(line)
        except orjson.JSONDecodeError:
            continue  # the last line of a file that is still being written
        if isinstance(said, dict) and said.get("id") == row:
            yield said


@lru_cache(maxsize=8)
def all_rows(path: Path, digest: str) -> list[Row]:
    """Every row of a published file, kept by its artifact's digest; empty where the file is not there."""
    try:
        return [orjson.loads(line) for line in path.read_bytes().splitlines() if line]
    except FileNotFoundError:
        return []


# --- the rows of a training set ---

FILTERS = ("all", "rewrite", "self_solution", "fell back", "undecided")


def is_undecided(row: Row) -> bool:
    """Whether no verdict could be had of the row's rewrite."""
    verdict = row.get("verdict") or {}
    return bool(verdict) and (
        verdict.get("passed") is None or (verdict.get("answer") or {}).get("verdict") == "undecided"
    )


def fell_back(row: Row) -> bool:
    return bool(row.get("fallback_reason"))


def dataset_rows(index: Index, key: str) -> list[Row]:
    """The rows of a training set with the NLL of their targets. Raises LookupError where it is none."""
    entry = index.entries.get(key)
    if entry is None or entry.kind != "assemble":
        raise LookupError(f"{key} is no training set; `rewriting-agent lineage` lists what there is (kind assemble)")
    nll: dict[str, Row] = {}
    for user in index.used_by.get(key, ()):
        if index.entries[user].kind == "score":
            nll |= {row["id"]: row for row in all_rows(index.folder(user) / NLLS, index.entries[user].digest)}
    rows = all_rows(index.folder(key) / ROWS, entry.digest)
    return [
        row | {"nll": nll.get(row["id"], {}).get("nll"), "tokens": nll.get(row["id"], {}).get("tokens")} for row in rows
    ]


def choose(rows: list[Row], which: str, reason: str = "", text: str = "") -> list[Row]:
    """Those of a filter, with a fallback reason, whose id, question or target holds a text."""
    tests = {"fell back": fell_back, "undecided": is_undecided}
    test = tests.get(which, lambda row: which in ("", "all") or row.get("kind") == which)
    sought = text.casefold()
    return [
        row
        for row in rows
        if test(row)
        and (not reason or row.get("fallback_reason") == reason)
        and (not sought or any(sought in str(row.get(name, "")).casefold() for name in ("id", "question", "target")))
    ]


def counts(rows: list[Row]) -> tuple[dict[str, int], dict[str, int]]:
    """Rows by filter, and by fallback reason."""
    by_filter = {name: len(choose(rows, name)) for name in FILTERS}
    return by_filter, dict(Counter(str(row["fallback_reason"]) for row in rows if fell_back(row)).most_common())


def differing_targets(index: Index, ours: str, theirs: str) -> tuple[list[str], int]:
    """Ids of the rows whose target differs between two training sets, and how many both hold."""
    a, b = ({row["id"]: row["target"] for row in dataset_rows(index, key)} for key in (ours, theirs))
    both = [row for row in a if row in b]
    return [row for row in both if a[row] != b[row]], len(both)
