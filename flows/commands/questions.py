"""The five questions of `rewriting-agent init`: what no flag answers is asked at the terminal, until it can be used.

In:  model=None, data=exam.jsonl, domain="multiple_choice", size=None, gpus=0
Out: Answers(model="nano", data=exam.jsonl, …); without a terminal an error that names --model and --size
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from flows.commands.reading import told
from tasks.rows.reader.mapping import parse_map
from tasks.verify.verifiers.registry import MATH, names, sentence

if TYPE_CHECKING:
    from flows.init.answers import Answers

QUESTIONS = ("--model", "--data", "--domain", "--size", "--gpus")
NEEDS = {  # what a verifier cannot do without → the question at a terminal
    "json_schema": ("schema_file", "File that holds the JSON schema of an answer"),
    "code": ("code_sandbox", "Run what the model writes, in a sandbox of this machine's kernel? true or false"),
    "python": ("function", "The function that decides, path/to/file.py:function"),
}


def asked(
    console: Console,
    model: str | None,
    data: Path | None,
    domain: str | None,
    size: str | None,
    gpus: int | None,
    option: list[str] | None,
    rubric: str | None,
    mapping: list[str] | None,
    encoding: str | None,
) -> "Answers":
    """All answers, each of them one that can be used.

    Raises:
        BadParameter: a flag that cannot be used, or one that is missing where there is no terminal to ask at.
    """
    from flows.commands.verify import option_values
    from flows.experiment_files import backbone_names
    from flows.init.answers import Answers, sizes

    missing = [name for name, value in zip(QUESTIONS, (model, data, domain, size, gpus), strict=True) if value is None]
    asking = sys.stdin.isatty()
    if missing and not asking:
        raise typer.BadParameter(f"no terminal to ask at: give {' '.join(missing)} as well")
    with told():
        parts = parse_map(mapping or ())
    if model is None:
        console.print(f"A folder, an id on the hub, a GGUF file, or one of {', '.join(backbone_names())}", markup=False)
    model = _usable("1. Model", model, _model)
    data = _usable("2. File of questions and expert answers", data, _data)
    if domain is None:
        _choices(console, {name: sentence(name) for name in names()})
    domain = _usable("3. Domain: what decides that an answer is right", domain, _domain, MATH)
    given = list(option or ())
    if domain in NEEDS and asking and not any(one.partition("=")[0].strip() == NEEDS[domain][0] for one in given):
        name, question = NEEDS[domain]
        given.append(_usable(f"   {question}", None, lambda said: _verifier(domain, [*given, f"{name}={said}"])[-1]))
    _verifier(domain, given)
    if domain == "judge" and rubric is None:
        if not asking:
            raise typer.BadParameter("the domain judge needs what makes an answer valid: --rubric 'It …'")
        rubric = str(typer.prompt("   What makes an answer valid, in a sentence"))
    if size is None:
        _choices(console, sizes())
    size = _usable("4. Size", size, _size, "small")
    gpus = int(typer.prompt("5. GPUs of 80 GB (0: CPU cores)", default=0, type=int)) if gpus is None else gpus
    return Answers(model, data, domain, size, gpus, parts, encoding, option_values(given), rubric)


def _usable(question: str, given: Any, check: Callable[[Any], Any], default: str | None = None) -> Any:
    """A flag's value as `check` makes it, or an answer that it takes: one that it refuses is asked for again."""
    if given is not None:
        return check(given)
    return typer.prompt(question, default=default, value_proc=check)


def _model(said: str) -> str:
    from flows.init.answers import AnswerError, model_values

    try:
        model_values(said)
    except AnswerError as error:
        raise typer.BadParameter(str(error)) from None
    return said


def _data(said: Path | str) -> Path:
    path = Path(said).expanduser()
    if not path.exists():
        raise typer.BadParameter(f"{path} is no file or folder")
    return path


def _domain(said: str) -> str:
    """A name that the registry knows; what the verifier is told comes with the next question."""
    if said not in names():
        _verifier(said, [])  # says which was meant
    return said


def _verifier(domain: str, given: list[str]) -> list[str]:
    """The options, which the verifier takes."""
    from flows.commands.verify import find_verifier
    from tasks.verify.config import VerifyConfig

    find_verifier(domain, given, VerifyConfig(), "--domain").close()
    return given


def _size(said: str) -> str:
    from flows.init.answers import sizes

    if said not in sizes():
        raise typer.BadParameter(f"--size {said}: there are {', '.join(sizes())}")
    return said


def _choices(console: Console, sentences: dict[str, str]) -> None:
    table = Table(show_header=False, box=None)
    for name, said in sentences.items():
        table.add_row(escape(name), escape(said))
    console.print(table)
