"""A call of a stage as plain values, for a run on another machine, and back.

tasks.corpus.corpus:corpus   {"name": "a", "path": …}   {}                           what is sent
corpus                       CorpusConfig(name="a", …)  {}                           what is called there
{"backbone": {"kind": "backbone", "key": …, "digest": …}}  →  {"backbone": Artifact(…)}
"""

import importlib
from collections.abc import Mapping
from typing import Any, get_args, get_type_hints

from pydantic import BaseModel

from tasks.runtime.store.store import Artifact


def name_of(function: Any) -> str:
    """`module:function` of a stage's function."""
    return f"{function.__module__}:{function.__name__}"


def find_stage(name: str) -> Any:
    """The stage that `module:function` names. Raises ValueError for anything that is no stage of this project."""
    module, _, function = name.partition(":")
    found = getattr(importlib.import_module(module), function, None) if module.startswith("tasks.") else None
    if found is None or not hasattr(found, "plain"):
        raise ValueError(f"{name!r} is no stage")
    return found


def config_of(stage: Any, values: Any) -> Any:
    """The stage's config from plain values: one model, or a dict of them where the stage makes a batch."""
    said = get_type_hints(stage.plain)["config"]
    if stage.batch:
        model = get_args(said)[1]
        return {name: model.model_validate(one) for name, one in values.items()}
    return said.model_validate(values)


def artifacts_of(values: Any) -> Any:
    """Inputs from plain values: references, dicts of them, or None."""
    if values is None:
        return None
    if set(values) == set(Artifact.model_fields):
        return Artifact.model_validate(values)
    return {name: artifacts_of(one) for name, one in values.items()}


def plain(value: Any) -> Any:
    """A config, or references to artifacts, as JSON takes them."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, Mapping):
        return {name: plain(one) for name, one in value.items()}
    return value
