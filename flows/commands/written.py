"""Where a command may write: a file that can be made, and never over what it reads. Said before any work.

In:  verify mine.jsonl --json mine.jsonl        score mine.jsonl --json results/ (a folder)
Out: BadParameter "mine.jsonl is what is read …"       "results is a folder: name a file in it"
"""

from pathlib import Path

import typer

from tasks.runtime.files.whole_file import unwritable


def writable(path: Path | None) -> Path | None:
    """What is called for an option that names a file to write. Raises BadParameter where none can lie there."""
    if path is not None and (said := unwritable(path)):
        raise typer.BadParameter(said)
    return path


def not_the_input(file: Path, *outs: Path | None) -> None:
    """Refuse to write over what is read: the file itself, or one within the folder that is read, which the next command
    would read as rows. What comes from the hub lies nowhere here.

    Raises:
        BadParameter: names the file that would be lost.
    """
    if not file.exists():
        return
    for out in outs:
        if out is None:
            continue
        if out.exists() and out.samefile(file):
            raise typer.BadParameter(f"{out} would be written over what is read, {file}: name another file to write")
        if file.is_dir() and out.resolve().is_relative_to(file.resolve()):
            raise typer.BadParameter(f"{out} lies in the folder that is read, {file}: name a file outside of it")


def quarantine_of(out: Path) -> Path:
    """Where rows that cannot be used go, with their reasons."""
    return out.with_name(f"{out.name.removesuffix('.jsonl')}.quarantine.jsonl")
