"""vLLM computes in the precision that it is told, in float32 where nothing is told of a small model; rows that are
drawn have a stream each, also where their prompts are more than one step reads.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from tasks.generation.variables import engine_variables
from tests.tasks import engines
from tests.tasks.generation import drawn

pytestmark = pytest.mark.inference


def said_by(folder: Path, dtype: str) -> dict[str, Any]:
    out = folder / "said.json"
    ran = engines.forked(drawn.__name__, [dtype, str(out)], folder / "log", engine_variables(cuda=False))
    assert ran.wait() == 0, (folder / "log").read_text()[-3000:]
    return dict(json.loads(out.read_text()))


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Of an engine that is told nothing of the precision."""
    return said_by(tmp_path_factory.mktemp("said"), "auto")


def test_a_small_models_weights_are_float32(said: dict[str, Any]) -> None:
    assert said["weights"] == ["torch.float32"]


@pytest.mark.slow
def test_weights_have_the_precision_asked_for(tmp_path: Path) -> None:
    assert said_by(tmp_path, "bfloat16")["weights"] == ["torch.bfloat16"]


def test_more_prompts_than_a_step_reads_are_drawn_each_from_its_own_stream(said: dict[str, Any]) -> None:
    assert said["read_at_once"] < 300 * 71
    assert said["together"][299] == said["alone"]
    assert len(set(said["together"])) > 100
