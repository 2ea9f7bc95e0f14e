"""`rewriting-agent dashboard`, `row` and `question`: where every number comes from, as pages and in the terminal."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

if TYPE_CHECKING:
    from infra.dashboard.index import Entry, Index

console = Console()


def dashboard_command(
    port: Annotated[int, typer.Option(min=0, max=65535, help="On loopback; 0 takes a free one.")] = 4280,
    export: Annotated[
        Path | None,
        typer.Option(
            help="Write the pages into this folder instead, to be read from disk or mailed (open index.html)."
        ),
    ] = None,
    rows: Annotated[
        int, typer.Option(min=0, help="With --export: rows and questions that get a page each, the first ones linked.")
    ] = 200,
) -> None:
    """Serve the lineage dashboard: runs over time, where every number comes from, comparisons, rows, questions."""
    from infra.dashboard.serve import serve
    from tasks.runtime.settings import settings

    if export is None:
        serve(settings().store, port)
        return
    from infra.dashboard.export import export_pages

    written = export_pages(settings().store, export, rows)
    console.print(f"{written.pages} pages, {written.bytes / 1e6:.1f} MB: {export / 'index.html'}", soft_wrap=True)


def row_command(
    row: Annotated[str, typer.Argument(metavar="ID", help="Such as numinamath_cot/7d77d01c15f7efab.")],
    dataset: Annotated[
        str, typer.Option(help="A training set's name or key, or its beginning: only what led to its target.")
    ] = "",
) -> None:
    """A training row from its corpus to its target: what was tried, the verdicts, the judge's words, the NLL."""
    from infra.dashboard.rows import story

    index = _index()
    found = story(index, row, _key(index, dataset) if dataset else "")
    _say("question", found.question)
    _say("expert", found.expert)
    for attempt in found.attempts:
        verdict = attempt.verdict or {}
        passed = {True: "passed", False: "failed", None: "no verdict"}[attempt.passed] if attempt.verdict else ""
        _say(f"{attempt.kind} {passed}", attempt.text, attempt.made)
        for part in ("answer", "reasoning"):
            if isinstance(said := verdict.get(part), dict):
                words = [
                    str(said.get(name)) for name in ("verdict", "reason", "first_wrong_step", "judge") if said.get(name)
                ]
                _line(f"  {part}: {', '.join(words)}", style="dim")
    for target in found.targets:
        nll = "" if target.nll is None else f", NLL {target.nll:.3f} nats/token over {target.tokens} tokens"
        fell = f", fell back: {target.row['fallback_reason']}" if target.row.get("fallback_reason") else ""
        _line(f"target in {target.dataset.name}: {target.row['kind']}{fell}{nll}")
    for entry, said in found.sources:
        _line(f"from {entry.name} {said.get('source', '')}", style="dim")


def question_command(
    question: Annotated[str, typer.Argument(metavar="ID", help="Such as nano_words/17.")],
) -> None:
    """A benchmark question with the answer of every model in the store."""
    from infra.dashboard.questions import question as ask
    from infra.dashboard.runs import Runs

    runs = Runs(_index())
    runs.refresh()
    found = ask(runs.index, runs, question)
    _say("question", found.text)
    _line(f"gold: {found.answers[0].row.get('gold')}")
    for answer in found.answers:
        right = "right" if answer.row.get("correct") else str(answer.row.get("verdict", "wrong"))
        _say(f"{answer.made.run or 'a model'}: {right}", str(answer.row.get("text", "")), answer.made)


def _index() -> "Index":
    from infra.dashboard.index import Index
    from tasks.runtime.settings import settings

    index = Index(settings().store.resolve())
    index.refresh()
    return index


def _key(index: "Index", asked: str) -> str:
    from tasks.runtime.store.names import choose

    try:
        return choose(asked, {one.key: one.name for one in index.entries.values()})
    except LookupError as error:
        raise typer.BadParameter(str(error.args[0]), param_hint="--dataset") from None


def _say(head: str, text: str, made: "Entry | None" = None) -> None:
    """A text of a model or a dataset under its head; nothing in it acts on the terminal."""
    from tasks.runtime.files.plain_text import plain

    _line(f"{head.strip()}{f' ({made.name})' if made else ''}", style="bold")
    _line(plain(text).rstrip() + "\n")


def _line(text: str, style: str = "") -> None:
    from tasks.runtime.files.plain_text import plain

    console.print(Text(plain(text), style=style), soft_wrap=True)
