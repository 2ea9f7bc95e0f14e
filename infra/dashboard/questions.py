"""A benchmark question with the answer of every model, and the questions that a model forgot or gained.

In:  Index, Runs, the question id "nano_words/17"
Out: Question(text="…", answers=[Answer(run=sft/0, row={"correct": false, "extracted": "C", "gold": "B", …}), …])

The command `rewriting-agent question ID` and the dashboard share these functions.
"""

from dataclasses import dataclass, field
from typing import Any

from infra.dashboard.entry import Entry
from infra.dashboard.index import Index
from infra.dashboard.rows import all_rows, find_row
from infra.dashboard.runs import Run, Runs
from infra.dashboard.scores import answers_file

Row = dict[str, Any]
QUESTIONS = "questions.jsonl"
FILTERS = ("all", "forgotten", "gained", "undecided", "no answer", "wrong everywhere")


@dataclass
class Answer:
    """What one model said. `runs` are the reported runs that its evaluation belongs to; none for one without report."""

    made: Entry
    runs: list[Run]
    row: Row


@dataclass
class Question:
    """A benchmark's question with every model's answer."""

    id: str
    text: str = ""
    answers: list[Answer] = field(default_factory=list)


def question(index: Index, runs: Runs, asked: str) -> Question:
    """Every answer in the store, the base's first, then by method and seed.

    Raises:
        LookupError: nobody was asked it.
    """
    found = Question(asked, text_of(index, asked))
    by_key: dict[str, list[Run]] = {}
    for run in list(runs.by_id.values()):
        for key in run.artifacts.values():
            by_key.setdefault(key, []).append(run)
    for entry in index.of_kind("evaluate"):
        for file in sorted({answers_file(index, entry.key, name) for name in _benchmark(asked)}):
            if row := find_row(file, asked):
                found.answers.append(Answer(entry, by_key.get(entry.key, []), row))
    if not found.answers:
        raise LookupError(f"no evaluation in {index.root} asked {asked!r}; ids look like math500/17")
    found.answers.sort(
        key=lambda one: (one.made.method != "base", one.made.method, one.made.seed or 0, -one.made.started)
    )
    return found


def _benchmark(asked: str) -> list[str]:
    return [asked.rsplit("/", 1)[0]]


def text_of(index: Index, asked: str) -> str:
    """The question in words, as the newest list of questions has it; "" where none has."""
    for entry in index.of_kind("questions"):
        if row := find_row(index.folder(entry.key) / QUESTIONS, asked):
            return str(row.get("question", ""))
    return ""


@dataclass
class Table:
    """Questions × runs: `rows` are (id, [answer or None a run])."""

    runs: list[Run]
    rows: list[tuple[str, list[Row | None]]]


def table(index: Index, runs: list[Run], benchmark: str) -> Table:
    """The answers of several runs to one benchmark, joined by id."""
    columns: list[dict[str, Row]] = []
    for run in runs:
        key = run.artifacts.get(f"scores/{benchmark}", "")
        entry = index.entries.get(key)
        read = all_rows(answers_file(index, key, benchmark), entry.digest) if entry else []
        columns.append({row["id"]: row for row in read})
    ids = dict.fromkeys(row for column in columns for row in column)
    return Table(runs, [(one, [column.get(one) for column in columns]) for one in ids])


def choose(rows: list[tuple[str, list[Row | None]]], which: str) -> list[tuple[str, list[Row | None]]]:
    """Those of a filter. The first column is the base: forgotten is right there and wrong in one of the others."""
    return [row for row in rows if _TESTS.get(which, lambda first, others: True)(row[1][0], row[1][1:])]


def _right(row: Row | None) -> bool:
    return row is not None and bool(row.get("correct"))


def _wrong(row: Row | None) -> bool:
    return row is not None and not row.get("correct")


_TESTS: dict[str, Any] = {
    "forgotten": lambda first, others: _right(first) and any(_wrong(one) for one in others),
    "gained": lambda first, others: _wrong(first) and any(_right(one) for one in others),
    "undecided": lambda first, others: any(one and one.get("verdict") == "undecided" for one in [first, *others]),
    "no answer": lambda first, others: any(one and one.get("verdict") == "no_answer" for one in [first, *others]),
    "wrong everywhere": lambda first, others: not any(_right(one) for one in [first, *others]),
}
