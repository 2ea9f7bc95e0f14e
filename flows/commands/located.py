"""Where a command's rows are: a file, a folder, or a dataset on the hub, which is streamed into a file for the command.

In:  openai/gsm8k --subset main --split train
Out: a file gsm8k.jsonl that is gone with the command; printed: the commit that it was read at
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from tasks.rows.hub_rows import Dataset, commit_of, fetch, is_id
from tasks.rows.reader.files import SUFFIXES
from tasks.rows.source import SourceError

OR_HUB = "or the id of a dataset on the hub, owner/name"

Revision = Annotated[
    str | None, typer.Option(help="Of a dataset on the hub: a commit, a branch or a tag. Default: the newest.")
]
Subset = Annotated[str | None, typer.Option(help="Of a dataset on the hub with several: which configuration.")]
Split = Annotated[str, typer.Option(help="Of a dataset on the hub: which split.")]


@contextmanager
def located(file: Path, revision: str | None, subset: str | None, split: str) -> Iterator[Path]:
    """A local file or folder with the rows.

    Raises:
        BadParameter: nothing lies there, and the hub does not give it either.
    """
    text = str(file)
    packed = text.removesuffix(".gz").removesuffix(".bz2").removesuffix(".xz").removesuffix(".zst")
    if file.exists() or not is_id(text) or packed.endswith(SUFFIXES):
        if not file.exists():
            raise typer.BadParameter(f"{file} is no file or folder")
        if revision or subset:
            raise typer.BadParameter(f"--revision and --subset are of datasets on the hub; {file} is on this machine")
        yield file
        return
    dataset = Dataset(text, revision, subset, split)
    with tempfile.TemporaryDirectory(prefix="rewriting-agent-") as folder:
        target = Path(folder) / f"{dataset.name}.jsonl"
        try:
            commit = commit_of(dataset)
            Console(stderr=True).print(f"reading {text}, split {split}, at --revision {commit}", soft_wrap=True)
            fetch(dataset, commit, target)
        except SourceError as error:
            said = str(error).replace("mend `revision`", "mend --revision")
            raise typer.BadParameter(f"no file or folder {text} here, and as a dataset on the hub {said}") from None
        yield target
