"""Environment variables of engines that use vLLM."""

import os

from tasks.rows.memory import CACHE_GIB
from tasks.runtime.engines.engine import own_cores, own_gpus


def engine_variables(cuda: bool) -> dict[str, str]:
    """vLLM's environment variables: on CPU the core of the stage's slot, in this process and without compiling.

    In-process vLLM on CPU starts in seconds; its default mode takes minutes (0.32).
    """
    variables = {"VLLM_NO_USAGE_STATS": "1", "VLLM_CONFIGURE_LOGGING": "1", "VLLM_LOGGING_LEVEL": "WARNING"}
    if not cuda:
        variables |= {
            "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
            "VLLM_CPU_KVCACHE_SPACE": str(CACHE_GIB),
            "TORCHDYNAMO_DISABLE": "1",
            **each_engine(cuda)[0],
        }
    return variables


def each_engine(cuda: bool, gpus: int = 1) -> list[dict[str, str]]:
    """What the environments of a stage's engines differ in, one for every `gpus` GPUs that it holds; on CPU one for
    each core of its slots.
    """
    if not cuda:
        cores = sorted(os.sched_getaffinity(0))
        bound = [str(cores[slot % len(cores)]) for slot in own_cores()]
        return [{"OMP_NUM_THREADS": "1", "VLLM_CPU_OMP_THREADS_BIND": core} for core in bound]
    names = own_gpus()
    shares = [names[at : at + gpus] for at in range(0, len(names) - gpus + 1, gpus)]
    return [{"CUDA_VISIBLE_DEVICES": ",".join(share)} for share in shares]
