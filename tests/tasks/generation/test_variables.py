"""Each engine of a stage has cores or GPUs of its own."""

import os

from tasks.generation.variables import each_engine, engine_variables
from tasks.runtime.engines import engine


def test_engines_on_a_cpu_compute_on_a_core_of_their_own_slot_each(monkeypatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {4, 5, 6, 7})
    with engine.attempt([], None, None, [1, 3]):
        assert [one["VLLM_CPU_OMP_THREADS_BIND"] for one in each_engine(cuda=False)] == ["5", "7"]
        assert engine_variables(cuda=False)["VLLM_CPU_OMP_THREADS_BIND"] == "5"
    assert len(each_engine(cuda=False)) == 1, "outside of a stage"


def test_each_engine_has_so_many_of_the_gpus_that_the_stage_holds() -> None:
    with engine.attempt([], None, ["0", "2", "3"], None):
        assert [one["CUDA_VISIBLE_DEVICES"] for one in each_engine(cuda=True)] == ["0", "2", "3"]
        assert [one["CUDA_VISIBLE_DEVICES"] for one in each_engine(True, 2)] == ["0,2"]
