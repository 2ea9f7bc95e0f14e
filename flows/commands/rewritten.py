"""A file's rows through the pipeline's own stages, in a folder beside the output that a resumed command finds again.

In:  a reader of the file, the agent, the experiment; of an output that is there the rows that are asked again
Out: the output whole or not at all, and {"rewritten": 50, "kept: wrong": 7, …}
"""

import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from flows.commands.reading import asked_by
from flows.commands.rerun import ADDED, Before, joined
from tasks.rows.jsonl import Row, RowError, read_rows, write_rows
from tasks.rows.reader.reader import Demonstration, Reader
from tasks.runtime.files.digest import digest_file, digest_folder, digest_value

if TYPE_CHECKING:
    from flows.experiment import Experiment


def rewrite_file(
    reader: Reader,
    digest: str,
    adapter: Path | None,
    experiment: "Experiment",
    out: Path,
    before: Before | None = None,
) -> Counter[str]:
    """Rewrite, verify and assemble by the pipeline's own stages; writes `out` and counts what became of the rows.

    With `before` only the rows that it asks again; the others are taken from its output.
    """
    from tasks.assemble.assemble import AssembleConfig, assemble
    from tasks.backbone.backbone import backbone as import_backbone
    from tasks.rewrite.rewrite import rewrite
    from tasks.runtime.key import config_for_key
    from tasks.verify.fitness import require_fit
    from tasks.verify.stage import verify

    config = experiment.rewrite.model_copy(update={"shards": 1})
    domain = asked_by(experiment)
    made_from = [digest, *domain, None if adapter is None else digest_folder(adapter), experiment.backbone.source()]
    made_from += [] if before is None else [digest_file(before.out)]
    name = digest_value([*made_from, config_for_key(config), config_for_key(experiment.gate)])[:12]
    work = out.with_name(f".{out.name}.{name}")
    rows, rewrites, verdicts, dataset = (work / part for part in ("rows", "rewrites", "verdicts", "dataset"))
    try:
        for folder in (rows, rewrites, verdicts, dataset):
            folder.mkdir(parents=True, exist_ok=True)
        model = import_backbone.folder(experiment.backbone)
        write_rows(rows / "rows.jsonl", (one.row() | domain for one in _usable(reader) if _asked(one, before)))
        require_fit(experiment.gate, rows / "rows.jsonl")  # before hours of rewriting
        rewrite.plain({"all": config}, {"all": rewrites}, backbone=model, rows=rows, adapter=adapter)
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
    write_rows(out, _written(reader, dataset / "rows.jsonl", fates, before))
    shutil.rmtree(work)
    return fates


def _usable(reader: Reader) -> Iterator[Demonstration]:
    return (one for one in reader if isinstance(one, Demonstration))


def _asked(one: Demonstration, before: Before | None) -> bool:
    return before is None or one.id in before.again


def _written(reader: Reader, assembled: Path, fates: Counter[str], before: Before | None = None) -> Iterator[Row]:
    """Every usable row as it stood in the file with what became of it, read side by side so that none is held."""
    made = read_rows(assembled) if before is None else joined(before, read_rows(assembled))
    for one in _usable(reader):
        row = next(made, None)
        if row is None or row["id"] != one.id:
            raise RowError(assembled, f"row {one.id}", "id", "the file changed while it was rewritten; run it again")
        fates["rewritten" if row["kind"] == "rewrite" else f"kept: {row['fallback_reason']}"] += 1
        added = {name: row[name] for name in ADDED}
        own_id = {} if str(one.original.get("id")) == one.id else {"id": one.id}  # missing, repeated or mapped
        yield one.original | own_id | added
