"""`rewriting-agent score FILE --backbone B`: is my data off-distribution for this model, is rewriting it worth it?

In:  a file of questions and targets of any usual kind and shape (tasks/rows/reader/); `id` and `source` are kept
Out: a table of NLLs by source, the rows that stand out, a recommendation; with --json one row a line
"""

import tempfile
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from flows.commands.located import Revision, Split, Subset, located
from flows.commands.options import Backbone
from flows.commands.reading import Encoding, Map, Questions, asked_by, open_reader, show_understood, survey
from flows.commands.written import not_the_input, writable
from tasks.rows.jsonl import Row, read_rows, write_rows
from tasks.rows.reader.reader import Demonstration, Reader
from tasks.runtime.progress.status_line import status_line
from tasks.score.compare import FEW, Comparison, compare, recommendation, stand_out


def score_command(
    file: Questions,
    backbone: Backbone = "nano",
    domain: Annotated[
        Literal["math", "general"] | None,
        typer.Option(
            help="How the questions are asked: by the paper's prompt for mathematics, or as they stand. Default: as "
            "the first corpus of the backbone's file says."
        ),
    ] = None,
    rows: Annotated[int, typer.Option(min=1, help="Rows of the file that are scored, evenly spaced.")] = 500,
    own: Annotated[int, typer.Option(min=1, help="Questions that the model answers itself, to compare with.")] = 64,
    max_new_tokens: Annotated[int, typer.Option(min=8, help="Most tokens of such an answer.")] = 1024,
    json_file: Annotated[
        Path | None, typer.Option("--json", callback=writable, help="Write every scored row to this file.")
    ] = None,
    mapping: Map = None,
    encoding: Encoding = None,
    revision: Revision = None,
    subset: Subset = None,
    split: Split = "train",
) -> None:
    """Say how likely a dataset's targets are under a model, against the model's own answers, and what to do."""
    not_the_input(file, json_file)
    console = Console()
    with located(file, revision, subset, split) as location:
        reader = open_reader(location, mapping, encoding, whole=False)
        first, set_aside = survey(reader, file)
        bad = [one.describe() for one in set_aside]
        show_understood(console, reader, first)
        chosen = [
            {"id": one.id, "question": one.question, "target": one.solution, "source": one.source}
            for one in evenly(reader, rows)
        ]
    with tempfile.TemporaryDirectory() as folder, status_line(console):
        compared, skipped = run_engine(Path(folder), backbone, chosen, own, max_new_tokens, domain)
    if json_file is not None:
        write_rows(json_file, compared)
    show(console, compared, {row["id"]: row for row in chosen}, skipped, bad)


def evenly(reader: Reader, count: int) -> list[Demonstration]:
    """At most `count` usable rows, evenly spaced over a file that was read once; the others are not held."""
    usable = reader.counts.usable
    count = min(count, usable)
    wanted = {int(place * usable / count) for place in range(count)}
    rows = (one for one in reader if isinstance(one, Demonstration))
    return [one for place, one in enumerate(rows) if place in wanted]


def run_engine(
    folder: Path, name: str, rows: list[Row], own: int, max_new_tokens: int, domain: str | None = None
) -> tuple[list[Row], list[Row]]:
    """Rows with their NLLs and those that do not fit the model's context; each asked by the prompt of its domain."""
    from flows.experiment import load_experiment
    from tasks.backbone.backbone import backbone
    from tasks.runtime.engines.engine import run
    from tasks.runtime.settings import settings
    from tasks.score.spec import CompareSpec

    experiment = load_experiment(name, {} if domain is None else {"corpora.0.domain": domain})
    model = backbone.folder(experiment.backbone)
    write_rows(folder / "rows.jsonl", (row | asked_by(experiment) for row in rows))
    spec = CompareSpec(
        backbone=model,
        rows=folder / "rows.jsonl",
        own=own,
        max_new_tokens=max_new_tokens,
        out=folder,
        cuda=settings().cuda(),
        dtype=experiment.score.dtype,
    )
    run("inference", "tasks.score.compare_engine", spec, folder)
    return list(read_rows(folder / "compared.jsonl")), list(read_rows(folder / "skipped.jsonl"))


def show(
    console: Console, compared: list[Row], texts: dict[str, Row], skipped: list[Row], bad: list[str], count: int = 5
) -> None:
    """Print the comparison; texts of the dataset are escaped."""
    if not compared:
        console.print(f"No row fits the model's context; first: {escape(skipped[0]['reason'])}")
        raise typer.Exit(1)
    if all(row["own_nll"] is None for row in compared):
        console.print("None of the model's own answers ended within --max-new-tokens: allow more.")
        raise typer.Exit(1)
    parts = compare(compared)
    table = Table("source", "rows", "targets: median (10 %, 90 %)", "own answers", "stands out")
    for part in parts:
        of_all = "*" if part.pooled and part is not parts[0] else ""
        answers = _spread(part.answers) + of_all
        table.add_row(escape(part.source), str(part.rows), _spread(part.targets), answers, _chance(part))
    if any(part.pooled for part in parts[1:]):
        table.caption = f"* of all sources: fewer than {FEW} of this source's questions were answered"
    console.print("NLL under the model of the plain question, in nats per token")
    console.print(table)
    outliers = Table("NLL", "row", "target begins")
    for row in stand_out(compared, count):
        outliers.add_row(f"{row['nll']:.2f}", escape(row["id"]), escape(texts[row["id"]]["target"][:90]))
    console.print("Least likely targets")
    console.print(outliers)
    for what, number, first in (
        ("do not fit the model's context", len(skipped), skipped[0]["reason"] if skipped else ""),
        ("cannot be read", len(bad), bad[0] if bad else ""),
    ):
        if number:
            console.print(f"{number} rows {what}; first: {escape(first)}", style="yellow")
    console.print(recommendation(parts[0]), style="bold")


def _spread(quantiles: tuple[float, float, float]) -> str:
    low, middle, high = quantiles
    return f"{middle:.2f} ({low:.2f}, {high:.2f})"


def _chance(part: Comparison) -> str:
    return f"{part.higher:.0%}"
