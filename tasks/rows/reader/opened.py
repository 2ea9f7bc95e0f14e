"""A text file opened whatever packed it and whatever its encoding; faults of either name the file.

In:  mine.jsonl.gz; a .jsonl that is gzip all the same; UTF-8 with a byte-order mark; UTF-16 of PowerShell's `>`
Out: its text, decoded. Bytes that are no UTF-8 come as halves of surrogate pairs, which fail `is_text`: they cost
     their row, not the file.
"""

import bz2
import codecs
import gzip
import io
import lzma
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TextIO, cast

from tasks.rows.reader.bad_row import UnreadableFile

_BEGINNING = 64
_MARKS = (  # the longer first: UTF-32's begins with UTF-16's
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def beginning(path: Path) -> bytes:
    """The first bytes of a file, unpacked."""
    with _told(path), _unpacked(path) as file:
        return file.read(_BEGINNING)


@contextmanager
def opened(path: Path, encoding: str | None = None) -> Iterator[TextIO]:
    """The text of a file. Raises UnreadableFile where it is broken or in no such encoding, also while it is read."""
    try:
        encoding = codecs.lookup(encoding).name if encoding else encoding_of(beginning(path))
    except LookupError:
        raise UnreadableFile(f"{path}: there is no encoding {encoding!r}; usual ones: utf-8, utf-16, cp1252") from None
    errors = "surrogateescape" if encoding in ("utf-8", "utf-8-sig") else "strict"
    with _told(path, encoding), _unpacked(path) as file:
        # newline="": CSV has line ends within its cells
        yield io.TextIOWrapper(file, encoding=encoding, errors=errors, newline="")


def encoding_of(first: bytes) -> str:
    """The encoding that a file's first bytes show: by its mark, or where every other byte of ASCII is zero."""
    for mark, name in _MARKS:
        if first.startswith(mark):
            return name
    even, odd = first[0:4:2], first[1:4:2]
    if len(first) >= 4 and 0 not in even and set(odd) == {0}:
        return "utf-16-le"
    if len(first) >= 4 and 0 not in odd and set(even) == {0}:
        return "utf-16-be"
    return "utf-8"


@contextmanager
def _told(path: Path, encoding: str = "utf-8") -> Iterator[None]:
    """Faults of packing and encoding as sentences that name the file."""
    try:
        yield
    except (EOFError, gzip.BadGzipFile, zlib.error, lzma.LZMAError) as error:
        raise UnreadableFile(f"{path} is cut off or broken ({error}): copy or download it again") from None
    except UnicodeError as error:
        raise UnreadableFile(f"{path} is no {encoding} throughout ({error}): name its encoding") from None
    except OSError as error:
        raise UnreadableFile(f"{path} cannot be read: {error}") from None


def _unpacked(path: Path) -> BinaryIO:
    """The file's bytes, unpacked by what they begin with: a name in .gz may hold plain text, and the reverse."""
    with path.open("rb") as file:
        first = file.read(6)
    if first.startswith(b"\x1f\x8b"):
        return cast(BinaryIO, gzip.open(path, "rb"))
    if first.startswith(b"BZh"):
        return cast(BinaryIO, bz2.open(path, "rb"))
    if first.startswith(b"\xfd7zXZ\x00"):
        return cast(BinaryIO, lzma.open(path, "rb"))
    if first.startswith(b"\x28\xb5\x2f\xfd"):
        import pyarrow

        return cast(BinaryIO, io.BufferedReader(pyarrow.input_stream(str(path), compression="zstd")))
    return path.open("rb")
