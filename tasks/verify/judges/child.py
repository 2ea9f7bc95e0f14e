"""A long-lived process of another environment, under the supervisor: a judge's server or engine.

In:  start("inference", ["-m", "tasks.verify.judges.local_judge_engine", "spec.json"], {"VLLM_API_KEY": "…"}, log)
Out: Child(…): it and every process it starts are gone when it is closed, or when this process dies

tasks.runtime.engines.engine runs a module to its end; this leaves it running beside the stage.
"""

import os
import signal
import subprocess
from pathlib import Path

from tasks.runtime.engines.engine import SUPERVISOR, EnvironmentMissing, environment_variables, in_slots
from tasks.runtime.files.secret import mask
from tasks.runtime.settings import ROOT, settings


class Child:
    """A running process; `log` holds its output."""

    def __init__(self, process: subprocess.Popen[bytes], lifeline: int, log: Path) -> None:
        self.process, self.log = process, log
        self._lifeline: int | None = lifeline

    def running(self) -> bool:
        return self.process.poll() is None

    def tail(self, lines: int = 20) -> str:
        """The last lines of its output, secrets masked."""
        with self.log.open("rb") as file:
            file.seek(max(0, self.log.stat().st_size - 20_000))
            text = file.read().decode("utf-8", "replace")
        return "\n".join(mask(line) for line in text.splitlines()[-lines:])

    def close(self) -> None:
        """End it and all its descendants."""
        if self._lifeline is not None:
            os.close(self._lifeline)  # the supervisor reads the end of the pipe
            self._lifeline = None
        try:
            self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()


def start(environment: str, arguments: list[str], env: dict[str, str], log: Path) -> Child:
    """Start `<environment>/bin/python <arguments>` with its output in `log`.

    Raises:
        EnvironmentMissing: `environment` is not installed.
    """
    python = settings().environments / environment / "bin" / "python"
    if not python.exists():
        raise EnvironmentMissing(f"the judge needs the environment {environment!r}: run `make setup-{environment}`")
    read, keep = os.pipe()
    try:
        with log.open("ab") as output:
            process = subprocess.Popen(
                [*SUPERVISOR, str(read), str(python), "-u", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=ROOT,
                env=environment_variables(env),
                start_new_session=True,
                pass_fds=(read,),
            )
    except BaseException:
        os.close(keep)
        raise
    finally:
        os.close(read)
    return Child(process, keep, log)


def device_environment(model: str, gpus: str | None) -> dict[str, str]:
    """Environment variables for a judge's model: its GPUs, vLLM's settings on CPU, the hub where it has no folder.

    `gpus` are those it has beside a training, whose engine starts it; a stage that starts it holds slots for it.
    """
    env: dict[str, str] = {}
    if not Path(model).is_dir():
        env["HF_HUB_OFFLINE"] = os.environ.get("HF_HUB_OFFLINE", "0")
    if not settings().cuda():
        return env | {
            "VLLM_CPU_KVCACHE_SPACE": os.environ.get("VLLM_CPU_KVCACHE_SPACE", "1"),
            "TORCHDYNAMO_DISABLE": "1",
        }
    return env | ({"CUDA_VISIBLE_DEVICES": gpus} if gpus is not None and not in_slots() else {})
