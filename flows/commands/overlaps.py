"""`rewriting-agent overlaps FILE`: rows whose question is a benchmark's or shares words with one, to be judged.

In:  a file of questions and targets of any usual kind and shape; the benchmarks' data
Out: how many rows each threshold of `sample.overlap` would leave out, the nearest pairs; with --json every one:
     {"id", "reason": "13-gram", "score": 0.93, "benchmark": "math500", "partner": "math500/…", "question", "asked"}

The rule is the sample's own (tasks/sample/overlap.py); nothing is left out of the file.
"""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from flows.commands.located import Revision, Split, Subset, located
from flows.commands.reading import Encoding, Map, Questions, open_reader, show_understood, survey, tell_set_aside
from tasks.rows.jsonl import Row, write_rows
from tasks.rows.reader.reader import Demonstration

_SHOWN = 200  # characters of a question


def overlaps_command(
    file: Questions,
    benchmark: Annotated[
        list[str] | None,
        typer.Option(help="Benchmarks to compare with, by name; repeatable. Default: those of the backbone's file."),
    ] = None,
    backbone: Annotated[
        str, typer.Option("--backbone", "-b", help="A name under infra/backbones, or a YAML file of your own.")
    ] = "nano",
    data: Annotated[
        Path | None, typer.Option(help="Folder of the benchmarks' files; else they are downloaded, pinned.")
    ] = None,
    pairs: Annotated[int, typer.Option(min=0, help="Pairs that are shown, those that share most first.")] = 10,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write every such row to this file.")] = None,
    mapping: Map = None,
    encoding: Encoding = None,
    revision: Revision = None,
    subset: Subset = None,
    split: Split = "train",
) -> None:
    """List the rows that ask a benchmark's question or share 13 words in a row with one, and with which."""
    from flows.experiment import load_experiment
    from tasks.evaluate.benchmark import rows
    from tasks.sample.overlap import BenchmarkQuestions

    evaluated = load_experiment(backbone).evaluate
    names = benchmark or list(evaluated.benchmarks)
    questions = [{"benchmark": name} | row for name in names for row in rows(name, data or evaluated.benchmark_data)]
    asked = {(row["benchmark"], row["id"]): row["question"] for row in questions}
    tested, found, console = BenchmarkQuestions(questions, overlap=1.0), list[Row](), Console()
    with located(file, revision, subset, split) as location:
        reader = open_reader(location, mapping, encoding, whole=False)
        first, bad = survey(reader, file)
        show_understood(console, reader, first)
        tell_set_aside(console, bad)
        for one in reader:
            if isinstance(one, Demonstration) and (shared := tested.overlap(one.question)) is not None:
                told = {name: value for name, value in shared._asdict().items() if name != "left_out"}
                both = {"question": one.question, "asked": asked[shared.benchmark, shared.partner]}
                found.append({"id": one.id} | told | both)
    found.sort(key=lambda row: (-row["score"], row["id"]))
    if json_file is not None:
        write_rows(json_file, found)
    show(console, found, reader.counts.usable, len(questions), pairs)


def show(console: Console, found: list[Row], rows: int, questions: int, pairs: int) -> None:
    """How many rows each threshold would leave out, and the nearest pairs."""
    from tasks.sample.overlap import SHOWN

    table = Table("share of the benchmark question's 13-grams", "rows", title=f"{rows} rows, {questions} questions")
    same = sum(row["reason"] == "the same question" for row in found)
    table.add_row("the same question", str(same))
    for least in reversed(SHOWN):
        table.add_row(f"{least:g} or more, these among them", str(sum(row["score"] >= least for row in found)))
    table.add_row("any", str(len(found)))
    console.print(table)
    for row in found[:pairs]:
        head = f"\n{row['id']} and {row['partner']} ({row['benchmark']}): {row['reason']}, {row['score']:g}"
        console.print(Text(head, style="bold"), soft_wrap=True)
        for text in (row["question"], row["asked"]):
            console.print(Text(text if len(text) <= _SHOWN else f"{text[:_SHOWN]} …"), soft_wrap=True)
