"""vLLM computes in the precision that it is told, and in float32 where nothing is told of a small model."""

import os
import subprocess
import sys

import pytest

from tasks.generation.variables import engine_variables
from tests.conftest import ROOT

pytestmark = pytest.mark.inference

CODE = """
import sys
from pathlib import Path
from tasks.generation.vllm_sampling import start
llm = start(Path(sys.argv[1]), cuda=False, dtype=sys.argv[2], context=128, sequences=2)
model = llm.llm_engine.engine_core.engine_core.model_executor.driver_worker.worker.model_runner.model
print("weights", {str(weight.dtype) for weight in model.parameters()})
"""


@pytest.mark.parametrize(("dtype", "expected"), [("auto", "torch.float32"), ("bfloat16", "torch.bfloat16")])
def test_weights_have_the_precision_asked_for(dtype: str, expected: str) -> None:
    environment = os.environ | engine_variables(cuda=False) | {"CUDA_VISIBLE_DEVICES": "", "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(ROOT / "infra" / "nano" / "model"), dtype],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert f"weights {{'{expected}'}}" in done.stdout
