"""How far the reading of files is, within a file too.

In:  three files of 100 MiB; 40 of 80 row groups of the second are read
Out: report(150, 300, "MiB", rows=…)
"""

from pathlib import Path

import psutil

from tasks.runtime.progress.progress import report


class FileProgress:
    """Bytes of the files that are read, compressed ones as they lie on the disk."""

    def __init__(self, paths: list[Path]) -> None:
        self._sizes = {path: path.stat().st_size for path in paths}
        self._path: Path | None = None
        self._before, self._rows, self._rows_of_file = 0, 0, 0

    def read(self, path: Path, rows: int) -> None:
        """So many more rows of a file were read; files come one after the other."""
        if path != self._path:
            self._before += self._sizes[self._path] if self._path else 0
            self._path, self._rows, self._rows_of_file = path, 0, _rows_of_table(path)
        self._rows += rows

    def say(self, rows: int) -> None:
        """Report it, with the rows that came out so far."""
        total = sum(self._sizes.values())
        report((self._before + self._within()) >> 10, total >> 10, "KiB", rows=rows)

    def _within(self) -> int:
        """Bytes of the current file: by the rows of a table, by the place of the file that is open of a text."""
        if self._path is None:
            return 0
        size = self._sizes[self._path]
        if self._rows_of_file:
            return size * self._rows // self._rows_of_file
        name = str(self._path.resolve())
        return next((one.position for one in psutil.Process().open_files() if one.path == name), size)


def _rows_of_table(path: Path) -> int:
    """Rows of a Parquet file, by its footer; 0 where it is none."""
    with path.open("rb") as file:
        if file.read(4) != b"PAR1":
            return 0
    import pyarrow.parquet as parquet

    return int(parquet.read_metadata(path).num_rows)
