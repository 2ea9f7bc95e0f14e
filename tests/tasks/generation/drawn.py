"""What an engine computes in and draws, as JSON: `main()` is its process."""

import json
import sys
from pathlib import Path

from tasks.generation import vllm_sampling
from tests.conftest import ROOT

LIBRARIES = vllm_sampling.LIBRARIES


def main() -> None:
    """To a file: the weights' types in the precision asked for, and, where it is `auto`, texts that were drawn."""
    dtype, out = sys.argv[1:]
    nano = ROOT / "infra" / "nano" / "model"
    llm = vllm_sampling.start(nano, cuda=False, dtype=dtype, context=128, sequences=256)
    model = llm.llm_engine.engine_core.engine_core.model_executor.driver_worker.worker.model_runner.model
    said: dict[str, object] = {"weights": sorted({str(weight.dtype) for weight in model.parameters()})}
    if dtype == "auto":
        decoding = vllm_sampling.Decoding(8, temperature=1.0)
        prompts = [[5 + (row + place) % 90 for place in range(71)] for row in range(300)]
        said["read_at_once"] = llm.llm_engine.vllm_config.scheduler_config.max_num_batched_tokens
        together = vllm_sampling.generate(llm, [str(row) for row in range(300)], prompts, decoding)
        said["together"] = [one.text for one in together]
        said["alone"] = vllm_sampling.generate(llm, ["299"], prompts[299:], decoding)[0].text
    Path(out).write_text(json.dumps(said))
