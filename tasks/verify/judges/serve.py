"""`vllm serve` for the judge's model, started by the run and ended with it.

In:  JudgeConfig(kind="openai", model="Qwen/Qwen3-30B-A3B-Instruct-2507", gpus="3")   (no url)
Out: Served(url="http://127.0.0.1:40123/v1", api_key="…")   the model is served under the name "judge"

The server listens on this machine's loopback only, and answers only to a key made for this run.
"""

import json
import secrets
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tasks.runtime.settings import settings
from tasks.verify.judges.canaries import JudgeUnavailable
from tasks.verify.judges.child import Child, device_environment, start
from tasks.verify.judges.config import JudgeConfig

NAME = "judge"
# Compact JSON: a small model can else fill its reply with blanks, which a JSON schema allows.
STRUCTURED_OUTPUTS = {"backend": "xgrammar", "disable_any_whitespace": True}


@dataclass(frozen=True)
class Served:
    """Where the server is, and the key it asks for."""

    url: str
    api_key: str = field(repr=False)


@contextmanager
def serve(config: JudgeConfig) -> Iterator[Served]:
    """Start the server, wait until it is healthy, and end it at the end.

    Raises:
        JudgeUnavailable: it ended, or was not healthy within `startup_s`.
    """
    port, key = _free_port(), secrets.token_hex(16)
    with tempfile.TemporaryDirectory(prefix="judge-") as folder:
        log = Path(folder) / "vllm.log"
        env = device_environment(config.model, config.gpus) | {"VLLM_API_KEY": key}
        child = start("inference", _arguments(config, port), env, log)
        try:
            _wait(child, f"http://127.0.0.1:{port}/health", config)
            yield Served(f"http://127.0.0.1:{port}/v1", key)
        finally:
            child.close()


def _arguments(config: JudgeConfig, port: int) -> list[str]:
    arguments = ["-m", "vllm.entrypoints.openai.api_server", "--model", config.model, "--served-model-name", NAME]
    arguments += ["--host", "127.0.0.1", "--port", str(port), "--max-model-len", str(config.context)]
    arguments += ["--max-num-seqs", str(config.concurrency), "--tensor-parallel-size", str(config.tensor_parallel)]
    # Sampling is said by each request; the model's own defaults (top_k, temperature) would change verdicts unseen.
    arguments += ["--generation-config", "vllm", "--structured-outputs-config", json.dumps(STRUCTURED_OUTPUTS)]
    if config.revision:
        arguments += ["--revision", config.revision]
    if not settings().cuda():
        arguments += ["--dtype", "float32", "--enforce-eager"]
    return arguments


def _wait(child: Child, url: str, config: JudgeConfig) -> None:
    started = time.monotonic()
    while child.running():
        try:
            if httpx.get(url, timeout=5).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        if time.monotonic() - started > config.startup_s:
            raise JudgeUnavailable(
                f"vllm serve {config.model}: not healthy after {config.startup_s:g} s\n{child.tail()}"
            )
        time.sleep(1)
    raise JudgeUnavailable(f"vllm serve {config.model}: ended with status {child.process.returncode}\n{child.tail()}")


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
