"""In what two artifacts of one stage differ by themselves, and which artifact is nearest to one that is not there.

In:  the manifests of two fine-tuned models
Out: [Difference("config", "learning_rate", "0.0008", "0.0012")]

What differs only because the inputs' contents do is a consequence: `differences` does not list it, `nearest` does.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from tasks.runtime.planning import PROVISIONAL
from tasks.runtime.store.store import Manifest

What = Literal["config", "identity", "code", "environment", "input", "content", "data"]
ABSENT = "–"


@dataclass(frozen=True)
class Difference:
    """One thing in which two manifests differ: config learning_rate, 0.0008 here, 0.0012 there."""

    what: What
    name: str
    ours: str
    theirs: str


def differences(a: Mapping[str, Any], b: Mapping[str, Any]) -> tuple[Difference, ...]:
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
        if (ours := kind_of(a, name)) != (theirs := kind_of(b, name)):
            found.append(Difference("input", name, ours, theirs))
    return tuple(_together(found))


def nearest(manifest: Manifest, others: Iterable[Manifest]) -> tuple[Manifest, list[Difference]] | None:
    """The artifact of the same stage that differs least from `manifest`, and in what; the first of several.

    None where there is none. Inputs of another content are differences of kind `content`; an input that is still to be
    made is one only where nothing else differs.
    """
    ours, best = manifest.model_dump(), None
    for other in others:
        if other.kind == manifest.kind and other.key != manifest.key:
            found = [*differences(ours, other.model_dump()), *_contents(manifest, other)]
            if best is None or len(found) < len(best[1]):
                best = other, found
    return best


def _contents(a: Manifest, b: Manifest) -> list[Difference]:
    """Inputs of the same kind with other contents."""
    found = []
    for name in a.inputs.keys() & b.inputs.keys():
        ours, theirs = a.inputs[name].digest, b.inputs[name].digest
        if ours != theirs:
            told = PROVISIONAL.strip(" :") if ours.startswith(PROVISIONAL) else ours[:12]
            found.append(Difference("content", name, told, theirs[:12]))
    return _together(sorted(found, key=lambda one: one.name))


def kind_of(manifest: Mapping[str, Any], name: str) -> str:
    """What an input is; ABSENT where there is none of that name."""
    return str(manifest["inputs"][name]["kind"]) if name in manifest["inputs"] else ABSENT


def _together(found: list[Difference]) -> list[Difference]:
    """`rewrites.000`, `rewrites.001`, … that only one of them has are one difference."""
    kept: dict[tuple[str, ...], Difference] = {}
    for one in found:
        of_input = one.what in ("input", "content")
        name = one.name.split(".")[0] if of_input else one.name
        place = (one.what, name) if one.what == "content" else (one.what, name, one.ours, one.theirs)
        kept.setdefault(place, Difference(one.what, name, one.ours, one.theirs))
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
