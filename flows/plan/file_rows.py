"""How many rows the files of a corpus hold, on this machine, from a look at them.

In:  "mine.jsonl", a million lines
Out: 998,214, by the length of its first two thousand
"""

import gzip
import zlib
from functools import cache
from itertools import islice
from pathlib import Path

from tasks.rows.reader.bad_row import UnreadableFile
from tasks.rows.reader.files import raw_rows, row_files
from tasks.rows.source import local_path

LOOKED_AT = 2000  # lines of a file, to tell how many it has
COUNTED = 100_000  # rows, of a file whose lines do not tell


def rows_of_file(path: str, files: str) -> int:
    """Rows of a corpus on this machine, from the length of the first lines; of other than JSON lines and Parquet up to
    `COUNTED` a file are counted. 0 where there is none to look at."""
    return sum(_rows_of(one) for one in files_of(path, files))


def files_of(path: str, files: str) -> list[Path]:
    """The files of a corpus that lie on this machine."""
    place = local_path(path)
    try:
        return [] if place is None else row_files(place, files)
    except UnreadableFile:  # none of them holds rows: told when it is imported
        return []


@cache
def _rows_of(file: Path) -> int:
    """0 of a file that is broken: told when it is imported."""
    try:
        if file.suffix == ".parquet":
            import pyarrow.parquet as parquet

            return int(parquet.ParquetFile(file).metadata.num_rows)
        if file.name.endswith((".jsonl", ".jsonl.gz")):
            return _lines_of(file)
        return sum(1 for _ in islice(raw_rows(file), COUNTED))
    except (UnreadableFile, OSError, EOFError, ValueError, zlib.error):
        return 0


def _lines_of(file: Path) -> int:
    with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as lines:
        counted = sum(1 for _ in islice(lines, LOOKED_AT))
        read = lines.tell()
    return max(counted, round(counted * _bytes(file) / read)) if read else 0


def _bytes(file: Path) -> int:
    """Of the text; a gzip file tells it at its end (RFC 1952), but for multiples of 4 GiB."""
    if file.suffix != ".gz":
        return file.stat().st_size
    with file.open("rb") as raw:
        raw.seek(-4, 2)
        return int.from_bytes(raw.read(4), "little")
