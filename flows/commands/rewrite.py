"""`rewriting-agent rewrite FILE --adapter A`: rewrite and verify a file of demonstrations, rows in, rows out.

In:  a file of questions, solutions and, if there are, answers, of any usual kind and shape (tasks/rows/reader/)
Out: every usable row as it was, and beside its fields
     {"target": "Step 1: …", "kind": "rewrite" | "expert", "verdict": {…} | null, "fallback_reason": null | "wrong" | …}

The work lies beside the output in `.<output>.<digest of the work>/`: a killed command that is called
again goes on from there.
"""

import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from flows.commands.agent import find_adapter, find_experiment
from flows.commands.located import OR_HUB, Revision, Split, Subset, located
from flows.commands.reading import KINDS, Encoding, Map, asked_by, open_reader, show_understood, survey
from tasks.rows.jsonl import Row, RowError, read_rows, write_rows
from tasks.rows.reader.files import SUFFIXES
from tasks.rows.reader.reader import Demonstration, Reader, SetAside
from tasks.runtime.digest import digest_file, digest_folder, digest_value
from tasks.runtime.status_line import status_line

if TYPE_CHECKING:
    from flows.experiment import Experiment


def rewrite_command(
    file: Annotated[Path, typer.Argument(help=f"Questions and solutions: {KINDS}; {OR_HUB}.")],
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
    mapping: Map = None,
    encoding: Encoding = None,
    revision: Revision = None,
    subset: Subset = None,
    split: Split = "train",
) -> None:
    """Rewrite demonstrations with an agent and verify each; a row whose rewrite fails keeps its own solution."""
    with located(file, revision, subset, split) as location:
        there = file if location == file else Path(location.name)  # a dataset on the hub: in the folder of the command
        out = out or there.with_name(_stem(there.name) + ".rewritten.jsonl")
        # Absolute: engines run in the project's folder, wherever the command was called.
        _rewrite(open_reader(location, mapping, encoding), location, adapter, backbone, out.absolute())


def _rewrite(reader: Reader, location: Path, adapter: str | None, backbone: str | None, out: Path) -> None:
    first, bad = survey(reader, location)
    agent = None if adapter is None else find_adapter(adapter)
    experiment = find_experiment(agent, backbone)
    console = Console()
    show_understood(console, reader, first)
    if agent is not None:
        console.print(f"the agent {agent} on {experiment.backbone.name}", markup=False, soft_wrap=True)
    # What decides which rows there are: the bytes, and how they are read.
    digest = digest_value([_digest(location), reader.mapping, reader.encoding])
    with status_line(console):
        fates = rewrite_file(reader, digest, agent, experiment, out)
    if bad:
        write_rows(quarantine_of(out), ({name: getattr(one, name) for name in one.__slots__} for one in bad))
    summarise(console, fates, bad, out)


def _stem(name: str) -> str:
    """A file's name without what says its kind."""
    for packed in (".gz", ".bz2", ".xz", ".zst"):
        name = name.removesuffix(packed)
    for suffix in SUFFIXES:
        name = name.removesuffix(suffix)
    return name


def _digest(location: Path) -> str:
    return digest_file(location) if location.is_file() else digest_folder(location)


def rewrite_file(
    reader: Reader, digest: str, adapter: Path | None, experiment: "Experiment", out: Path
) -> Counter[str]:
    """Rewrite, verify and assemble by the pipeline's own stages; writes `out` and counts what became of the rows."""
    from tasks.assemble.assemble import AssembleConfig, assemble
    from tasks.backbone.backbone import backbone as import_backbone
    from tasks.rewrite.rewrite import rewrite
    from tasks.runtime.key import config_for_key
    from tasks.verify.fitness import require_fit
    from tasks.verify.stage import verify

    config = experiment.rewrite.model_copy(update={"shards": 1})
    domain = asked_by(experiment)
    made_from = [digest, *domain, None if adapter is None else digest_folder(adapter), experiment.backbone.source()]
    name = digest_value([*made_from, config.model_dump(), config_for_key(experiment.gate)])[:12]
    work = out.with_name(f".{out.name}.{name}")
    rows, rewrites, verdicts, dataset = (work / part for part in ("rows", "rewrites", "verdicts", "dataset"))
    try:
        for folder in (rows, rewrites, verdicts, dataset):
            folder.mkdir(parents=True, exist_ok=True)
        model = import_backbone.folder(experiment.backbone)
        write_rows(rows / "rows.jsonl", (one.row() | domain for one in _usable(reader)))
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
    fates: Counter[str] = Counter()
    write_rows(out, _written(reader, dataset / "rows.jsonl", fates))
    shutil.rmtree(work)
    return fates


def _usable(reader: Reader) -> Iterator[Demonstration]:
    return (one for one in reader if isinstance(one, Demonstration))


def _written(reader: Reader, assembled: Path, fates: Counter[str]) -> Iterator[Row]:
    """Every usable row as it stood in the file with what became of it, read side by side so that none is held."""
    made = read_rows(assembled)
    for one in _usable(reader):
        row = next(made, None)
        if row is None or row["id"] != one.id:
            raise RowError(assembled, f"row {one.id}", "id", "the file changed while it was rewritten; run it again")
        fates["rewritten" if row["kind"] == "rewrite" else f"kept: {row['fallback_reason']}"] += 1
        added = {name: row[name] for name in ("target", "kind", "verdict", "fallback_reason")}
        own_id = {} if str(one.original.get("id")) == one.id else {"id": one.id}  # missing, repeated or mapped
        yield one.original | own_id | added


def quarantine_of(out: Path) -> Path:
    """Where rows that cannot be used go, with their reasons."""
    return out.with_name(f"{out.name.removesuffix('.jsonl')}.quarantine.jsonl")


def summarise(console: Console, fates: Counter[str], bad: list[SetAside], out: Path) -> None:
    """Print what became of the rows."""
    table = Table("rows", "number", "share")
    for fate, number in fates.most_common():
        table.add_row(escape(fate), str(number), f"{number / fates.total():.1%}")
    console.print(table)
    if bad:
        first = escape(bad[0].describe())
        console.print(f"{len(bad)} rows set aside in {quarantine_of(out)}; first: {first}", style="yellow")
    console.print(f"written: {out}", soft_wrap=True)
