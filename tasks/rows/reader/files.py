"""Which kind a file of rows is, by what it holds and not by its name alone; its rows in its own fields.

In:  mine.jsonl, mine.jsonl.gz, rows.json (an array, or indented objects), rows.csv, rows.parquet, rows.arrow; a folder
Out: RawRow("line 1", {"problem": "What is 3 + 4?", "solution": "…"}), …     "row 1" in Parquet and Arrow

A file is read as a stream: memory does not grow with it. `datasets` infers one schema for a whole file and stops at the
first row that differs without naming it; so lines are read one by one here, and columns by Arrow's own readers.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

from tasks.rows.reader.bad_row import RawRow, UnreadableFile
from tasks.rows.reader.json_rows import json_rows
from tasks.rows.reader.opened import beginning, opened
from tasks.rows.reader.tables import arrow_rows, csv_rows, parquet_rows

SUFFIXES = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".parquet", ".arrow", ".feather")
PACKED = ("", ".gz", ".bz2", ".xz", ".zst")
_COLUMNS = (".parquet", ".arrow", ".feather")
# What `save_to_disk` and the hub lay beside the rows.
_BESIDE = {"dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json", "config.json"}
_NO_ROWS = {
    b"version https://git-lfs": "is a Git LFS pointer, not the data: fetch them with `git lfs pull`",
    b"PK\x03\x04": "is a zip archive (or a spreadsheet): unpack it, or save it as CSV",
    b"\x80\x02": "is a pickle, which is never opened: save it as Parquet or JSON lines",
    b"\x80\x04": "is a pickle, which is never opened: save it as Parquet or JSON lines",
    b"\x80\x05": "is a pickle, which is never opened: save it as Parquet or JSON lines",
    b"SQLite format 3": "is an SQLite database: export the table as CSV",
    b"<!DOCTYPE": "is a web page, not rows: download the file itself (on the hub: `resolve`, not `blob`)",
    b"<html": "is a web page, not rows: download the file itself (on the hub: `resolve`, not `blob`)",
    b"%PDF": "is a PDF: rows are needed, one question and solution each",
}


def is_rows(path: Path) -> bool:
    """Whether a file of a folder is read: by its name, files that begin with a dot and metadata left out."""
    name = path.name.lower()
    known = any(name.endswith(suffix + packed) for suffix in SUFFIXES for packed in PACKED)
    return known and path.is_file() and name not in _BESIDE and not name.startswith((".", "_"))


def row_files(location: Path, pattern: str = "**/*") -> list[Path]:
    """The files to read of a file or folder, sorted by their paths. Raises UnreadableFile where there is none."""
    if location.is_file():
        return [location]
    found = sorted(path for path in location.glob(pattern) if is_rows(path))
    if not found:
        kinds = ", ".join(SUFFIXES)
        raise UnreadableFile(f"{location}: no file of rows matches {pattern!r}; known are {kinds}, each also as .gz")
    return found


def raw_rows(
    path: Path, keep: Callable[[str], bool] | None = None, encoding: str | None = None, strict: bool = True
) -> Iterator[RawRow]:
    """The rows of one file.

    Args:
        path: a file whose kind is known.
        keep: which columns of Parquet and Arrow to read, by their names; None: all.
        encoding: of a text file; None: by its byte-order mark or its zero bytes, else UTF-8.
        strict: a stray quotation mark in CSV makes a row that is none; else it is part of its cell.

    Raises:
        UnreadableFile: the file is empty, broken, or of a kind that holds no rows.
    """
    first = beginning(path)
    if not first:
        raise UnreadableFile(f"{path} is empty (0 bytes)")
    if first.startswith(b"PAR1"):
        yield from parquet_rows(path, keep)
        return
    if first.startswith((b"ARROW1", b"\xff\xff\xff\xff")):
        yield from arrow_rows(path, keep, stream=not first.startswith(b"ARROW1"))
        return
    if path.suffix.lower() in _COLUMNS:
        raise UnreadableFile(f"{path} is no {path.suffix.lower()} file: it begins with {first[:8]!r}; copy it again")
    for mark, what in _NO_ROWS.items():
        if first.startswith(mark):
            raise UnreadableFile(f"{path} {what}")
    with opened(path, encoding) as text:
        name = path.name.lower()
        for packed in PACKED[1:]:
            name = name.removesuffix(packed)
        if name.endswith((".csv", ".tsv")):
            yield from csv_rows(path, text, "\t" if name.endswith(".tsv") else None, strict)
        else:
            yield from json_rows(text)
