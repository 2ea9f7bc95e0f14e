"""`rewriting-agent init`: an experiment file for a model and data of one's own, from five answers.

In:  model, file of rows, domain, size, GPUs: asked at a terminal, or by flags
Out: exam.yaml, which runs as it is; printed: what was understood of the file, what `plan` says, what to type next
"""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from flows.commands.questions import asked
from flows.commands.reading import KINDS, Encoding, Map, open_reader, show_understood, survey, tell_set_aside
from tasks.runtime.files.whole_file import whole


def init_command(
    out: Annotated[
        Path | None, typer.Argument(metavar="[FILE.yaml]", help="File to write; default: named as the data.")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            help="1. The model: a folder, an id on the hub (owner/name@commit; without a commit the newest is asked "
            "for), a GGUF file, or the name of a backbone under infra/backbones, nano say."
        ),
    ] = None,
    data: Annotated[Path | None, typer.Option(help=f"2. Questions and expert answers: {KINDS}.")] = None,
    domain: Annotated[
        str | None,
        typer.Option(
            help="3. What decides that an answer is right: math, multiple_choice, exact, numeric, json_schema, code, "
            "judge, python (docs/your-domain.md says which suits which data), or one of an installed package."
        ),
    ] = None,
    size: Annotated[
        str | None,
        typer.Option(help="4. How much is computed: smoke, night, small, whole; never more rows than there are."),
    ] = None,
    gpus: Annotated[int | None, typer.Option(min=0, max=64, help="5. GPUs of 80 GB; 0: CPU cores.")] = None,
    option: Annotated[
        list[str] | None,
        typer.Option("--option", help="Of the domain's verifier: schema_file=answer.json, tolerance=0.5. Repeatable."),
    ] = None,
    rubric: Annotated[
        str | None, typer.Option(help="What makes an answer valid, for the judge; the domain judge needs it.")
    ] = None,
    mapping: Map = None,
    encoding: Encoding = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
) -> None:
    """Write an experiment file for your model and data: five questions, each of them also a flag.

    The data are shown as they were understood; the file says in comments what each part is; `run` takes it as it is:

    rewriting-agent init --model /models/mine --data exam.jsonl --domain multiple_choice --size small --gpus 1

    Ends with 1 where the plan finds something that cannot work; the file is written all the same, to be mended.
    """
    console = Console()
    answers = asked(console, model, data, domain, size, gpus, option, rubric, mapping, encoding)
    target = out or Path(f"{answers.data.name.partition('.')[0] or 'experiment'}.yaml")
    if target.suffix not in (".yaml", ".yml"):
        raise typer.BadParameter(f"{target}: the file must end in .yaml, so that --backbone takes it for one")
    if target.exists() and not force:
        raise typer.BadParameter(f"{target} is there already: name another file, or --force")
    text = _text(console, answers, mapping)
    with whole(target) as file:
        file.write(text)
    console.print(f"written: {target}", soft_wrap=True, markup=False)
    refused = _plan(console, target, answers.gpus)
    run = f"rewriting-agent run --backbone {target}"
    if answers.gpus and not _on_gpus():
        run = f"REWRITING_AGENT_DEVICE=cuda make setup && {run}"
    console.print(f"{'mend what cannot work, then' if refused else 'next'}: {run}", soft_wrap=True, markup=False)
    if refused:
        raise typer.Exit(1)


def _text(console: Console, answers: Any, mapping: list[str] | None) -> str:
    """The file's text; prints what was understood of the data. Raises BadParameter."""
    from flows.init.answers import AnswerError
    from flows.init.draft import draft

    reader = open_reader(answers.data, mapping, answers.encoding)
    first, bad = survey(reader, answers.data)
    show_understood(console, reader, first)
    tell_set_aside(console, bad)
    try:
        text, found = draft(answers)
    except AnswerError as error:
        raise typer.BadParameter(str(error)) from None
    of = f"of the first {found.read:,} rows" if found.cut else f"of {found.read:,} rows"
    console.print(
        f"{of}: {found.rows:,} are used, {found.duplicates:,} duplicates; {answers.domain} can verify "
        f"{found.verifiable:,} by their references",
        soft_wrap=True,
    )
    for reason, count in found.why_not.most_common(1):
        console.print(f"{count} can be learned from, not verified: {escape(reason)}", style="yellow")
    if found.lengths is None:
        console.print("lengths are the defaults: the model's tokenizer is not on this machine, so no token was counted")
    else:
        row, prompt, target = found.lengths.row, found.lengths.prompt, found.lengths.target
        console.print(f"99 % of the rows have up to {row} tokens, {target} in the answer, {prompt} to be rewritten")
    return text


def _on_gpus() -> bool:
    from tasks.runtime.settings import settings

    return settings().cuda()


def _plan(console: Console, target: Path, gpus: int) -> bool:
    """Print what `plan` says of the file; whether something cannot work."""
    from flows.commands.asked import no_server
    from flows.commands.plan import compute_on
    from flows.pipeline import pipeline
    from flows.plan.make import make_plan
    from flows.plan.shown import show
    from flows.plan.start import machine

    no_server()
    gpu = None
    if gpus and not _on_gpus():
        gpu = "h100-80"
        compute_on(gpu, gpus)
    parameters = {"backbone": str(target), "preset": [], "changes": [], "method": "rewriting_agent", "seeds": [0]}
    made = make_plan(pipeline.fn, parameters, machine(gpu=gpu))
    show(made, console, every=False)
    return bool(made.refused)
