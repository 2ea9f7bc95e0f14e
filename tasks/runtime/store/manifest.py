"""What an artifact is: its manifest, the file that is written last and says what the others must be.

    {"kind": "split", "key": "9f3c…", "digest": "…", "inputs": {…}, "files": [{"path": "rows.jsonl", "bytes": …,
     "sha256": …}], "metrics": {"rows": 800}, …, "checksum": "5d0a…"}

The checksum is of all the rest, so that a figure that a disk has changed is found like a changed file. It is no part of
the artifact's digest; a manifest without one is read too.
"""

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from tasks.runtime.files.digest import digest_value

MANIFEST = "manifest.json"
CHECKSUM = "checksum"


class Artifact(BaseModel):
    """A reference to an artifact: all that travels between tasks."""

    model_config = ConfigDict(frozen=True)

    kind: str
    key: str
    digest: str


class FileEntry(BaseModel):
    """A file of an artifact, by its path within it."""

    path: str
    bytes: int
    sha256: str
    mtime_ns: int = 0


class Manifest(BaseModel):
    """What an artifact is, what it was made from, and by whom. Timings and the run are not part of its digest."""

    kind: str
    key: str
    name: str = ""  # for people (names.py); "" where a manifest has none
    digest: str = ""
    stage_version: int = 1
    inputs: dict[str, Artifact] = Field(default_factory=dict)
    config: dict[str, Any] = Field(default_factory=dict)
    identity: Any = None
    environment: dict[str, str] = Field(default_factory=dict)
    files: list[FileEntry] = Field(default_factory=list)
    metrics: dict[str, Any] = Field(default_factory=dict)
    versions: dict[str, str] = Field(default_factory=dict)
    seeds: dict[str, int] = Field(default_factory=dict)
    timings: dict[str, Any] = Field(default_factory=dict)
    cost: dict[str, float] = Field(default_factory=dict)
    run: dict[str, str] = Field(default_factory=dict)

    @property
    def made(self) -> float:
        """When its building began, in seconds since 1970; 0 where nobody noted it."""
        return float(self.timings.get("started") or 0.0)

    @property
    def bytes(self) -> int:
        """The size of its files."""
        return sum(entry.bytes for entry in self.files)

    def artifact(self) -> Artifact:
        return Artifact(kind=self.kind, key=self.key, digest=self.digest)


def manifest_text(manifest: Manifest) -> str:
    """The file's content."""
    said = json.loads(manifest.model_dump_json())
    return json.dumps(said | {CHECKSUM: digest_value(said)}, indent=1, ensure_ascii=False) + "\n"


def read(folder: Path) -> Manifest:
    """The manifest in `folder`.

    Raises:
        FileNotFoundError: there is none.
        ValueError: it is damaged: cut off, or another than was written.
    """
    said = json.loads((folder / MANIFEST).read_bytes())
    if not isinstance(said, dict):
        raise ValueError("it is no JSON object")
    if CHECKSUM in said and said.pop(CHECKSUM) != digest_value(said):
        raise ValueError("its content is another than was written")
    return Manifest.model_validate(said)
