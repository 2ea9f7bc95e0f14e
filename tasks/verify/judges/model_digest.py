"""What a judge's model in a folder is known by, without reading all of its weights.

In:  "/data/judge", with config.json and model.safetensors
Out: "9f3c…", of the small files whole, of weights their size and first megabyte
"""

import hashlib
from functools import cache
from pathlib import Path

MAX_WHOLE_FILE = 20_000_000  # bytes; of a larger file its size and first megabyte


@cache
def folder_digest(folder: str) -> str:
    """Digest of a local model: its small files whole, its weights by size and first megabyte."""
    found = hashlib.sha256()
    for path in sorted(Path(folder).rglob("*")):
        if not path.is_file() or any(part.startswith(".") for part in path.relative_to(folder).parts):
            continue
        size = path.stat().st_size
        found.update(f"{path.relative_to(folder)}\0{size}\0".encode())
        with path.open("rb") as file:
            found.update(file.read(size if size <= MAX_WHOLE_FILE else 1_000_000))
    return found.hexdigest()
