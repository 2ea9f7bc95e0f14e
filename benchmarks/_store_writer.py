"""Writes made-up artifacts into a store, with manifests as the stages write them; files of one content are hard links.

writer.keep("rows", [{"id": "a"}])                                          "@rows"
writer.add("assemble", "sft/0", {…}, {…}, {"rows.jsonl": "@rows"})          Artifact(kind="assemble", key=…)
"""

import hashlib
import json
import os
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tasks.runtime.files.digest import digest_entries
from tasks.runtime.store.manifest import MANIFEST, Artifact, FileEntry, Manifest

FIRST = 1.79e9  # when the first artifact was made, in seconds since 1970
Lines = list[dict[str, Any]]


@dataclass
class Writer:
    """A store that is being written."""

    root: Path
    made: int = 0
    evaluated: int = 0  # models
    manifests: dict[str, Manifest] = field(default_factory=dict)
    variants: dict[str, tuple[Path, FileEntry]] = field(default_factory=dict)

    def add(
        self,
        kind: str,
        name: str,
        inputs: Mapping[str, Artifact],
        config: dict[str, Any],
        files: Mapping[str, str | Lines],
        task_run: str = "",
        flow_run: str = "made-up",
        **more: Any,
    ) -> Artifact:
        """An artifact whose files are texts, rows, or (a string that begins with @) an earlier variant's content."""
        self.made += 1
        key = hashlib.sha256(f"{kind} {name}".encode()).hexdigest()[:32]
        folder = self.root / "artifacts" / key
        folder.mkdir(parents=True)
        entries = [self._file(folder, path, content) for path, content in files.items()]
        manifest = Manifest(
            kind=kind,
            key=key,
            digest=digest_entries(
                (one.path, one.bytes, one.sha256) for one in [*entries, FileEntry(path=name, bytes=0, sha256="")]
            ),
            inputs=dict(inputs),
            config=config,
            environment={"name": "core", "lock": "0" * 64},
            files=entries,
            timings={"started": FIRST + 30.0 * self.made, "seconds": 12.5, "engines": []},
            cost={"core_seconds": 25.0, "gpu_seconds": 0.0},
            run={
                "flow_run": flow_run,
                "flow_run_id": str(uuid.uuid5(uuid.NAMESPACE_URL, flow_run)),
                "task_run": f"{kind} {task_run}",
                "commit": "0123456789ab",
            },
            **more,
        )
        (folder / MANIFEST).write_text(manifest.model_dump_json(), encoding="utf-8")
        self.manifests[key] = manifest
        return manifest.artifact()

    def _file(self, folder: Path, path: str, content: str | Lines) -> FileEntry:
        if isinstance(content, str) and content.startswith("@"):
            source, entry = self.variants[content]
            os.link(source, folder / path)
            return entry.model_copy(update={"path": path})
        text = (
            content
            if isinstance(content, str)
            else "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in content)
        )
        (folder / path).write_text(text, encoding="utf-8")
        data = text.encode()
        return FileEntry(path=path, bytes=len(data), sha256=hashlib.sha256(data).hexdigest())

    def keep(self, name: str, rows: Lines) -> str:
        """Keep rows as a variant that files can link to; returns what stands for it."""
        folder = self.root / "variants"
        folder.mkdir(exist_ok=True)
        entry = self._file(folder, name, rows)
        self.variants[f"@{name}"] = (folder / name, entry)
        return f"@{name}"
