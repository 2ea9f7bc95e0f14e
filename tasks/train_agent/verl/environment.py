"""Environment variables of verl's processes, which Ray starts on every machine of its cluster."""

import os
import re
import secrets
from pathlib import Path

from tasks.runtime import bytecode
from tasks.runtime.settings import ROOT

HERE = "tasks.train_agent.verl"
# Read by our code and by the libraries in every process; what else the environment holds stays on this machine.
FORWARDED = ("PYTHONPATH", "HF_", "OMP_", "TOKENIZERS_", "TQ_", "VERL_", "VLLM_", "REWRITING_AGENT_", "TORCH", "NCCL_")
# Ray shows a job's variables to whoever sees its dashboard: on a cluster each machine's own environment holds these.
SECRET = re.compile("_KEY$|_TOKEN$|SECRET|PASSWORD")


def prepare(cuda: bool, log: Path, alone: bool, seed: int) -> None:
    """Set what verl and Ray read when they are imported.

    Args:
        log: verl's own log of metrics of this attempt, JSON lines.
        alone: Ray starts a cluster for this attempt. Its token is then the attempt's own: left to itself, Ray writes
            one to the user's home.
        seed: of the adapter's initialisation.
    """
    os.environ.setdefault("PYTHONPATH", str(ROOT))
    os.environ |= {
        "VERL_FILE_LOGGER_PATH": str(log),
        "VERL_USE_EXTERNAL_MODULES": f"{HERE}.seeding",
        "VERL_AGENT_SEED": str(seed),
        "RAY_USAGE_STATS_ENABLED": "0",
        "VLLM_NO_USAGE_STATS": "1",
        "RAY_DEDUP_LOGS": "0",
        "RAY_worker_niceness": "0",  # Ray's is 15: beside other work its processes wait until a watchdog ends them
        "TQ_LOGGING_LEVEL": "ERROR",  # TransferQueue warns at every call on a machine with few cores
    }
    bytecode.kept()  # by a dozen processes that import torch, vLLM and verl
    if alone:
        os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    if not cuda:
        os.environ.pop("CUDA_VISIBLE_DEVICES", None)  # Ray refuses to count a GPU that an empty list rules out
        os.environ |= {
            "VERL_USE_EXTERNAL_MODULES": f"{HERE}.seeding,{HERE}.cpu",
            "VERL_PLATFORM": "cpu",
            "VERL_ENGINE_DEVICE": "cuda",  # verl registers its FSDP engine for cuda and npu only
            "VLLM_CPU_KVCACHE_SPACE": os.environ.get("VLLM_CPU_KVCACHE_SPACE", "1"),
            "VLLM_CPU_OMP_THREADS_BIND": os.environ.get("VLLM_CPU_OMP_THREADS_BIND", "nobind"),
            "VLLM_ENABLE_V1_MULTIPROCESSING": "0",  # vllm-cpu then keeps the worker in the engine's process
            "TORCHDYNAMO_DISABLE": "1",
        }


def forwarded() -> dict[str, str]:
    """The variables that the processes on other machines need too."""
    return {
        name: value
        for name, value in sorted(os.environ.items())
        if name.startswith(FORWARDED) and not SECRET.search(name)
    }
