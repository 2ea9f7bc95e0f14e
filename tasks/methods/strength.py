"""A method at another strength than its file's: the same method under a longer name.

In:  the methods ["sft", "sft_kl"], of which sft_kl.yaml has strength: {field: finetune.anchor, grid: [0.1, 0.5, 2], …};
     asked for: ["all"], or ["sft_kl=0.5,2"]
Out: ["sft", "sft_kl", "sft_kl=0.5", "sft_kl=2"], or ["sft", "sft_kl=0.5", "sft_kl=2"]

At its file's own strength it keeps its plain name. All these names are the runs' of a study, of its models and reports.
"""

import math
import re
from collections.abc import Iterable, Sequence

from tasks.methods.method import Method, methods

ALL = "all"
_AT = re.compile(r"([a-z][a-z0-9_]*)=(-?\d+(?:\.\d+)?(?:e[+-]\d+)?)")  # as `shown` writes it


class StrengthError(ValueError):
    """Strengths that cannot be run; names the method and says what to type."""


def method_of(name: str) -> str:
    """The method of a name: sft_kl of sft_kl=0.5."""
    return _parts(name)[0]


def strength_of(name: str) -> float | None:
    """The strength that a name says, or its method's file; None of what has none."""
    method, value = _parts(name)
    if value:
        return float(value)
    known = methods().get(method)
    return None if known is None or known.strength is None else float(known.own_strength())


def shown(value: float) -> str:
    """A strength as names and tables write it."""
    return f"{value:.12g}"


def label_at(method: str, strengths: str) -> str | None:
    """What the method is called at strengths (0.5; 0.1 or 2); None of what has none."""
    known = methods().get(method)
    return None if known is None or known.strength is None else known.strength.label.format(strengths)


def label_of(name: str) -> str | None:
    """What figures and tables call a method, also at another strength; None of what no file declares."""
    method, value = _parts(name)
    known = methods().get(method)
    if known is None:
        return None
    return label_at(method, value) if value else known.label


def method_at(name: str) -> Method:
    """The method of a name, with what the name changes of its file.

    Raises:
        ValidationError: the strength is out of the bounds of the file's own field; those of the experiment's fields
            are seen where the experiment is changed (`Experiment.of_method`).
    """
    method, value = _parts(name)
    known = methods()[method]
    if not value or known.strength is None:
        return known
    field, strength = known.strength.field, float(value)
    if field in known.changes:
        return known.model_copy(update={"changes": known.changes | {field: strength}})
    values = known.model_dump(exclude={"strength"})
    *parents, last = field.split(".")
    within = values
    for parent in parents:
        within = within[parent]
    within[last] = strength
    return Method.model_validate(values)


def over_strengths(names: Iterable[str], asked: Sequence[str]) -> list[str]:
    """The methods, each at the strengths that are asked for it.

    Args:
        names: methods that a study compares.
        asked: of these "all", those that have a strength over their files' grids; "sft_kl" over its file's grid;
            "sft_kl=0.5,2" at these strengths alone.

    Raises:
        StrengthError: a method that is not compared or has no strength, or what is no number.
    """
    names = list(names)
    having = {name: one.strength.grid for name, one in methods().items() if one.strength is not None}
    grids: dict[str, set[float]] = {}
    for said in asked:
        name, at, values = (part.strip() for part in said.partition("="))
        if name == ALL and not at:
            continue
        if name not in names:
            raise StrengthError(f"strengths {said}: {name} is not among the compared methods: {_listed(names)}")
        if name not in having:
            raise StrengthError(f"strengths {said}: {name} has no strength; those that have one: {_listed(having)}")
        grids.setdefault(name, set()).update(_numbers(said, values) if at else having[name])
    if any(said.strip() == ALL for said in asked):
        grids = {name: set(having[name]) for name in names if name in having} | grids
        if not grids:
            raise StrengthError(f"strengths all: none of {_listed(names)} has one; those that have: {_listed(having)}")
    return [at for name in names for at in (_named(name, grids[name]) if name in grids else [name])]


def asked_at(names: Iterable[str]) -> list[str]:
    """What to ask for, to have methods at these strengths: ["sft_kl=0.1,0.5"] of sft, sft_kl and sft_kl=0.5."""
    names = list(names)
    found: dict[str, list[str]] = {method_of(name): [] for name in names if method_of(name) != name}
    for name in names:
        if (method := method_of(name)) in found and (value := strength_of(name)) is not None:
            found[method].append(shown(value))
    return [f"{method}={','.join(values)}" for method, values in found.items()]


def _parts(name: str) -> tuple[str, str]:
    found = _AT.fullmatch(name)
    return (found[1], found[2]) if found else (name, "")


def _named(method: str, grid: Iterable[float]) -> list[str]:
    own = strength_of(method)
    return [method if value == own else f"{method}={shown(value)}" for value in sorted(grid)]


def _numbers(said: str, values: str) -> list[float]:
    try:
        found = [float(one) for one in values.split(",")]
    except ValueError:
        found = []
    if not found or not all(map(math.isfinite, found)):
        raise StrengthError(f"strengths {said}: numbers with commas between, as in {said.partition('=')[0]}=0.5,2")
    return found


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)
