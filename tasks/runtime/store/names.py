"""The readable name of an artifact: its stage, its backbone, who asked for it, its part, the beginning of its key.

    rewrite/SmolLM2-135M/rewriting_agent-seed0/shard1/9f3c01d2
    corpus/numinamath_cot/7d77d01c

The key stays the identity. A name is for people: it is written into the manifest when the artifact is published, is no
part of its key or digest, and says who asked first; another run may find the same artifact. What was published without
a name gets one from the rest of its manifest.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import Any, Protocol

SHORT = 8  # hex digits of the key at a name's end
LONGEST = 60  # characters of one part of a name
BACKBONE = "backbone"  # the stage that brings pi_0: what is made with it carries its name
REPORTS = ("report", "frontier")  # what a person makes a run for, and looks at
LENT = "tokenizers."  # inputs that only count tokens: a sample is no backbone's
METHOD = r"\w+(?:=[\w.+-]+)?"  # sft; sft_kl=0.5, which is sft_kl at another strength than its file's
_RUN_TAG = re.compile(rf"{METHOD}/\d+")
_TELLING = ("name", "benchmark", "benchmarks", "part", "loss", "shard")  # config fields that tell parts apart
_UNFIT = re.compile(r"[^\w.+-]+")


class _Reference(Protocol):
    @property
    def key(self) -> str: ...


class Described(Protocol):
    """What a name is made of: a manifest."""

    @property
    def kind(self) -> str: ...
    @property
    def key(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def config(self) -> Mapping[str, Any]: ...
    @property
    def run(self) -> Mapping[str, str]: ...
    @property
    def inputs(self) -> Mapping[str, _Reference]: ...


def readable(kind: str, key: str, backbone: str = "", method: str = "", seed: int | None = None, part: str = "") -> str:
    """The name that these make; what is empty is left out."""
    run = method if seed is None else f"{method}-seed{seed}".lstrip("-")
    return "/".join(fit for one in (kind, backbone, run, part, key[:SHORT]) if (fit := fitting(one)))


def name_of(manifest: Described, look: Callable[[str], Described | None], called: str = "") -> str:
    """The name of what `manifest` describes.

    Args:
        look: the manifest of an input's key; None where it is gone.
        called: what a backbone is called, if its config is at hand: its name is no part of its key.
    """
    if is_name(manifest.name):
        return manifest.name
    method, seed = asked_by(tags_of(manifest.run.get("task_run", "")))
    backbone = backbone_name(manifest, look, called)
    return readable(manifest.kind, manifest.key, backbone, method, seed, part_of(manifest.config))


def backbone_name(manifest: Described, look: Callable[[str], Described | None], called: str = "") -> str:
    """The backbone that an artifact is, or was made with; "" for one of none, as a corpus. As `name_of`."""
    if manifest.kind == BACKBONE:
        return called or called_backbone(manifest.name, manifest.run.get("task_run", ""))
    said = manifest.config.get("backbone")
    reported = said if manifest.kind in REPORTS and isinstance(said, str) else ""
    return reported or backbone_of(_sources(manifest), lambda key: _seen(look(key)))


def names_of(manifests: Iterable[Described]) -> dict[str, str]:
    """Key → name of all of these, which are each other's inputs."""
    by_key = {one.key: one for one in manifests}
    return {key: name_of(one, by_key.get) for key, one in by_key.items()}


def backbone_of(sources: Iterable[str], look: Callable[[str], tuple[str, list[str]] | None]) -> str:
    """The backbone that an artifact with these inputs was made with, "" for none.

    `look` gives of a key the name of the backbone, where it is one, and its inputs; None where it is gone.
    """
    seen: set[str] = set()
    waiting = list(sources)
    while waiting:
        key = waiting.pop(0)
        if key not in seen and (found := look(key)) is not None:
            seen.add(key)
            if found[0]:
                return found[0]
            waiting += found[1]
    return ""


def own_sources(inputs: Iterable[tuple[str, str]]) -> list[str]:
    """The keys of (name, key) that can tell a backbone: not those of tokenizers that are lent."""
    return [key for name, key in inputs if not name.startswith(LENT)]


def called_backbone(name: str, task_run: str) -> str:
    """What a backbone is called: as its name says; without one as its run does, `backbone nano tokenizer`."""
    if is_name(name):
        return name.split("/")[1]
    return " ".join(task_run.split("(")[0].split()[1:2])


def tags_of(task_run: str) -> list[str]:
    """The tags in what a stage's run was called: `drift (rate 0.0008, sft/0)` -> ["rate 0.0008", "sft/0"]."""
    return task_run[task_run.rindex("(") + 1 : -1].split(", ") if task_run.endswith(")") and "(" in task_run else []


def asked_by(tags: Iterable[str]) -> tuple[str, int | None]:
    """Method and seed that the user asked for, by a stage's tags: ["sft/1"] -> ("sft", 1); "", None for what all of
    them share."""
    found = (tag.split("/") for tag in tags if _RUN_TAG.fullmatch(tag))
    return next(((method, int(seed)) for method, seed in found), ("", None))


def part_of(config: Mapping[str, Any]) -> str:
    """`nll`, `shard1`, `nano_facts+nano_words`: what its config says that siblings do not share."""
    said = [_told(field, config[field]) for field in _TELLING if config.get(field) not in (None, "", [])]
    return "-".join([*said, *(["tokenizer"] if config.get("tokenizer_only") is True else [])])


def _told(field: str, value: Any) -> str:
    if isinstance(value, list):
        return "+".join([*map(str, value[:3]), *([f"{len(value) - 3}more"] if len(value) > 3 else [])])
    return f"{field}{value}" if isinstance(value, int) else str(value)


def fitting(part: str) -> str:
    """As one folder's name on any file system: letters, digits and `_.+-`, no dot at its beginning."""
    return _UNFIT.sub("-", part[: 4 * LONGEST]).strip("-.")[:LONGEST].rstrip("-.")


def is_name(name: str) -> bool:
    """Whether a manifest's name is one; a forged one (`../..`) is not."""
    parts = name.split("/")
    return len(parts) >= 2 and all(parts) and all(fitting(part) == part for part in parts)


def choose(asked: str, names: Mapping[str, str], what: str = "artifact") -> str:
    """The key that a person means by the beginning of a key or of a name, out of `names` (key → name).

    Raises:
        LookupError: none or several are meant; says which are near.
    """
    said = asked.strip().rpartition("by-name/")[2].rstrip("/…")
    keys = [key for key in names if said and key.startswith(said)]
    whole = [key for key, name in names.items() if said in (name, name.rpartition("/")[0])]
    found = keys or whole or [key for key, name in names.items() if said and name.startswith(said)]
    if len(found) == 1:
        return found[0]
    if found:
        some = ", ".join(sorted(names[key] for key in found)[:4]) + (", …" if len(found) > 4 else "")
        raise LookupError(f"{asked!r} means {len(found)} {what}s: say more of {some}")
    near = _near(said, names)
    meant = f"did you mean {' or '.join(near)}? " if near else ""
    there = "`rewriting-agent store list` has all"
    raise LookupError(f"no {what} has a key or name that begins with {asked!r}: {meant}{there}")


def _near(said: str, names: Mapping[str, str]) -> list[str]:
    """Up to three names whose beginning, of so many parts, or whose key is like what was typed."""
    if re.fullmatch(r"[0-9a-f]{4,}", said):
        beginnings = {key[: len(said)]: name for key, name in names.items()}
    else:
        depth = said.count("/") + 1
        beginnings = {"/".join(name.split("/")[:depth]): "/".join(name.split("/")[:depth]) for name in names.values()}
    return [beginnings[one] for one in get_close_matches(said, beginnings, n=3, cutoff=0.6)]


def _sources(manifest: Described) -> list[str]:
    return own_sources((name, one.key) for name, one in manifest.inputs.items())


def _seen(manifest: Described | None) -> tuple[str, list[str]] | None:
    if manifest is None:
        return None
    is_backbone = manifest.kind == BACKBONE
    called = called_backbone(manifest.name, manifest.run.get("task_run", "")) if is_backbone else ""
    return called, _sources(manifest)
