"""YAML that a person wrote: its value, or one error that says what is wrong, whatever PyYAML makes of it.

In:  "rows: 2026-99-99"        "a: [[[[…"               "a: &a [*a]"
Out: YamlError("month must be in 1..12")   "is nested too deep"   "holds itself"

PyYAML 6.0 raises ValueError, AttributeError and RecursionError beside its own errors, and its C loader ends the process
where brackets are nested by the hundred thousand.
"""

import json
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

FAST: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # 5 ms instead of 30 for all methods
_NESTS = "[{-?"  # what begins a list or mapping in a line, so that thousands of them may be nested
_MOST = 1000  # of these the C loader is known to bear
_SHOWN = 60  # characters of a value that does not fit
_SAID = {
    "Circular reference detected": "an alias (*) stands within its own anchor (&): it would hold itself",
    "'NoneType' object has no attribute 'groupdict'": "what !!timestamp stands before is no date",
}

Fields = TypeVar("Fields", bound=BaseModel)


class YamlError(ValueError):
    """No YAML, or YAML that holds no plain values: says where and what is wrong."""


def parsed(text: str, loader: Any = FAST) -> Any:
    """The value of a text, of lists, mappings and single values. Raises YamlError."""
    if loader is FAST and sum(map(text.count, _NESTS)) > _MOST:
        loader = yaml.SafeLoader
    try:
        value = yaml.load(text, loader)
        json.dumps(value, default=str)  # ValueError where it holds itself, TypeError where a key is no text or number
    except RecursionError:
        raise YamlError("is nested too deep") from None
    except yaml.YAMLError as error:
        raise YamlError(str(error)) from None
    except (ValueError, TypeError, AttributeError, LookupError) as error:
        raise YamlError(_SAID.get(str(error), str(error))) from None
    return value


def mapping(path: Path, of: str, loader: Any = FAST) -> dict[str, Any]:
    """The fields that a file holds. `of`: what they are those of, with an example: "an experiment (backbone: …)".

    Raises:
        YamlError: it cannot be read, is no YAML, or holds something else; names the file.
    """
    try:
        value = parsed(path.read_text(encoding="utf-8"), loader)
    except OSError as error:
        raise YamlError(f"{path} cannot be read: {error.strerror}") from None
    except ValueError as error:  # YamlError, UnicodeDecodeError
        raise YamlError(f"{path} is no YAML: {error}") from None
    if not isinstance(value, dict):
        raise YamlError(f"{path} holds {type(value).__name__}, not the fields of {of}")
    return value


def validated(path: Path, fields: type[Fields], values: dict[str, Any], within: str = "") -> Fields:
    """The model that a file's values make. Raises YamlError, which names the file, each field and what would fit."""
    try:
        return fields.model_validate(values)
    except ValidationError as error:
        raise YamlError(f"{path}: {'; '.join(_told(one, fields, within) for one in error.errors())}") from None


def _told(fault: Any, fields: type[BaseModel], within: str) -> str:
    where = ".".join(map(str, (*filter(None, [within]), *fault["loc"])))
    if fault["type"] == "missing":
        return f"{where}: is missing"
    if fault["type"] == "extra_forbidden":
        there = f"; there are {', '.join(fields.model_fields)}" if len(fault["loc"]) == 1 else ""
        return f"{where}: no such field{there}"
    if fault["type"] == "value_error":
        return f"{where}: {fault['msg'].removeprefix('Value error, ')}".removeprefix(": ")
    return f"{where}: {fault['msg']}, found {repr(fault['input'])[:_SHOWN]}"
