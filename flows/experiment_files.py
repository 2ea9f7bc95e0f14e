"""The YAML files that experiments are made of: a backbone's under infra/backbones, a preset's under infra/presets.

    read_file("nano", "backbone", BACKBONES, …)      {"backbone": {"name": "nano", …}, "train_agent": {"steps": 40, …}}
    read_file("nanno", "backbone", BACKBONES, …)     ExperimentError "no backbone 'nanno': did you mean nano? …"

`merged` lays one file's values over another's. Relative paths in a file of one's own are looked up beside it.
"""

from pathlib import Path
from typing import Any

from tasks.runtime.files.meant import meant
from tasks.runtime.files.yaml_text import YamlError, mapping
from tasks.runtime.settings import ROOT

BACKBONES = ROOT / "infra" / "backbones"
PRESETS = ROOT / "infra" / "presets"
# Fields that may name a file or folder; `function` as file.py:function.
PLACES = {"path", "model", "chat_template", "passages", "benchmark_data", "schema_file", "function"}


class ExperimentError(ValueError):
    """An experiment file that cannot be used: names the file and the field."""


def backbone_names() -> list[str]:
    """Backbones that have a file under infra/backbones."""
    return sorted(path.stem for path in BACKBONES.glob("*.yaml"))


def preset_names() -> list[str]:
    """Sizes that have a file under infra/presets."""
    return sorted(path.stem for path in PRESETS.glob("*.yaml"))


def read_file(name: str, what: str, folder: Path, otherwise: str) -> dict[str, Any]:
    """The values of a file of `folder`, or of one whose path is given. `what` and `otherwise` are words for errors.

    Raises:
        ExperimentError: there is none, or it is no mapping.
    """
    path = Path(name) if name.endswith((".yaml", ".yml")) else folder / f"{name}.yaml"
    if not path.is_file():
        there = [one.stem for one in sorted(folder.glob("*.yaml"))]
        raise ExperimentError(f"no {what} {name!r}: {meant(name, there)}; or give {otherwise}")
    try:
        values = mapping(path, "an experiment (backbone: …)")
    except YamlError as error:
        raise ExperimentError(str(error)) from None
    return values if path.parent == folder else absolute(values, path.parent)


def absolute(values: Any, folder: Path, name: str = "") -> Any:
    """The values with the paths in them that lead somewhere from `folder` made absolute: {"path": "mine.jsonl"}. The
    others stay as they are: ids on the hub, and paths from the project's root.

    Args:
        name: of the field that holds `values`.
    """
    if isinstance(values, dict):
        return {key: absolute(value, folder, key) for key, value in values.items()}
    if isinstance(values, list):
        return [absolute(value, folder, name) for value in values]
    if name not in PLACES or not isinstance(values, str) or not values:
        return values
    path, *function = values.rsplit(":", 1) if name == "function" else [values]
    found = folder / path
    return ":".join([str(found.resolve()), *function]) if found.exists() else values


def merged(values: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    """`values` with those of `more` in their place, mapping by mapping; lists are replaced whole."""
    both = {
        name: merged(values[name], more[name])
        for name in values.keys() & more.keys()
        if isinstance(values[name], dict) and isinstance(more[name], dict)
    }
    return values | more | both
