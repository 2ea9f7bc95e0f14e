"""`rewriting-agent judge-eval FILE --kind K`: how good a judge of reasoning is, on rows that people have labelled.

In:  {"question": "Natalia sold …", "solution": "48/2 = 24 …", "reasoning_correct": true, "source": "gsm8k"}
Out: precision, recall and F1 by source, and the cost of 1,000 rows (--json: figures); with --verdicts one row a line:
     {"id": "3", "source": "gsm8k", "reasoning_correct": true, "valid": true, "first_wrong_step": null, …}
"""

import tempfile
from contextlib import ExitStack
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from flows.commands.located import OR_HUB, Revision, Split, Subset, located
from flows.commands.reading import KINDS, Encoding, tell_set_aside, told
from flows.commands.written import not_the_input, quarantine_of, writable
from tasks.rows.jsonl import write_rows
from tasks.rows.reader.mapping import parse_map
from tasks.runtime.files.whole_file import write_json
from tasks.runtime.progress.status_line import status_line
from tasks.runtime.settings import settings
from tasks.verify.judges.config import JudgeConfig
from tasks.verify.judges.judge import load_config, make_judge
from tasks.verify.judges.judge_eval import PARTS, evaluate, read_labelled, table


def judge_eval_command(
    file: Annotated[
        Path,
        typer.Argument(help=f"Rows with question, solution, reasoning_correct[, source, gold, id]: {KINDS}; {OR_HUB}."),
    ],
    config: Annotated[Path | None, typer.Option(help="YAML or JSON file with the judge's configuration.")] = None,
    kind: Annotated[str | None, typer.Option(help="arithmetic, self, openai or local.")] = None,
    url: Annotated[str | None, typer.Option(help="Endpoint, say http://host:8000/v1.")] = None,
    model: Annotated[str | None, typer.Option(help="The judge's model; kind self: the backbone's folder.")] = None,
    votes: Annotated[int | None, typer.Option(help="Verdicts a row; odd.")] = None,
    json_out: Annotated[Path | None, typer.Option("--json", callback=writable, help="Write the figures here.")] = None,
    verdicts_out: Annotated[
        Path | None, typer.Option("--verdicts", callback=writable, help="Write each row's verdict here.")
    ] = None,
    dollars_per_million_input: Annotated[float, typer.Option(min=0, help="Price of prompt tokens.")] = 0.0,
    dollars_per_million_output: Annotated[float, typer.Option(min=0, help="Price of reply tokens.")] = 0.0,
    dollars_per_hour: Annotated[float, typer.Option(min=0, help="Price of the judge's machine.")] = 0.0,
    mapping: Annotated[
        list[str] | None,
        typer.Option("--map", help=f"Where a part is, for other names: solution=data.text; parts: {', '.join(PARTS)}."),
    ] = None,
    encoding: Encoding = None,
    revision: Revision = None,
    subset: Subset = None,
    split: Split = "train",
) -> None:
    """Measure a judge on labelled rows: precision, recall, F1 with 95 % intervals, per source, and cost per 1,000.

    Ends with 1 where rows could not be used.
    """
    not_the_input(file, json_out, verdicts_out, verdicts_out and quarantine_of(verdicts_out))
    if json_out is not None and verdicts_out is not None and json_out.absolute() == verdicts_out.absolute():
        raise typer.BadParameter(f"{json_out} is named for --verdicts too: name another file", param_hint="--json")
    chosen = judge_of(config, {"kind": kind, "url": url, "model": model, "votes": votes})
    with located(file, revision, subset, split) as location, told():
        rows, bad = read_labelled(location, parse_map(mapping or (), PARTS), encoding)
    prices = {
        "input": dollars_per_million_input / 1e6,
        "output": dollars_per_million_output / 1e6,
        "second": dollars_per_hour / 3600,
    }
    with ExitStack() as stack:
        stack.enter_context(status_line(Console(stderr=True)))
        # A cache of its own: verdicts that another run paid for would make this judge look free.
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        judge = stack.enter_context(make_judge(chosen.model_copy(update={"cache": Path(folder) / "verdicts.sqlite"})))
        found = replace(
            evaluate(judge, rows, prices), judge=chosen.identity(), quarantined=[one.describe() for one in bad]
        )
    typer.echo(table(found))
    tell_set_aside(Console(), bad, verdicts_out)
    if json_out is not None:
        write_json(json_out, {name: value for name, value in asdict(found).items() if name != "verdicts"})
    if verdicts_out is not None:
        judged = zip(rows, found.verdicts, strict=True)
        write_rows(verdicts_out, (row.told() | asdict(verdict) for row, verdict in judged))
    if bad:
        raise typer.Exit(1)


def judge_of(config: Path | None, overrides: dict[str, str | int | None]) -> JudgeConfig:
    """The judge that was asked for, one that can be measured on this machine.

    Raises:
        BadParameter: its configuration does not fit; kind self without a model's folder; a model of the hub that would
            be started on cores.
    """
    try:
        chosen = load_config(config, overrides)
    except (ValueError, OSError) as error:
        raise typer.BadParameter(str(error)) from None
    there = Path(chosen.model)
    if chosen.kind == "self" and not (there / "config.json").is_file():
        found = f"; {there} is no folder of a model" if "model" in chosen.model_fields_set else ""
        raise typer.BadParameter(f"kind self needs --model FOLDER, the backbone's{found}")
    starts = chosen.kind == "local" or (chosen.kind == "openai" and chosen.url is None)
    if starts and not there.is_dir() and not settings().cuda():
        raise typer.BadParameter(
            f"kind {chosen.kind} would start {chosen.model}, and there is no GPU here: give --kind openai --url "
            "http://…/v1 of a service, or a GPU; the --model FOLDER of a small one is started on cores"
        )
    return chosen
