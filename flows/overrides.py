"""`--set FIELD=VALUE`: one field of an experiment changed, or a sentence that says what would fit.

In:  ["sample.rows=500", "corpora.0.path=mine.jsonl"]
Out: {"sample.rows": 500, "corpora.0.path": "mine.jsonl"}, put into the values that the model will validate

    sample.row=7      no field sample.row: did you mean sample.rows?
    sample.rows=[1    '[1' is no YAML; it takes an integer, at least 1 (Rows to draw; …)
    sample.rows.x=1   sample.rows has no fields; it takes an integer, at least 1 (Rows to draw; …)
"""

from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from tasks.runtime import yaml_text

Tree = dict[str, Any]

JSON_NAMES = {
    "integer": "an integer",
    "number": "a number",
    "string": "a text",
    "boolean": "true or false",
    "null": "null",
    "array": "a list",
    "object": "a mapping",
}
BOUNDS = {"minimum": "at least", "exclusiveMinimum": "more than", "maximum": "at most", "exclusiveMaximum": "less than"}


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
            raise OverrideError(f"{one}: {value!r} is no YAML; it takes {_takes(model, field)}") from None
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
        if (of := _model(shape)) is not None:
            if name not in of.model_fields:
                raise OverrideError(no_field(model, so_far, name))
            info = of.model_fields[name]
            shape = info.annotation
            if not last and at.get(name) is None:
                at[name] = _default(info)
        elif (item := _item(shape)) is not None:
            if not name.isdigit() or int(name) >= len(at):
                raise OverrideError(f"{field}: {so_far} has items 0 to {len(at) - 1}, not {name!r}")
            key, shape = int(name), item
        elif isinstance(at, dict):
            at.setdefault(name, None if last else {})
            shape = Any
        else:
            raise OverrideError(f"{field}: {so_far} has no fields; it takes {_takes(model, so_far)}")
        if last:
            at[key] = value
        else:
            at = at[key]


def problems(error: ValidationError, model: type[BaseModel]) -> str:
    """What a validation found, field by field: where, what was given, and what would fit."""
    said = []
    for one in error.errors():
        *parents, last = (str(part) for part in one["loc"]) if one["loc"] else ("",)
        where = ".".join([*parents, last])
        if one["type"] == "extra_forbidden":
            said.append(no_field(model, ".".join(parents), last))
        elif one["type"] == "missing":
            said.append(f"{where} is missing; it takes {_takes(model, where)}")
        elif one["type"] == "value_error":
            said.append(f"{where}: {one['msg'].removeprefix('Value error, ')}".removeprefix(": "))
        else:
            said.append(f"{where}={one['input']!r}: {one['msg']}; it takes {_takes(model, where)}")
    return "; ".join(said)


def no_field(model: type[BaseModel], parent: str, name: str) -> str:
    """ "no field sample.row: did you mean sample.rows?"; also where the name is right and its parent was left out."""
    path = f"{parent}.{name}".removeprefix(".")
    paths = list(_paths(model))
    of = _model_at(model, parent.split(".")) if parent else model
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
        below = _model(info.annotation)
        if below is not None and below not in within:
            yield from _paths(below, f"{before}{name}.", (*within, model))


def _takes(model: type[BaseModel], field: str) -> str:
    """ "an integer, at least 1 (Rows to draw; …)", from the model's own schema."""
    *parents, last = field.split(".")
    of = _model_at(model, parents)
    table = parent.model_fields.get(parents[-1]) if parents and (parent := _model_at(model, parents[:-1])) else None
    if of and table and _entry(table.annotation):
        return f"a mapping with {', '.join(of.model_fields)}"
    if of is None or last not in of.model_fields:
        return "nothing: there is no such field"
    schema = of.model_json_schema()
    said = schema.get("properties", {}).get(last, {})
    options = [_words(option) for option in said.get("anyOf", [said])]
    description = f" ({said['description']})" if said.get("description") else ""
    return f"{' or '.join(dict.fromkeys(options))}{description}"


def _model_at(model: type[BaseModel], names: Sequence[str]) -> type[BaseModel] | None:
    """The model below `names`, of which those that number a list's items or name a mapping's entries say nothing."""
    of: type[BaseModel] | None = model
    within = False
    for name in names:
        if within:
            within = False
            continue
        info = of.model_fields.get(name) if of else None
        of = _model(info.annotation) if info else None
        if info and of is None and (item := _item(info.annotation) or _entry(info.annotation)):
            of, within = _model(item), True
    return of


def _words(schema: Tree) -> str:
    if "enum" in schema or "const" in schema:
        return "one of " + ", ".join(map(str, schema.get("enum", [schema.get("const")])))
    bounds = [f"{word} {schema[name]:g}" for name, word in BOUNDS.items() if name in schema]
    return ", ".join([JSON_NAMES.get(schema.get("type", "object"), "a mapping"), *bounds])


def _default(info: FieldInfo) -> Any:
    """What a field that the file leaves out is filled with, so that a part of it can be changed."""
    default = info.get_default(call_default_factory=True)
    if isinstance(default, (tuple, list)):
        return [one.model_dump(mode="json") if isinstance(one, BaseModel) else one for one in default]
    return {} if _model(info.annotation) or default is None else default


def _bare(annotation: Any) -> list[Any]:
    """The types that an annotation allows, without Annotated and Optional."""
    if get_origin(annotation) is Annotated:
        return _bare(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return [bare for one in get_args(annotation) for bare in _bare(one)]
    return [annotation]


def _model(annotation: Any) -> type[BaseModel] | None:
    found = [one for one in _bare(annotation) if isinstance(one, type) and issubclass(one, BaseModel)]
    return found[0] if found else None


def _entry(annotation: Any) -> Any:
    found = [get_args(one)[1] for one in _bare(annotation) if get_origin(one) is dict]
    return found[0] if found else None


def _item(annotation: Any) -> Any:
    found = [get_args(one)[0] for one in _bare(annotation) if get_origin(one) in (tuple, list)]
    return found[0] if found else None
