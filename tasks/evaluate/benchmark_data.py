"""Where a benchmark's data come from, and its rows in their own fields with the place of each.

In:  Data(file="math500.jsonl.gz", source={"hub": …, "files": […]}), a folder or None
Out: RawRow("line 3", {"problem": "Convert the point …", "answer": "…"}), …     "test.csv, row 3" where it is downloaded
"""

import csv
import gzip
import io
import json
import os
import urllib.request
from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, model_validator

from tasks.rows.jsonl import Row
from tasks.rows.reader.bad_row import WHOLE, BadRow, RawRow
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
    """What a benchmark's file says of its data. `path`: a file of this project; `file`: one of benchmark_data."""

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
    if chosen.path is not None:
        return ROOT / chosen.path
    folder = data or (Path(os.environ[DATA_VARIABLE]) if os.environ.get(DATA_VARIABLE) else None)
    if folder is None or chosen.file is None:
        return None
    path = folder / chosen.file
    if not path.exists():
        raise SourceError(f"{chosen.name}: {path} does not exist; leave benchmark_data out to download it")
    return path


def raw(chosen: Data, local: Path | None) -> Iterator[RawRow]:
    """The rows of a file on this machine, else of the pinned source. Raises SourceError where they cannot be had."""
    return raw_rows(local) if local is not None else _downloaded(chosen)


def _downloaded(chosen: Data) -> Iterator[RawRow]:
    source = chosen.source
    if source is None:
        raise SourceError(f"{chosen.name}: its file names no source to download from")
    for name in source.files:
        if source.hub is not None:
            path = download(source.hub, source.revision, "dataset", [name]) / name
            content, origin = path.read_bytes(), f"{path}: delete it, so that it is downloaded again"
        else:
            origin = f"https://raw.githubusercontent.com/{source.github}/{source.revision}/{name}"
            try:
                with urllib.request.urlopen(origin, timeout=60) as answer:
                    content = answer.read()
            except (OSError, HTTPException) as error:
                raise SourceError(f"{chosen.name}: {origin} could not be fetched: {error}") from None
        try:
            for number, row in enumerate(parse(name, content), 1):
                where = f"{name}, row {number}"
                if not isinstance(row, dict):
                    yield RawRow(where, BadRow(WHOLE, "is not a JSON object"))
                else:
                    yield RawRow(where, row if "task" in row else row | {"task": Path(name).stem})
        except (ValueError, LookupError, TypeError, EOFError, OSError, csv.Error, RecursionError) as error:
            # ArrowException is a ValueError or an OSError; gzip.BadGzipFile is an OSError
            raise SourceError(f"{chosen.name}: {name} came broken ({error}): {origin}") from None


def parse(name: str, content: bytes) -> Iterator[Row]:
    """Rows of a downloaded file by the suffix of its name: JSON lines, JSON with `examples`, CSV, Parquet."""
    if name.endswith(".parquet"):
        import pyarrow.parquet

        yield from pyarrow.parquet.read_table(io.BytesIO(content)).to_pylist()
        return
    text = (gzip.decompress(content) if name.endswith(".gz") else content).decode("utf-8")
    if name.endswith(".csv"):
        yield from csv.DictReader(io.StringIO(text, newline=""))
    elif name.endswith(".json"):
        yield from json.loads(text)["examples"]
    else:
        yield from (json.loads(line) for line in text.split("\n") if line.strip())
