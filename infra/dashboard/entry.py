"""What the index keeps of one artifact.

In:  a manifest {"kind": "finetune", "config": {"loss": "nll", …}, "run": {"task_run": "finetune nll (sft/0)"}, …}
Out: Entry(kind="finetune", key="5f0c…", method="sft", seed=0, detail="nll", started=1.79e9, seconds=20.6, …)
"""

from dataclasses import dataclass
from typing import Any

from tasks.runtime.files.plain_text import label
from tasks.runtime.store import names

UNREADABLE = "unreadable"  # the kind of an artifact whose manifest is no manifest

Input = tuple[str, str, str]  # name, key and content digest


@dataclass(slots=True)
class Entry:
    """What the index keeps of a manifest. `started` in seconds since 1970, `seconds` and `cost` in seconds."""

    kind: str
    key: str
    digest: str = ""
    inputs: tuple[Input, ...] = ()
    started: float = 0.0
    seconds: float | None = None
    bytes: int = 0
    method: str = ""
    seed: int | None = None
    detail: str = ""
    benchmark: str = ""
    backbone: str = ""
    flow_run: str = ""
    flow_run_id: str = ""
    commit: str = ""
    problem: str = ""
    given: str = ""  # the name in the manifest; "" where it has none

    @property
    def run(self) -> str:
        """`sft/0`: the method and seed that asked for it first; "" for what all share."""
        return self.method if self.seed is None else f"{self.method}/{self.seed}"

    @property
    def name(self) -> str:
        """For people: `finetune/nano/sft-seed0/nll/5f0c9a1e`; the key stays the identity."""
        return self.given or names.readable(self.kind, self.key, self.backbone, self.method, self.seed, self.detail)


def entry_of(key: str, manifest: dict[str, Any]) -> Entry:
    """What the index keeps of a manifest. Raises KeyError or TypeError where it is none."""
    config, run, timings = (manifest.get(part) or {} for part in ("config", "run", "timings"))
    asked = str(run.get("task_run", ""))
    method, seed = names.asked_by(names.tags_of(asked))
    kind = str(manifest["kind"])
    seconds = timings.get("seconds")
    entry = Entry(
        kind=kind,
        key=key,
        digest=str(manifest.get("digest", "")),
        inputs=tuple((n, str(i["key"]), str(i["digest"])) for n, i in (manifest.get("inputs") or {}).items()),
        started=float(timings.get("started") or 0.0),
        seconds=float(seconds) if isinstance(seconds, (int, float)) else None,
        bytes=sum(one["bytes"] for one in manifest.get("files") or ()),
        method=method,
        seed=seed,
        detail=label(names.part_of(config)),
        benchmark=label(_benchmark(config)),
        flow_run=str(run.get("flow_run", "")),
        flow_run_id=str(run.get("flow_run_id", "")),
        commit=str(run.get("commit", "")),
    )
    name = manifest.get("name")
    entry.given = name if isinstance(name, str) and names.is_name(name) else ""
    if kind == names.BACKBONE:
        entry.backbone = label(names.called_backbone(entry.given, asked) or key[:12])
    if kind in names.REPORTS:
        entry.backbone, entry.method, entry.seed = label(str(config.get("backbone", ""))), "", None
    if kind in ("split", "sample", "corpus", "questions", "backbone"):
        entry.method, entry.seed = "", None  # all methods share it, whoever came first
    return entry


def _benchmark(config: dict[str, Any]) -> str:
    """The benchmark of an evaluation; questions are of several, and of none in particular."""
    found = config.get("benchmarks") or config.get("benchmark") or []
    found = found if isinstance(found, list) else [found]
    return str(found[0]) if len(found) == 1 else ""
