"""The lineage around artifacts, grouped for drawing: what they were made from, and what was made from them.

In:  Index, the keys of a run or of one artifact, and the flow run that is asked about
Out: Lineage(boxes=[Box(keys=["5f0c…"], kind="finetune", title="finetune", lines=["sft/0 nll"], state="built"), …],
     edges=[(0, 4), …]), inputs first

Siblings (shards, seeds, benchmarks) made alike from the same boxes are one box.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import Literal

from infra.dashboard.entry import UNREADABLE, Entry
from infra.dashboard.index import Index

State = Literal["built", "cached", "failed", "missing"]


@dataclass
class Box:
    """One or several artifacts as they are drawn. `state` tells where they come from, seen from one flow run."""

    keys: list[str]
    kind: str
    run: str
    detail: str
    state: State
    seconds: float
    focus: bool = False


@dataclass
class Lineage:
    """Artifacts in boxes, and arrows between them."""

    boxes: list[Box] = field(default_factory=list)
    edges: list[tuple[int, int]] = field(default_factory=list)
    artifacts: int = 0
    states: dict[State, int] = field(default_factory=dict)  # artifacts by state


def lineage(index: Index, focus: Iterable[str], keys: set[str], flow_run_id: str = "") -> Lineage:
    """The artifacts `keys` and the edges between them; those of `focus` are marked.

    `flow_run_id`: what it built is `built`, all else `cached`; without one everything that is there is `built`.
    """
    marked = set(focus)
    entries = {key: index.entries.get(key) or _gone(index, key) for key in keys}
    inputs = {key: [one for _, one, _ in entry.inputs if one in entries] for key, entry in entries.items()}
    states = {key: state_of(index, key, flow_run_id) for key in entries}
    position: dict[object, int] = {}
    of: dict[str, int] = {}
    drawn = Lineage(artifacts=len(entries), states=_count(states.values()))
    for key in _inputs_first(entries, inputs):
        entry = entries[key]
        above = frozenset(of[one] for one in inputs[key] if one in of)
        # What has no inputs (corpora, backbones) is what the reader looks for: it stays apart.
        named = entry.detail if entry.kind in ("split", "finetune") else ""
        alike = (entry.kind, entry.method, named, above, states[key], key in marked) if above else key
        if alike not in position:
            position[alike] = len(drawn.boxes)
            detail = " ".join((entry.backbone, entry.detail)) if entry.kind in ("backbone", "report") else entry.detail
            drawn.boxes.append(Box([], entry.kind, entry.run, detail, states[key], 0.0, key in marked))
        of[key] = position[alike]
        box = drawn.boxes[of[key]]
        box.keys.append(key)
        box.seconds += entry.seconds or 0.0
        if len(box.keys) > 1:
            box.run = box.run if box.run == entry.run else entry.method
            box.detail = box.detail if box.detail == entry.detail else ""
    between = {(of[source], of[key]) for key in entries for source in inputs[key]}
    drawn.edges = sorted((a, b) for a, b in between if a != b)
    return drawn


def state_of(index: Index, key: str, flow_run_id: str = "") -> State:
    """`missing`: named as an input, gone from the store; `failed`: its manifest cannot be read, or its last attempt
    ended with an error and left partial work."""
    entry = index.entries.get(key)
    if entry is None:
        return "failed" if (index.root / "partial" / key).is_dir() else "missing"
    if entry.kind == UNREADABLE:
        return "failed"
    return "built" if not flow_run_id or entry.flow_run_id == flow_run_id else "cached"


def _gone(index: Index, key: str) -> Entry:
    """An artifact that only others name; they tell its kind."""
    for user in index.used_by.get(key, ()):
        for name, one, digest in index.entries[user].inputs:
            if one == key:
                return Entry(name.split(".")[0], key, digest, detail="gone")
    return Entry("?", key, detail="gone")


def _inputs_first(entries: dict[str, Entry], inputs: dict[str, list[str]]) -> list[str]:
    def by_name(key: str) -> tuple[str, str, str]:
        return entries[key].kind, entries[key].name, key

    try:
        return list(
            TopologicalSorter({key: sorted(inputs[key]) for key in sorted(entries, key=by_name)}).static_order()
        )
    except CycleError:  # a damaged store
        return sorted(entries, key=by_name)


def _count(states: Iterable[State]) -> dict[State, int]:
    found: dict[State, int] = defaultdict(int)
    for state in states:
        found[state] += 1
    return dict(found)
