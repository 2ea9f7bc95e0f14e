"""Two runs side by side: which artifacts they share, where their lineages part, and by what.

In:  Index and the artifacts of two runs by role
Out: Parting(shared=31, ours=37, theirs=38, points=[Point(kind="finetune", count=1, differences=[Difference(
     "config", "learning_rate", 0.0008, 0.0012)])]): "31 of 37 artifacts shared; they part at finetune.learning_rate"

Both lineages are walked side by side from the same roles, by the names of the inputs; two artifacts at the same place
part where something of their own differs: a config field, the code's version, the environment, an input that only one
of them has. What differs only because its inputs do is a consequence and not listed.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from infra.dashboard.index import Index
from tasks.runtime.store.differences import Difference, differences, kind_of


@dataclass
class Point:
    """A place at which the lineages part; siblings (shards, benchmarks) with the same differences are one."""

    kind: str
    differences: tuple[Difference, ...]
    pairs: list[tuple[str, str]]  # keys: ours, theirs

    @property
    def name(self) -> str:
        """`finetune.learning_rate`"""
        return ", ".join(f"{self.kind}.{one.name}" for one in self.differences)


@dataclass
class Parting:
    """Where the lineages of two artifacts part: how many artifacts they share, and the first that differ."""

    shared: int
    ours: int
    theirs: int
    points: list[Point]
    only_ours: list[str]  # roles that one of them lacks
    only_theirs: list[str]

    def said(self) -> str:
        if self.ours == self.theirs == self.shared:
            return f"all {self.shared} artifacts are shared: these are the same"
        names = list(dict.fromkeys(f"{p.kind}.{one.name}" for p in self.points for one in p.differences))
        at = ", ".join(names[:4]) or "roles that one of them lacks"
        at += f" and {len(names) - 4} more places" if len(names) > 4 else ""
        return f"{self.shared} of {self.ours} artifacts shared; they part at {at}"


def parting(index: Index, ours: Mapping[str, str], theirs: Mapping[str, str]) -> Parting:
    """Compare two sets of artifacts by role. Artifacts that are gone from the store are compared by key alone."""
    mine, other = index.above(ours.values()), index.above(theirs.values())
    roles = [role for role in ours if role in theirs]
    waiting = [(ours[role], theirs[role]) for role in reversed(roles)]
    seen: set[tuple[str, str]] = set()
    found: dict[tuple[str, tuple[Difference, ...]], Point] = {}
    while waiting:
        pair = waiting.pop()
        if pair[0] == pair[1] or pair in seen:
            continue
        seen.add(pair)
        if pair[0] not in index.entries or pair[1] not in index.entries:
            continue
        a, b = (index.manifest(key) for key in pair)
        own = differences(a, b)
        if own:
            found.setdefault((a["kind"], own), Point(a["kind"], own, [])).pairs.append(pair)
        alike = [name for name in a["inputs"] if kind_of(a, name) == kind_of(b, name)]
        waiting += [(a["inputs"][name]["key"], b["inputs"][name]["key"]) for name in reversed(alike)]
    depth = {key: len(index.above([key])) for point in found.values() for key, _ in point.pairs[:1]}
    return Parting(
        shared=len(mine & other),
        ours=len(mine),
        theirs=len(other),
        points=sorted(found.values(), key=lambda point: depth[point.pairs[0][0]]),
        only_ours=[role for role in ours if role not in theirs],
        only_theirs=[role for role in theirs if role not in ours],
    )
