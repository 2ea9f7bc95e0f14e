"""Run a module in another environment's interpreter: how a stage uses vLLM, TRL, LLaMA-Factory, verl, lm-eval.

    run("sft", "tasks.finetune.llamafactory", spec, out)

writes the spec to out/scratch, starts `<environment>/bin/python -m tasks.finetune.llamafactory spec.json`, or a fork
that has its imports behind it (warm_start.py), under the supervisor, streams its output line by line to the log, its
progress events to the stage's handler, and returns when it and every process it started are gone.
"""

import logging
import os
import re
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel

from tasks.runtime import slots, stopping
from tasks.runtime.engines import oom_kills, warm_start
from tasks.runtime.files import full_disk
from tasks.runtime.files.secret import mask
from tasks.runtime.progress.progress import Progress, handler
from tasks.runtime.settings import ROOT, settings

logger = logging.getLogger(__name__)

SUPERVISOR = [sys.executable, "-SE", str(ROOT / "tasks" / "runtime" / "engines" / "supervisor.py")]

TAIL = 30  # lines of output that an error quotes
# The end of a traceback, whatever a logger put before it: "[rank0]: torch.OutOfMemoryError: CUDA out of memory"
_RAISED = re.compile(r"\b(?:\w+\.)*[A-Z]\w*(?:Error|Exception): .*")


@dataclass(frozen=True)
class Held:
    """What the stage around holds while it builds; outside of one all that the machine has."""

    timings: list[dict[str, float | str]] | None = None  # of its engines, appended to
    deadline: float | None = None  # by time.monotonic()
    gpus: list[str] | None = None  # what CUDA calls them; None: those of the machine
    cores: list[int] | None = None  # numbers of its slots; None: a thread for each core of the machine


_held: ContextVar[Held] = ContextVar("engine_held", default=Held())  # noqa: B039  frozen


@contextmanager
def attempt(
    timings: list[dict[str, float | str]],
    seconds: float | None,
    gpus: list[str] | None = None,
    cores: list[int] | None = None,
) -> Iterator[None]:
    """While it is entered, engines see only the GPUs named `gpus`, compute with a thread for each of the slots `cores`
    (None: for each core of the machine) and run no longer than `seconds`; for each engine, {"module", "started",
    "seconds", "peak_bytes"} is appended to `timings`, the last that of its largest process.

    (Prefect 3.8 cannot interrupt a task that runs in a thread, as concurrent tasks do.)
    """
    deadline = None if seconds is None else time.monotonic() + seconds
    token = _held.set(Held(timings, deadline, gpus, cores))
    try:
        yield
    finally:
        _held.reset(token)


def own_cores() -> list[int]:
    """The numbers of the core slots that the stage around holds; the first outside of one."""
    return _held.get().cores or [0]


def own_gpus() -> list[str]:
    """What CUDA calls the GPUs that the stage around holds; outside of one those of the machine."""
    gpus = _held.get().gpus
    return settings().gpu_names() if gpus is None else gpus


def in_slots() -> bool:
    """Whether a stage around has told which GPUs its engines may see."""
    return _held.get().gpus is not None


class EngineError(RuntimeError):
    """An engine ended with an error; the message's first line tells which, the others quote the end of its output."""

    def __init__(self, module: str, status: int, log: Path, tail: list[str]) -> None:
        ended = f"killed by signal {status - 128}" if status > 128 else f"exit status {status}"
        raised = [found[0] for line in tail if (found := _RAISED.search(line))][-1:]
        advice = [full_disk.ADVICE] if any(full_disk.SAID in line for line in tail) else []
        super().__init__("\n".join([": ".join([module, ended, *raised]), *advice, f"whole output in {log}", *tail]))
        self.status = status


class EngineTimeout(EngineError):
    """An engine was still running at its stage's deadline, and was killed."""

    def __init__(self, module: str, log: Path) -> None:
        RuntimeError.__init__(self, f"{module}: killed at its stage's time limit; output so far in {log}")
        self.status = -1


class EnvironmentMissing(RuntimeError):
    """The environment that an engine needs is not installed."""


def run(environment: str, module: str, spec: BaseModel, out: Path, env: dict[str, str] | None = None) -> None:
    """Run `module` with `spec` in `environment`; `env` adds to the engine's environment variables.

    Raises:
        EnvironmentMissing: `environment` is not installed.
        EngineError: the engine failed or was killed; EngineTimeout: at the stage's deadline.
        Stopped: the run is being ended.
    """
    python = settings().environments / environment / "bin" / "python"
    if not python.exists():
        raise EnvironmentMissing(f"{module} needs the environment {environment!r}: run `make setup-{environment}`")
    scratch = out / "scratch"
    scratch.mkdir(parents=True, exist_ok=True)
    spec_path = scratch / f"{module}.spec.json"
    with full_disk.explained(spec_path):
        spec_path.write_text(spec.model_dump_json(indent=1), encoding="utf-8")
    log = scratch / f"{module}.log"
    stopping.check(f"{module} not started")
    started, clock, held = time.time(), time.monotonic(), _held.get()
    tail = deque[str](maxlen=TAIL)
    killed_before = oom_kills.oom_kills()
    lifeline, theirs = socket.socketpair()
    output, written = os.pipe()
    with lifeline:  # on any exception the supervisor sees its end close and kills the engine
        with theirs, os.fdopen(written, "wb") as written_to:
            descriptors = (written_to.fileno(), theirs.fileno(), *slots.held.get())
            command = python, module, [str(spec_path)], environment_variables(env or {}), descriptors
            if not (warm_start.forks(environment) and warm_start.forked(*command)):
                _start(*command)
        with log.open("a", encoding="utf-8") as record:
            for line in _lines(output):
                if held.deadline is not None and time.monotonic() > held.deadline:
                    raise EngineTimeout(module, log)
                stopping.check(f"{module} killed")
                line = mask(line)
                if not line:
                    continue
                if (progress := Progress.parse(line)) is not None:
                    handler.get()(progress)
                    continue
                record.write(line + "\n")
                tail.append(line)
                logger.debug("%s", line, extra={"engine": module})
        status, *peak = [int(figure) for figure in lifeline.recv(100).split()] or [128 + signal.SIGKILL]
    if held.timings is not None:
        told: dict[str, float | str] = {"module": module, "started": started, "seconds": time.monotonic() - clock}
        held.timings.append(told | ({"peak_bytes": peak[0]} if peak else {}))
    if status == 128 + signal.SIGKILL and oom_kills.oom_kills() > killed_before:
        tail.append(oom_kills.SAID)
    if status != 0:
        raise EngineError(module, status, log, list(tail))


def _start(
    python: Path, module: str, arguments: list[str], variables: dict[str, str], descriptors: tuple[int, ...]
) -> None:
    """Start an engine as a process of its own under its supervisor; the arguments are those of `warm_start.forked`."""
    output, lifeline, *held = descriptors
    supervisor = subprocess.Popen(
        [*SUPERVISOR, str(lifeline), str(python), "-u", "-m", module, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        cwd=ROOT,
        env=variables,
        start_new_session=True,
        pass_fds=(lifeline, *held),
    )
    threading.Thread(target=supervisor.wait, daemon=True).start()


def _lines(output: int) -> Iterator[str]:
    """Lines of the output as they come, and an empty one every half second of silence."""
    buffer = b""
    with os.fdopen(output, "rb", buffering=0) as pipe:
        while True:
            if not select.select([pipe], [], [], 0.5)[0]:
                yield ""
                continue
            if not (chunk := pipe.read(65536)):
                break
            # Progress bars rewrite their line with \r: each state is a line of its own here.
            *lines, buffer = re.split(rb"[\r\n]+", buffer + chunk)
            yield from (line.decode("utf-8", "replace") for line in lines if line.strip())
    if buffer.strip():
        yield buffer.decode("utf-8", "replace")


def environment_variables(extra: dict[str, str]) -> dict[str, str]:
    """The engine's environment variables: no Prefect, no hub, no surprises from the caller's virtual environment.

    Without PYTHONDONTWRITEBYTECODE: the first run of an engine writes the bytecode that makes the next start quick.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PREFECT_", "VIRTUAL_ENV", "PYTHONHOME", "PYTHONDONTWRITEBYTECODE"))
    }
    held = _held.get()
    cores = len(held.cores or ()) or settings().cores
    visible = kept.get("CUDA_VISIBLE_DEVICES", "") if held.gpus is None else ",".join(held.gpus)
    defaults = {
        "PYTHONPATH": str(ROOT),
        "HF_HUB_OFFLINE": "1",  # the backbone is an artifact: engines read files, never the hub
        "HF_DATASETS_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "DO_NOT_TRACK": "1",
        "OMP_NUM_THREADS": str(cores),
        "OMP_WAIT_POLICY": "PASSIVE",  # threads that spin at barriers take the cores from the stages beside them
        "CUDA_VISIBLE_DEVICES": visible if settings().cuda() else "",
    }
    return kept | defaults | extra
