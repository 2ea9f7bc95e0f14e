"""Environment variables of engines that use vLLM."""

import os

from tasks.runtime.engine import own_core


def engine_variables(cuda: bool) -> dict[str, str]:
    """vLLM's environment variables: on CPU the core of the stage's slot, in this process and without compiling.

    In-process vLLM on CPU starts in seconds; its default mode takes minutes (0.32).
    """
    variables = {"VLLM_NO_USAGE_STATS": "1", "VLLM_CONFIGURE_LOGGING": "1", "VLLM_LOGGING_LEVEL": "WARNING"}
    if not cuda:
        cores = sorted(os.sched_getaffinity(0))
        variables |= {
            "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
            "OMP_NUM_THREADS": "1",
            "VLLM_CPU_KVCACHE_SPACE": "1",
            "TORCHDYNAMO_DISABLE": "1",
            "VLLM_CPU_OMP_THREADS_BIND": str(cores[own_core() % len(cores)]),
        }
    return variables
