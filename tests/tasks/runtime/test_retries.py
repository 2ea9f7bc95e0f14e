"""Which failures may pass: told from what engines print when they end."""

from pathlib import Path

import pytest

from tasks.finetune.config import FinetuneConfig
from tasks.finetune.finetune import smaller as smaller_sft
from tasks.runtime.engines.engine import EngineError
from tasks.runtime.retries import PAUSES, WILL_NOT_PASS, halve, halved, may_pass, out_of_memory
from tasks.score.config import ScoreConfig
from tasks.score.score import smaller as smaller_score
from tasks.train_agent.config import TrainAgentConfig, VerlConfig
from tasks.train_agent.train_agent import smaller as smaller_agent


def failed(says: str, status: int = 1) -> EngineError:
    return EngineError("an_engine", status, Path("an_engine.log"), [says])


@pytest.mark.parametrize(
    "says",
    [
        "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB",
        "RuntimeError: [enforce fail at alloc_cpu.cpp:118] DefaultCPUAllocator: can't allocate memory: out of memory",
        "RuntimeError: CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        "terminate called after throwing an instance of 'std::bad_alloc'",
        "MemoryError",
    ],
)
def test_lack_of_memory_is_known(says: str) -> None:
    assert out_of_memory(failed(says))
    assert may_pass(failed(says))


def test_what_another_attempt_may_not_meet() -> None:
    assert may_pass(failed("", status=128 + 9))
    assert may_pass(failed("ValueError: Free memory on device (3/80 GiB) is less than desired GPU memory utilization"))
    assert may_pass(failed("torch.distributed.DistBackendError: NCCL error in: ProcessGroupNCCL.cpp, ncclRemoteError"))
    assert may_pass(failed("ray.exceptions.ActorDiedError: The actor died unexpectedly before finishing this task."))
    assert not may_pass(failed("NCCL version 2.28.9+cuda13.0\nRuntimeError: shapes do not fit"))
    assert not may_pass(failed("ValueError: 40 % of the rows are bad"))


def test_what_names_bad_input_is_not_tried_again() -> None:
    assert WILL_NOT_PASS.search(str(failed("ValueError: 40 % of the rows are bad")))
    assert WILL_NOT_PASS.search(str(failed("pydantic_core._pydantic_core.ValidationError: 1 validation error")))
    assert not WILL_NOT_PASS.search(str(failed("RuntimeError: unspecified launch failure")))
    assert sorted(PAUSES) == PAUSES


def test_each_lack_of_memory_halves_what_comes_next(tmp_path: Path) -> None:
    assert halved(tmp_path) == 0
    halve(tmp_path)
    halve(tmp_path)
    assert halved(tmp_path) == 2


def test_a_pass_is_made_smaller_down_to_what_it_must_hold() -> None:
    trl = smaller_agent(TrainAgentConfig(engine="trl", micro_batch=2))
    assert trl is not None
    assert trl.micro_batch == 1
    assert smaller_agent(trl) is None
    sft = smaller_sft(FinetuneConfig(packing=False, global_batch=10, per_device_batch=5))
    assert sft is not None
    assert (sft.per_device_batch, sft.accumulation(1)) == (1, 10)
    verl = TrainAgentConfig(max_prompt_tokens=4096, max_new_tokens=4096, verl=VerlConfig(tokens_per_gpu=24576))
    less = smaller_agent(verl)
    assert less is not None
    assert less.verl.tokens_per_gpu == 12288
    assert smaller_agent(less) is None, "6,144 tokens hold no prompt with its rewrite"
    score = smaller_score(ScoreConfig(tokens_per_batch=200))
    assert score is not None
    assert score.tokens_per_batch == 100
    assert smaller_score(score) is None
