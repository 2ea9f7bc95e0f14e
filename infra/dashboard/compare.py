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
from typing import Any, Literal

import orjson

from infra.dashboard.index import Index

What = Literal["config", "identity", "code", "environment", "input", "data"]
ABSENT = "–"


@dataclass(frozen=True)
class Difference:
    what: What
    name: str
    ours: str
    theirs: str


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
        differences = _own(a, b)
        if differences:
            key = (a["kind"], differences)
            found.setdefault(key, Point(a["kind"], differences, [])).pairs.append(pair)
        alike = [name for name in a["inputs"] if _kind(a, name) == _kind(b, name)]
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


def _own(a: dict[str, Any], b: dict[str, Any]) -> tuple[Difference, ...]:
    """What two manifests at the same place differ in by themselves."""
    found = _fields("config", a.get("config"), b.get("config"))
    identity = _fields("identity", a.get("identity"), b.get("identity"))
    # A root's identity is its content: a corpus, a backbone; elsewhere prompts and definitions of benchmarks.
    found += identity if a["inputs"] else [Difference("data", one.name, one.ours, one.theirs) for one in identity]
    if a.get("stage_version") != b.get("stage_version"):
        found.append(Difference("code", "version", _told(a.get("stage_version")), _told(b.get("stage_version"))))
    environments = [one.get("environment") or {} for one in (a, b)]
    if environments[0] != environments[1]:
        found.append(Difference("environment", "lock", *(_lock(one) for one in environments)))
    for name in dict.fromkeys([*a["inputs"], *b["inputs"]]):
        if (ours := _kind(a, name)) != (theirs := _kind(b, name)):
            found.append(Difference("input", name, ours, theirs))
    return tuple(_together(found))


def _kind(manifest: dict[str, Any], name: str) -> str:
    """What an input is; ABSENT where there is none of that name."""
    return str(manifest["inputs"][name]["kind"]) if name in manifest["inputs"] else ABSENT


def _together(found: list[Difference]) -> list[Difference]:
    """`rewrites.000`, `rewrites.001`, … that only one of them has are one difference."""
    kept: dict[tuple[str, str, str, str], Difference] = {}
    for one in found:
        name = one.name.split(".")[0] if one.what == "input" else one.name
        kept.setdefault((one.what, name, one.ours, one.theirs), Difference(one.what, name, one.ours, one.theirs))
    return list(kept.values())


def _fields(what: What, a: Any, b: Any, prefix: str = "") -> list[Difference]:
    """Fields in which two nested values differ, by their path."""
    if a == b:
        return []
    if isinstance(a, dict) and isinstance(b, dict):
        dotted = f"{prefix}." if prefix else ""
        return [
            one
            for name in dict.fromkeys([*a, *b])
            for one in _fields(what, a.get(name, ...), b.get(name, ...), f"{dotted}{name}")
        ]
    return [Difference(what, prefix or what, _told(a), _told(b))]


def _told(value: Any) -> str:
    if value is ...:
        return ABSENT
    said = value if isinstance(value, str) else orjson.dumps(value).decode()
    return said if len(said) <= 200 else said[:199] + "…"


def _lock(environment: dict[str, str]) -> str:
    return f"{environment.get('name', '')} {environment.get('lock', '')[:12]}"
