"""`rewriting-agent overlaps FILE`: rows whose question is a benchmark's or shares words with one, to be judged.

In:  a file of questions and targets of any usual kind and shape; the benchmarks' data
Out: how many rows each threshold of `sample.overlap` would leave out, the nearest pairs; with --json every one:
     {"id", "reason": "13-gram", "score": 0.93, "benchmark": "math500", "partner": "math500/…", "question", "asked"}

The rule is the sample's own (tasks/sample/overlap.py); nothing is left out of the file.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from flows.commands.located import Revision, Split, Subset, located
from flows.commands.reading import Encoding, Map, Questions, open_reader, show_understood, survey, tell_set_aside
from flows.commands.written import not_the_input, quarantine_of, writable
from tasks.rows.jsonl import Row, write_rows
from tasks.rows.reader.reader import Demonstration
from tasks.rows.source import SourceError

_SHOWN = 200  # characters of a question


def overlaps_command(
    file: Questions,
    benchmark: Annotated[
        list[str] | None,
        typer.Option(
            help="Benchmarks to compare with, by name; repeatable. Default: those of the backbone's file, without one "
            "the paper's eight."
        ),
    ] = None,
    backbone: Annotated[
        str | None,
        typer.Option(
            "--backbone",
            "-b",
            help="Whose benchmarks to compare with: a name under infra/backbones, or a YAML file of your own.",
        ),
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="Folder of the benchmarks' files; else they are downloaded, pinned.")
    ] = None,
    pairs: Annotated[int, typer.Option(min=0, help="Pairs that are shown, those that share most first.")] = 10,
    json_file: Annotated[
        Path | None, typer.Option("--json", callback=writable, help="Write every such row to this file.")
    ] = None,
    mapping: Map = None,
    encoding: Encoding = None,
    revision: Revision = None,
    subset: Subset = None,
    split: Split = "train",
) -> None:
    """List the rows that ask a benchmark's question or share 13 words in a row with one, and with which."""
    from flows.experiment import load_experiment
    from tasks.evaluate.config import EvaluateConfig
    from tasks.sample.overlap import BenchmarkQuestions

    if json_file is not None:
        not_the_input(file, json_file, quarantine_of(json_file))
    evaluated = EvaluateConfig() if backbone is None else load_experiment(backbone).evaluate
    names = list(dict.fromkeys(benchmark or evaluated.benchmarks))
    found, console = list[Row](), Console()
    with located(file, revision, subset, split) as location:
        questions = benchmark_questions(names, data or evaluated.benchmark_data)
        asked = {(row["benchmark"], row["id"]): row["question"] for row in questions}
        tested = BenchmarkQuestions(questions, overlap=1.0)
        reader = open_reader(location, mapping, encoding, whole=False)
        first, bad = survey(reader, file)
        show_understood(console, reader, first)
        tell_set_aside(console, bad, json_file)
        for one in reader:
            if isinstance(one, Demonstration) and (shared := tested.overlap(one.question)) is not None:
                told = {name: value for name, value in shared._asdict().items() if name != "left_out"}
                both = {"question": one.question, "asked": asked[shared.benchmark, shared.partner]}
                found.append({"id": one.id} | told | both)
    found.sort(key=lambda row: (-row["score"], row["id"]))
    if json_file is not None:
        write_rows(json_file, found)
    show(console, found, f"{reader.counts.usable} rows, {len(questions)} questions of {', '.join(names)}", pairs)


def benchmark_questions(names: Sequence[str], data: Path | None) -> list[Row]:
    """The questions of benchmarks, each with its benchmark's name.

    Raises:
        BadParameter: there is no such benchmark, or its data cannot be had; says what to type.
    """
    from tasks.evaluate.benchmark import rows

    try:
        return [{"benchmark": name} | row for name in names for row in rows(name, data)]
    except (SourceError, FileNotFoundError) as error:
        raise typer.BadParameter(
            f"{error}. Asked for are {', '.join(names)}: --data FOLDER says where their files lie, --benchmark NAME "
            "(repeatable) takes others"
        ) from None


def show(console: Console, found: list[Row], compared: str, pairs: int) -> None:
    """How many rows each threshold would leave out, and the nearest pairs."""
    from tasks.sample.overlap import SHOWN

    table = Table("share of the benchmark question's 13-grams", "rows", title=compared)
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
