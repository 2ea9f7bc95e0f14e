"""What fits a field, in words from its model's own schema, and the models that a field leads to.

In:  Experiment, "sample.rows"
Out: "an integer, at least 1 (Rows to draw; …)"
"""

from collections.abc import Sequence
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, TypeAdapter
from pydantic.fields import FieldInfo
from pydantic.json_schema import SkipJsonSchema

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


def takes(model: type[BaseModel], field: str) -> str:
    """ "an integer, at least 1 (Rows to draw; …)", from the model's own schema."""
    *parents, last = field.split(".")
    of = model_at(model, parents)
    table = parent.model_fields.get(parents[-1]) if parents and (parent := model_at(model, parents[:-1])) else None
    if of and table and entry_in(table.annotation):
        return f"a mapping with {', '.join(of.model_fields)}"
    if of is None or last not in of.model_fields:
        return "nothing: there is no such field"
    said = of.model_json_schema().get("properties", {}).get(last) or _hidden(of.model_fields[last])
    options = [_words(option) for option in said.get("anyOf", [said])]
    description = f" ({said['description']})" if said.get("description") else ""
    return f"{' or '.join(dict.fromkeys(options))}{description}"


def _hidden(info: FieldInfo) -> Tree:
    """The schema of a field that forms leave out."""
    shown = [one for one in info.metadata if not isinstance(one, SkipJsonSchema)]  # type: ignore[misc]
    bare: Any = Annotated[info.annotation, *shown]
    said = {"description": info.description} if info.description else {}
    return TypeAdapter(bare).json_schema() | said


def _words(schema: Tree) -> str:
    if "enum" in schema or "const" in schema:
        return "one of " + ", ".join(map(str, schema.get("enum", [schema.get("const")])))
    bounds = [f"{word} {schema[name]:g}" for name, word in BOUNDS.items() if name in schema]
    return ", ".join([JSON_NAMES.get(schema.get("type", "object"), "a mapping"), *bounds])


def model_at(model: type[BaseModel], names: Sequence[str]) -> type[BaseModel] | None:
    """The model below `names`, of which those that number a list's items or name a mapping's entries say nothing."""
    of: type[BaseModel] | None = model
    within = False
    for name in names:
        if within:
            within = False
            continue
        info = of.model_fields.get(name) if of else None
        of = model_in(info.annotation) if info else None
        if info and of is None and (item := item_in(info.annotation) or entry_in(info.annotation)):
            of, within = model_in(item), True
    return of


def _bare(annotation: Any) -> list[Any]:
    """The types that an annotation allows, without Annotated and Optional."""
    if get_origin(annotation) is Annotated:
        return _bare(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return [bare for one in get_args(annotation) for bare in _bare(one)]
    return [annotation]


def model_in(annotation: Any) -> type[BaseModel] | None:
    """The pydantic model in an annotation: of `SplitConfig | None` SplitConfig; None where there is none."""
    found = [one for one in _bare(annotation) if isinstance(one, type) and issubclass(one, BaseModel)]
    return found[0] if found else None


def entry_in(annotation: Any) -> Any:
    """What a dict in an annotation holds: of `dict[str, Place]` Place."""
    found = [get_args(one)[1] for one in _bare(annotation) if get_origin(one) is dict]
    return found[0] if found else None


def item_in(annotation: Any) -> Any:
    """What a tuple or list in an annotation holds: of `tuple[CorpusConfig, ...]` CorpusConfig."""
    found = [get_args(one)[0] for one in _bare(annotation) if get_origin(one) in (tuple, list)]
    return found[0] if found else None
