"""Where a benchmark's data come from, and its rows in their own fields with the place of each.

In:  Data(file="math500.jsonl.gz", source={"hub": …, "files": […]}), a folder or None
Out: RawRow("line 3", {"problem": "Convert the point …", "answer": "…"}), …     "test.csv, line 3" of a download
"""

import os
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, model_validator

from tasks.rows.reader.bad_row import BadRow, RawRow, UnreadableFile
from tasks.rows.reader.files import raw_rows
from tasks.rows.source import COMMIT, SourceError, download
from tasks.runtime.settings import ROOT

DATA_VARIABLE = "REWRITING_AGENT_BENCHMARK_DATA"  # where benchmark_data is not given


class Source(BaseModel):
    """Where its files are downloaded from, at a commit."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    hub: str | None = None
    github: str | None = None
    revision: str = Field(pattern=COMMIT.pattern)
    files: tuple[str, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _one_place(self) -> "Source":
        if (self.hub is None) == (self.github is None):
            raise ValueError("name one of hub: OWNER/NAME and github: OWNER/NAME")
        return self


class Data(BaseModel):
    """What a benchmark's file says of its data.

    `path`: a file of this project, or the one of its name in benchmark_data where that has one; `file`: one of
    benchmark_data.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    file: str | None = None
    path: str | None = None
    source: Source | None = None

    @model_validator(mode="after")
    def _has_data(self) -> "Data":
        if self.path is None and self.source is None:
            raise ValueError("give path: a file of this project, or source: with hub or github, revision and files")
        return self


def located(chosen: Data, data: Path | None) -> Path | None:
    """The benchmark's file on this machine; None where it is downloaded. Raises SourceError where it is not there."""
    folder = data or (Path(os.environ[DATA_VARIABLE]) if os.environ.get(DATA_VARIABLE) else None)
    if chosen.path is not None:
        own = ROOT / chosen.path
        return instead if folder is not None and (instead := folder / own.name).exists() else own
    if folder is None or chosen.file is None:
        return None
    path = folder / chosen.file
    if not path.exists():
        raise SourceError(
            f"{chosen.name}: {path} does not exist: another folder (--data FOLDER; of an experiment "
            f"evaluate.benchmark_data; {DATA_VARIABLE}), or none of them to download it"
        )
    return path


def raw(chosen: Data, local: Path | None) -> Iterator[RawRow]:
    """The rows of a file on this machine, else of the pinned source. Raises SourceError where they cannot be had."""
    return raw_rows(local) if local is not None else _downloaded(chosen)


def _downloaded(chosen: Data) -> Iterator[RawRow]:
    """The rows of the source's files, each with the `task` that its file is named for where it names none."""
    if chosen.source is None:
        raise SourceError(f"{chosen.name}: its file names no source to download from")
    for name in chosen.source.files:
        with _fetched(chosen.name, chosen.source, name) as (path, origin):
            try:
                for where, row, _ in raw_rows(path, strict=False):  # IMO-AnswerBench lacks a quotation mark
                    whole = row if isinstance(row, BadRow) else {"task": Path(name).stem} | row
                    yield RawRow(f"{name}, {where}", whole)
            except UnreadableFile as error:
                raise SourceError(f"{chosen.name}: {name} came broken ({error}): {origin}") from None


@contextmanager
def _fetched(benchmark: str, source: Source, name: str) -> Iterator[tuple[Path, str]]:
    """A file of the source on this machine, and what to do or where to look if it is broken."""
    if source.hub is not None:
        path = download(source.hub, source.revision, "dataset", [name]) / name
        yield path, f"{path}: delete it, so that it is downloaded again"
        return
    address = f"https://raw.githubusercontent.com/{source.github}/{source.revision}/{name}"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / Path(name).name
        try:
            with urllib.request.urlopen(address, timeout=60) as answer:
                content = answer.read()
        except (OSError, HTTPException) as error:
            raise SourceError(f"{benchmark}: {address} could not be fetched: {error}") from None
        path.write_bytes(content)
        yield path, address
