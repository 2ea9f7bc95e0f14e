"""The order of the draw over millions of rows: 26 bytes a row are kept, never the rows.

In:  folders of corpora, a seed            rows.jsonl: {"id": "numinamath_cot/3f2a91c07b5d4e68", …}
Out: Draw; [*draw.order()] is [("numinamath_cot", 18204), …]      corpus, byte at which the row begins

A row's place is a digest of the seed and its id: the same whatever other rows there are, and whatever their order.
"""

import hashlib
import os
import re
from array import array
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import orjson

from tasks.rows.jsonl import RowError
from tasks.runtime import stopping
from tasks.runtime.progress.progress import report

# As `write_rows` begins a row; any other line is parsed.
_ID = re.compile(rb'\{"id": "([^"\\]+)"')
_OFTEN = 50_000  # rows between two reports of progress


class Draw:
    """Every row's place in the draw, and where the row stands."""

    def __init__(self, corpora: dict[str, Path], seed: int) -> None:
        self.read = dict.fromkeys(sorted(corpora), 0)
        self._first, self._second, self._begin = array("Q"), array("Q"), array("Q")
        self._corpus = array("H")
        paths = [corpora[name] / "rows.jsonl" for name in self.read]
        total, before = sum(path.stat().st_size for path in paths), 0
        for number, (name, path) in enumerate(zip(self.read, paths, strict=True)):
            for begin, row_id in _ids(path):
                place = rank(seed, row_id)
                self._first.append(int.from_bytes(place[:8]))
                self._second.append(int.from_bytes(place[8:16]))
                self._begin.append(begin)
                self._corpus.append(number)
                self.read[name] += 1
                if len(self._begin) % _OFTEN == 0:
                    stopping.check()
                    report((before + begin) >> 20, total >> 20, "MiB", rows=len(self._begin))
            before += path.stat().st_size
        report(total >> 20, total >> 20, "MiB", rows=len(self._begin))

    def __len__(self) -> int:
        return len(self._begin)

    def order(self) -> Iterator[tuple[str, int]]:
        """Corpus and first byte of every row, in the order of the draw."""
        names = [*self.read]
        columns = [np.frombuffer(one, one.typecode) for one in (self._begin, self._corpus, self._second, self._first)]
        for at in np.lexsort(columns) if len(self) else ():
            yield names[self._corpus[at]], self._begin[at]


def rank(seed: int, row_id: bytes) -> bytes:
    """A row's place in the draw: the same whatever other rows there are."""
    return hashlib.sha256(b"%d\0%b" % (seed, row_id)).digest()


def _ids(path: Path) -> Iterator[tuple[int, bytes]]:
    """First byte and id of every row. Raises RowError where a line is no row with an id."""
    begin = 0
    with path.open("rb") as lines:
        os.posix_fadvise(lines.fileno(), 0, 0, os.POSIX_FADV_SEQUENTIAL)
        for number, line in enumerate(lines, 1):
            if (found := _ID.match(line)) is not None:
                yield begin, found[1]
            elif line.strip():
                yield begin, _parsed_id(path, number, line)
            begin += len(line)


def _parsed_id(path: Path, number: int, line: bytes) -> bytes:
    try:
        row_id = orjson.loads(line)["id"]
    except ValueError as error:
        raise RowError(path, f"line {number}", "(whole line)", f"is not JSON: {error}") from None
    except (KeyError, TypeError):
        raise RowError(path, f"line {number}", "id", "is missing") from None
    return str(row_id).encode()
