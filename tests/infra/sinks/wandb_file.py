"""Reads the file that W&B writes offline: a LevelDB log of Record messages, after seven bytes of its own."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

BLOCK, HEADER, IDENT = 32768, 7, 7


def records(path: Path) -> Iterator[Any]:
    """Every record of a run-<id>.wandb."""
    from wandb.proto.wandb_internal_pb2 import Record

    data, at, whole = path.read_bytes(), IDENT, b""
    while at + HEADER <= len(data):
        left = BLOCK - at % BLOCK
        if left < HEADER:  # a block's rest that no header fits into
            at += left
            continue
        length, kind = int.from_bytes(data[at + 4 : at + 6], "little"), data[at + 6]
        if kind == 0:
            at += left
            continue
        whole += data[at + HEADER : at + HEADER + length]
        at += HEADER + length
        if kind in (1, 4):  # FULL, LAST
            record = Record()
            record.ParseFromString(whole)
            yield record
            whole = b""
