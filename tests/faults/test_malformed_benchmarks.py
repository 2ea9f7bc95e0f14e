"""Malformed benchmarks and files of settings, made from right ones by a seed: file, row, field and what it takes.

In:  amc23.jsonl.gz with {"id": 3, "problem": null, "answer": 27.0} in line 4
Out: "…/amc23.jsonl.gz: line 4: field 'problem': is null; the reader amc23 takes a text that is not empty"
"""

import gzip
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tasks.evaluate import benchmark
from tasks.evaluate.readers import LETTERS
from tasks.evaluate.understood import understood
from tasks.methods import method
from tasks.rows.jsonl import Row, RowError, write_rows
from tasks.rows.reader.files import raw_rows
from tasks.rows.source import SourceError
from tasks.verify.judges.judge import load_config
from tests.faults.conftest import Figure, Times
from tests.faults.test_malformed import ODD, garble
from tests.tasks.evaluate.test_answerers import SCHEMAS

PLAIN = [{"id": f"p{n}", "question": f"Which is {n}?", "answer": "AB"[n % 2], "options": ["x", "y"]} for n in range(3)]
ROWS: dict[str, list[Row]] = SCHEMAS | {"plain": PLAIN}
READABLE = [value for value in ODD if value != "\ud800"]  # such a row is no text, whatever its field
# Of a row that lost an option its answer may be named, which is then no letter of those that are left.
LEAVE_OUT = ("imo_numeric", "agieval", "ifeval")  # readers that by their rule leave rows out
OPTIONS, ANSWERS = ("options", "choices", "endings"), ("answer", "answerKey", "label")
# Of two lists of other lengths either may be named.
PAIRED = ("instruction_id_list", "kwargs")


def places(row: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every value of a row."""
    items = row.items() if isinstance(row, dict) else enumerate(row) if isinstance(row, list) else ()
    for name, value in items:
        yield (*at, name)
        yield from places(value, (*at, name))


def damaged(rows: list[Row], draw: random.Random) -> tuple[list[Row], int, str]:
    """The rows with one value lost or another, the number of its row, and its field."""
    made: list[Row] = json.loads(json.dumps(rows))
    number = draw.randrange(len(made))
    *parents, last = draw.choice([*places(made[number])])
    holder: Any = made[number]
    for one in parents:
        holder = holder[one]
    if draw.random() < 0.25:
        del holder[last]
    else:
        holder[last] = draw.choice(READABLE)
    return made, number, str((*parents, last)[0])


def fit(rows: list[Row], among: int | None) -> bool:
    """Whether all rows are there, each can be asked, and a right answer to it can be given."""
    for row in rows:
        letters = set(LETTERS[: len(row["options"])])
        if not row["question"].strip() or not row["answer"] or (letters and not set(row["answer"]) <= letters):
            return False
    return len({row["id"] for row in rows}) == len(rows) and among in (None, len(rows))


@pytest.mark.parametrize("reader", sorted(ROWS))
def test_a_row_with_an_odd_value(tmp_path: Path, reader: str, figure: Figure, times: Times) -> None:
    file, draw, read = tmp_path / "rows.jsonl", random.Random(14), benchmark.READERS[reader]
    held, among = 0, None if reader in LEAVE_OUT else len([*read(ROWS[reader])])
    for _ in range(tried := times(15, 400)):
        rows, number, field = damaged(ROWS[reader], draw)
        write_rows(file, rows)
        try:
            said = fit([*understood(read, str(file), raw_rows(file))], among)
        except RowError as error:
            named = {field, *(ANSWERS if field in OPTIONS else PAIRED if field in PAIRED else ())}
            said = error.where == f"line {number + 1}" and error.path == str(file) and error.field in named
        held += said
    figure(
        f"benchmark row of {reader} with an odd value", tried=tried, held=held, how="named by line and field, or right"
    )


@pytest.mark.parametrize("packed", ["", ".gz"])
def test_a_garbled_file_of_rows(tmp_path: Path, packed: str, figure: Figure, times: Times) -> None:
    file, draw, held, right = tmp_path / f"rows.jsonl{packed}", random.Random(14), 0, 0
    write_rows(tmp_path / "whole", ROWS["math500"])
    whole = (tmp_path / "whole").read_bytes()
    whole = gzip.compress(whole) if packed else whole
    for _ in range(tried := times(25, 1000)):
        file.write_bytes(garble(whole, draw))
        try:
            right += fit([*understood(benchmark.READERS["math500"], str(file), raw_rows(file))], None)
        except (RowError, SourceError) as error:
            held += str(file) in str(error)
    how = f"file and line named; {right} more were rows all the same"
    figure(f"garbled rows.jsonl{packed} of a benchmark", tried=tried - right, held=held, how=how)


def _judge(file: Path) -> object:
    return load_config(file, {})


# By kind of file: a right one, its reader, and the error it is told by.
SETTINGS: dict[str, tuple[str, Callable[[Path], object], type[Exception]]] = {
    "benchmark": (
        (benchmark.FOLDER / "mmlu.yaml").read_text(),
        lambda file: benchmark.benchmark(file.stem),
        SourceError,
    ),
    "method": ((method.FOLDER / "best_of_n.yaml").read_text(), method.read, method.MethodError),
    "judge": ("kind: openai\nurl: http://judge:8000/v1\nmodel: m\nvotes: 3\n", _judge, ValueError),
}


@pytest.mark.parametrize("kind", SETTINGS)
def test_a_garbled_file_of_settings(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, figure: Figure, times: Times
) -> None:
    whole, read, error_of = SETTINGS[kind]
    file, draw, held, right = tmp_path / "mmlu.yaml", random.Random(14), 0, 0
    monkeypatch.setattr(benchmark, "FOLDER", tmp_path)
    for number in range(tried := times(30, 1000)):
        if number % 2:
            file.write_bytes(garble(whole.encode(), draw))
        else:
            [changed], _, field = damaged([yaml.safe_load(whole)], draw)
            file.write_text(json.dumps(changed))  # JSON is YAML
        try:
            read(file)
            right += 1
        except error_of as error:
            held += str(file) in str(error) and (number % 2 == 1 or field in str(error))
    how = f"file named, and the field of an odd value; {right} more were still right"
    figure(f"malformed file of a {kind}", tried=tried - right, held=held, how=how)


@pytest.mark.parametrize(
    "text", ["a: " + "[" * 200_000, "- " * 200_000, "changes: &a {x: *a}", "order: !!timestamp x", "order: 2026-99-99"]
)
def test_yaml_that_ends_its_reader_is_told_as_such(tmp_path: Path, text: str) -> None:
    """PyYAML's C loader dies of the first two, its own raises what is no YAMLError at the last two."""
    (tmp_path / "mine.yaml").write_text(text)
    with pytest.raises(method.MethodError, match=r"mine\.yaml is no YAML: "):
        method.read(tmp_path / "mine.yaml")
