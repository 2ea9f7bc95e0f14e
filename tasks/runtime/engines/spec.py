"""What passes between a stage and its engine: everything it needs there, figures back.

scratch/<module>.spec.json   one pydantic model, written by the stage
scratch/metrics.json         {"rows": 800, "seconds": …}, written by the engine when the rest of its output is whole
"""

import json
import sys
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from tasks.runtime.files.whole_file import write_json

S = TypeVar("S", bound=BaseModel)


def read_spec(model: type[S]) -> S:
    """The engine's spec, from the path in its first argument."""
    return model.model_validate_json(Path(sys.argv[1]).read_text(encoding="utf-8"))


def write_metrics(out: Path, metrics: dict[str, Any]) -> None:
    """Leave the engine's figures for its stage."""
    write_json(out / "scratch" / "metrics.json", metrics)


def read_metrics(out: Path) -> dict[str, Any]:
    """The figures that the stage's engine left."""
    metrics: dict[str, Any] = json.loads((out / "scratch" / "metrics.json").read_text(encoding="utf-8"))
    return metrics
