"""vLLM computes in the precision that it is told, in float32 where nothing is told of a small model; rows that are
drawn have a stream each, also where their prompts are more than one step reads.
"""

import json
import os
import subprocess
import sys

import pytest

from tasks.generation.variables import engine_variables
from tests.conftest import ROOT

pytestmark = pytest.mark.inference

START = """
import json, sys
from pathlib import Path
from tasks.generation.vllm_sampling import Decoding, generate, start
llm = start(Path(sys.argv[1]), cuda=False, dtype=sys.argv[2], context=128, sequences=256)
model = llm.llm_engine.engine_core.engine_core.model_executor.driver_worker.worker.model_runner.model
print("weights", {str(weight.dtype) for weight in model.parameters()})
"""
DRAWN = """
decoding = Decoding(8, temperature=1.0)
prompts = [[5 + (row + place) % 90 for place in range(71)] for row in range(300)]
read_at_once = llm.llm_engine.vllm_config.scheduler_config.max_num_batched_tokens
together = generate(llm, [str(row) for row in range(300)], prompts, decoding)
alone = generate(llm, ["299"], prompts[299:], decoding)
print("said", json.dumps([read_at_once, [one.text for one in together], alone[0].text]))
"""


@pytest.fixture(scope="module")
def drawn() -> str:
    """What an engine says that is told nothing of the precision and draws."""
    return run(START + DRAWN, "auto")


def test_a_small_models_weights_are_float32(drawn: str) -> None:
    assert "weights {'torch.float32'}" in drawn


@pytest.mark.slow
def test_weights_have_the_precision_asked_for() -> None:
    assert "weights {'torch.bfloat16'}" in run(START, "bfloat16")


def test_more_prompts_than_a_step_reads_are_drawn_each_from_its_own_stream(drawn: str) -> None:
    read_at_once, together, alone = json.loads(drawn.split("said ")[1].splitlines()[0])
    assert read_at_once < 300 * 71
    assert together[299] == alone
    assert len(set(together)) > 100


def run(code: str, *arguments: str) -> str:
    """What the code prints in a process of its own, which the engine needs."""
    environment = os.environ | engine_variables(cuda=False) | {"CUDA_VISIBLE_DEVICES": "", "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code, str(ROOT / "infra" / "nano" / "model"), *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout
