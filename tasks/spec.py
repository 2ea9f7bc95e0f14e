"""The file through which a stage hands its engine everything: one pydantic model as JSON."""

import sys
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

S = TypeVar("S", bound=BaseModel)


def read_spec(model: type[S]) -> S:
    """The engine's spec, from the path in its first argument."""
    return model.model_validate_json(Path(sys.argv[1]).read_text(encoding="utf-8"))
