"""`rewriting-agent rewrite FILE --adapter A`: rewrite and verify a file of demonstrations, rows in, rows out.

In:  JSON lines with questions, solutions and, if there are, answers under the usual names (rows/demonstrations.py)
Out: every usable row as it was, and beside its fields
     {"target": "Step 1: …", "kind": "rewrite" | "expert", "verdict": {…} | null, "fallback_reason": null | "wrong" | …}

The work lies beside the output in `.<output>.<digest of the work>/`: a killed command that is called
again goes on from there.
"""

import shutil
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from flows.commands.agent import find_adapter, find_experiment
from tasks.rows.demonstrations import Demonstrations, describe, read_demonstrations
from tasks.rows.jsonl import Row, read_rows, write_rows
from tasks.runtime.digest import digest_file, digest_folder, digest_value
from tasks.runtime.status_line import status_line

if TYPE_CHECKING:
    from flows.experiment import Experiment


def rewrite_command(
    file: Annotated[Path, typer.Argument(help="JSON lines with questions and solutions; .gz is read too.")],
    adapter: Annotated[
        str | None,
        typer.Option(
            "--adapter",
            "-a",
            help="The agent: a PEFT folder, or the beginning of a train_agent key (`rewriting-agent lineage`). "
            "Left out: the backbone itself with the rewriting prompt.",
        ),
    ] = None,
    backbone: Annotated[
        str | None,
        typer.Option(
            "--backbone",
            "-b",
            help="A name under infra/backbones, a YAML file of your own, or the folder of a model. Left out: what the "
            "agent was trained on; without an agent nano.",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="File to write; default: FILE with .rewritten.jsonl.")
    ] = None,
) -> None:
    """Rewrite demonstrations with an agent and verify each; a row whose rewrite fails keeps its own solution."""
    if not file.is_file():
        raise typer.BadParameter(f"{file} is not a file")
    out = out or file.with_name(file.name.removesuffix(".gz").removesuffix(".jsonl") + ".rewritten.jsonl")
    given = read_demonstrations(file)
    if not given.rows:
        first = describe(given.bad[0]) if given.bad else "the file is empty"
        raise typer.BadParameter(f"{file}: no row can be used; first: {first}")
    agent = None if adapter is None else find_adapter(adapter)
    experiment = find_experiment(agent, backbone)
    console = Console()
    if agent is not None:
        console.print(f"the agent {agent} on {experiment.backbone.name}", markup=False, soft_wrap=True)
    with status_line(console):
        assembled = rewrite_file(given, digest_file(file), agent, experiment, out)
    summarise(console, assembled, given, out)


def rewrite_file(
    given: Demonstrations, digest: str, adapter: Path | None, experiment: "Experiment", out: Path
) -> list[Row]:
    """Rewrite, verify and assemble by the pipeline's own stages; writes `out` and returns the assembled rows."""
    from tasks.assemble.assemble import AssembleConfig, assemble
    from tasks.backbone.backbone import backbone as import_backbone
    from tasks.rewrite.rewrite import rewrite
    from tasks.verify.fitness import require_fit
    from tasks.verify.stage import verify

    config = experiment.rewrite.model_copy(update={"shards": 1})
    made_from = [digest, None if adapter is None else digest_folder(adapter), experiment.backbone.source()]
    name = digest_value([*made_from, config.model_dump(), experiment.gate.model_dump()])[:12]
    work = out.with_name(f".{out.name}.{name}")
    rows, rewrites, verdicts, dataset = (work / part for part in ("rows", "rewrites", "verdicts", "dataset"))
    try:
        for folder in (rows, rewrites, verdicts, dataset):
            folder.mkdir(parents=True, exist_ok=True)
        model = import_backbone.folder(experiment.backbone)
        write_rows(rows / "rows.jsonl", given.rows)
        require_fit(experiment.gate, rows / "rows.jsonl")  # before hours of rewriting
        rewrite.plain(config, rewrites, backbone=model, rows=rows, adapter=adapter)
        judging = model if experiment.gate.asks_backbone else None
        verify.plain(experiment.gate, verdicts, rows=rows, rewrites=rewrites, backbone=judging)
        made = {"rewrites": {"all": rewrites}, "rewrite_verdicts": {"all": verdicts}}
        assemble.plain(AssembleConfig(), dataset, rows=rows, **made)
    except BaseException:
        if any(any(rewrites.glob(done)) for done in ("scratch/blocks/*", "scratch/finished.jsonl", "rewrites.jsonl")):
            Console(stderr=True).print(f"what is rewritten stays in {work}; the same command goes on from there")
        else:
            shutil.rmtree(work, ignore_errors=True)
        raise
    assembled = list(read_rows(dataset / "rows.jsonl"))
    added = ("target", "kind", "verdict", "fallback_reason")
    write_rows(out, (given.originals[row["id"]] | {name: row[name] for name in added} for row in assembled))
    if given.bad:
        write_rows(quarantine_of(out), given.bad)
    shutil.rmtree(work)
    return assembled


def quarantine_of(out: Path) -> Path:
    """Where rows that cannot be used go, with their reasons."""
    return out.with_name(f"{out.name.removesuffix('.jsonl')}.quarantine.jsonl")


def summarise(console: Console, assembled: list[Row], given: Demonstrations, out: Path) -> None:
    """Print what became of the rows."""
    fates = Counter("rewritten" if row["kind"] == "rewrite" else f"kept: {row['fallback_reason']}" for row in assembled)
    table = Table("rows", "number", "share")
    for fate, number in fates.most_common():
        table.add_row(escape(fate), str(number), f"{number / len(assembled):.1%}")
    console.print(table)
    if given.bad:
        first = escape(describe(given.bad[0]))
        console.print(f"{len(given.bad)} rows set aside in {quarantine_of(out)}; first: {first}", style="yellow")
    console.print(f"written: {out}", soft_wrap=True)
