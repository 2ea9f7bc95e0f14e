"""Rows in tables: CSV with a header, Parquet, Arrow (a file, or the stream that `datasets` keeps).

In:  'problem,solution\\n"Tom has 3 pens …","He has …"'
Out: RawRow("line 2", {"problem": "Tom has 3 pens …", "solution": "He has …"})     "row 1" in Parquet and Arrow
"""

import csv
import datetime
import decimal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from tasks.rows.jsonl import NOT_TEXT, is_text
from tasks.rows.reader.bad_row import NO_UTF8, WHOLE, BadRow, RawRow, UnreadableFile

if TYPE_CHECKING:
    from pyarrow import RecordBatch

_BATCH = 1024  # rows held at once
_BEHIND = "(behind the last column)"


def csv_rows(path: Path, text: TextIO, delimiter: str | None, strict: bool) -> Iterator[RawRow]:
    """Rows of a CSV file; every cell is text ("007" stays "007"). The line is that where the row begins."""
    csv.field_size_limit(sys.maxsize)
    header = text.readline()
    if not is_text(header):
        raise UnreadableFile(f"{path}: its header {NO_UTF8}")
    delimiter = delimiter or _delimiter(header)
    names = next(csv.reader([header], delimiter=delimiter, strict=True), [])
    if len(names) < 2 or not all(name.strip() for name in names):
        raise UnreadableFile(
            f"{path}: line 1 is no header of two or more column names with a comma, semicolon, tab or | between them: "
            f"{header.strip()[:80]!r}. Write such a line first (question,solution), one of these between the cells"
        )
    reader = csv.reader(text, delimiter=delimiter, strict=strict)
    while True:
        where = f"line {reader.line_num + 2}"
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield RawRow(where, BadRow(WHOLE, f"is not CSV: {error}"))
            continue
        if not cells:
            continue
        if len(cells) > len(names):
            yield RawRow(where, BadRow(_BEHIND, f"{len(cells)} cells under {len(names)} columns: quote commas"))
        elif not all(map(is_text, cells)):
            wrong = next(name for name, cell in zip(names, cells, strict=False) if not is_text(cell))
            yield RawRow(where, BadRow(wrong, NO_UTF8))
        else:
            yield RawRow(where, dict(zip(names, cells, strict=False)))


def _delimiter(header: str) -> str:
    """The one of the usual delimiters that the header holds most often."""
    return max((",", ";", "\t", "|"), key=header.count)


def parquet_rows(path: Path, keep: Callable[[str], bool] | None) -> Iterator[RawRow]:
    """Rows of a Parquet file, batch by batch, the columns that `keep` takes alone."""
    import pyarrow
    import pyarrow.parquet as parquet

    try:
        with parquet.ParquetFile(path) as file:
            columns = None if keep is None else [*filter(keep, file.schema_arrow.names)]
            yield from _numbered(file.iter_batches(batch_size=_BATCH, columns=columns))
    except (pyarrow.ArrowException, OSError) as error:
        raise UnreadableFile(f"{path} is no whole Parquet file ({_first(error)}): copy or download it again") from None


def arrow_rows(path: Path, keep: Callable[[str], bool] | None, stream: bool) -> Iterator[RawRow]:
    """Rows of an Arrow file or stream, memory-mapped."""
    import pyarrow

    try:
        with pyarrow.memory_map(str(path)) as file:
            if stream:
                yield from _numbered(_projected(iter(pyarrow.ipc.open_stream(file)), keep))
            else:
                whole = pyarrow.ipc.open_file(file)
                batches = (whole.get_batch(number) for number in range(whole.num_record_batches))
                yield from _numbered(_projected(batches, keep))
    except (pyarrow.ArrowException, OSError) as error:
        raise UnreadableFile(f"{path} is no whole Arrow file ({_first(error)}): copy or download it again") from None


def _projected(batches: "Iterator[RecordBatch]", keep: Callable[[str], bool] | None) -> "Iterator[RecordBatch]":
    for batch in batches:
        projected = batch.select([*filter(keep or bool, batch.schema.names)])
        for begin in range(0, projected.num_rows, _BATCH):
            yield projected.slice(begin, _BATCH)


def _numbered(batches: "Iterator[RecordBatch]") -> Iterator[RawRow]:
    number = 0
    for batch in batches:
        try:
            rows: list[Any] = batch.to_pylist()
        except UnicodeDecodeError:
            rows = [_text_or_bad(batch, at) for at in range(batch.num_rows)]
        for row in rows:
            number += 1
            yield RawRow(f"row {number}", row if isinstance(row, BadRow) else plain(row))


def _text_or_bad(batch: "RecordBatch", at: int) -> Any:
    """A row of a batch in which one holds bytes that are no text."""
    try:
        return batch.slice(at, 1).to_pylist()[0]
    except UnicodeDecodeError:
        for name in batch.schema.names:
            try:
                batch.column(name)[at].as_py()
            except UnicodeDecodeError:
                return BadRow(name, NOT_TEXT)
        raise


def plain(value: Any) -> Any:
    """A value of Arrow as one of JSON: times as ISO 8601, decimals as text, bytes and NaN as nothing."""
    if isinstance(value, dict):
        return {str(name): plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, float):
        return value if value - value == 0 else None  # neither NaN nor an infinity
    if isinstance(value, datetime.datetime | datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, decimal.Decimal | datetime.timedelta):
        return str(value)
    return None if isinstance(value, bytes) else value


def _first(error: Exception) -> str:
    return str(error).partition("\n")[0].rstrip(".")
