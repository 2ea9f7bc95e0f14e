"""`--set FIELD=VALUE`: one field of an experiment changed, or a sentence that says what would fit.

In:  ["sample.rows=500", "corpora.0.path=mine.jsonl"]
Out: {"sample.rows": 500, "corpora.0.path": "mine.jsonl"}, put into the values that the model will validate

    sample.row=7      no field sample.row: did you mean sample.rows?
    sample.rows=[1    '[1' is no YAML; it takes an integer, at least 1 (Rows to draw; …)
    sample.rows.x=1   sample.rows has no fields; it takes an integer, at least 1 (Rows to draw; …)
"""

from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from flows.what_fits import Tree, item_in, model_at, model_in, takes
from tasks.runtime.files import yaml_text


class OverrideError(ValueError):
    """A field that does not exist, or a value that does not fit; says which and what would."""


def parse(given: Sequence[str], model: type[BaseModel]) -> dict[str, Any]:
    """Values by dotted field, each value read as YAML.

    Raises:
        OverrideError: no FIELD=VALUE, a value that is no YAML, or a field with two values.
    """
    parsed: dict[str, Any] = {}
    for one in given:
        field, equals, value = (part.strip() for part in one.partition("="))
        if not equals:
            raise OverrideError(f"{one!r} is not FIELD=VALUE, as in sample.rows=500")
        try:
            read = yaml_text.parsed(value)
        except yaml_text.YamlError:
            raise OverrideError(f"{one}: {value!r} is no YAML; it takes {takes(model, field)}") from None
        if parsed.setdefault(field, read) != read:
            raise OverrideError(f"{field} is set twice, to {parsed[field]} and to {read}")
    return parsed


def put(values: Tree, model: type[BaseModel], field: str, value: Any) -> None:
    """Set the dotted `field` in `values`, which `model` will validate; a list's items go by their number, from 0.

    Raises:
        OverrideError: there is no such field.
    """
    at: Any = values
    shape: Any = model
    names = field.split(".")
    for depth, name in enumerate(names):
        so_far, last = ".".join(names[:depth]), depth == len(names) - 1
        key: Any = name
        if (of := model_in(shape)) is not None:
            if name not in of.model_fields:
                raise OverrideError(no_field(model, so_far, name))
            info = of.model_fields[name]
            shape = info.annotation
            if not last and at.get(name) is None:
                at[name] = _default(info)
        elif (item := item_in(shape)) is not None:
            if not name.isdigit() or int(name) >= len(at):
                raise OverrideError(f"{field}: {so_far} has items 0 to {len(at) - 1}, not {name!r}")
            key, shape = int(name), item
        elif isinstance(at, dict):
            at.setdefault(name, None if last else {})
            shape = Any
        else:
            raise OverrideError(f"{field}: {so_far} has no fields; it takes {takes(model, so_far)}")
        if last:
            at[key] = value
        else:
            at = at[key]


def problems(error: ValidationError, model: type[BaseModel]) -> str:
    """What a validation found, field by field: where, what was given, and what would fit."""
    said = []
    places = {one["loc"] for one in error.errors()}
    for one in error.errors():
        if any(place[: len(one["loc"])] == one["loc"] for place in places - {one["loc"]}):
            continue  # a list that is too short, for what is wrong with its items
        *parents, last = (str(part) for part in one["loc"]) if one["loc"] else ("",)
        where = ".".join([*parents, last])
        if one["type"] == "extra_forbidden":
            said.append(no_field(model, ".".join(parents), last))
        elif one["type"] == "missing":
            said.append(f"{where} is missing; it takes {takes(model, where)}")
        elif one["type"] == "value_error":
            said.append(f"{where}: {one['msg'].removeprefix('Value error, ')}".removeprefix(": "))
        else:
            said.append(f"{where}={one['input']!r}: {one['msg']}; it takes {takes(model, where)}")
    return "; ".join(said)


def no_field(model: type[BaseModel], parent: str, name: str) -> str:
    """ "no field sample.row: did you mean sample.rows?"; also where the name is right and its parent was left out."""
    path = f"{parent}.{name}".removeprefix(".")
    paths = list(_paths(model))
    of = model_at(model, parent.split(".")) if parent else model
    beside = [f"{parent}.{one}".removeprefix(".") for one in (of.model_fields if of else ())]
    near = [f"{parent}.{one}".removeprefix(".") for one in
            get_close_matches(name, [one.rpartition(".")[2] for one in beside], n=3)]  # fmt: skip
    near = near or [one for one in paths if one.rpartition(".")[2] == name] or get_close_matches(path, paths, n=3)
    if near:
        return f"no field {path}: did you mean {' or '.join(near)}?"
    return f"no field {path}: there are {', '.join(beside)}"


def _paths(model: type[BaseModel], before: str = "", within: tuple[type, ...] = ()) -> Iterator[str]:
    """All dotted fields of a model and of the models in it; each model once on a way down."""
    for name, info in model.model_fields.items():
        yield before + name
        below = model_in(info.annotation)
        if below is not None and below not in within:
            yield from _paths(below, f"{before}{name}.", (*within, model))


def _default(info: FieldInfo) -> Any:
    """What a field that the file leaves out is filled with, so that a part of it can be changed."""
    default = info.get_default(call_default_factory=True)
    if isinstance(default, (tuple, list)):
        return [one.model_dump(mode="json") if isinstance(one, BaseModel) else one for one in default]
    return {} if model_in(info.annotation) or default is None else default
