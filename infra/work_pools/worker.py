"""A worker for a pool of type process that can be told to take no more: `python -m infra.work_pools serve gpu`.

SIGUSR1 (Slurm's `--signal=B:USR1@1800`, an admin before maintenance): no further run is taken; the worker ends when
those that go on have ended, or after `grace` seconds, whatever is first. SIGTERM and Ctrl-C: at once.

A run that is ended goes back to its queue, AwaitingRetry, and its engines are killed. Whoever takes it finds what was
published in the store, and engines go on from their last checkpoints. Prefect's process worker would leave it Crashed.
"""

import asyncio
import contextlib
import os
import platform
import signal
import sys
import warnings
from typing import Any

import psutil
from prefect.client.schemas.objects import FlowRun
from prefect.utilities.processutils import command_to_string
from prefect.workers.process import ProcessJobConfiguration, ProcessWorker

from infra.processes import is_alive, send, wait_gone
from infra.work_pools.template import gpus_of
from tasks.runtime.settings import settings

END_SECONDS = 30.0  # what runs have to kill their engines and to be put back
EXECUTE = [sys.executable, "-m", "prefect", "flow-run", "execute"]  # a supervisor that puts its run back on SIGTERM


class WorkerError(RuntimeError):
    """This machine cannot serve the pool."""


class PutBack(ProcessJobConfiguration):
    """A run that is put back into its queue when it gets SIGTERM, as Prefect's containers are."""

    def prepare_for_flow_run(self, *args: Any, **kwargs: Any) -> None:
        self.command = self.command or command_to_string(EXECUTE)
        super().prepare_for_flow_run(*args, **kwargs)
        self.env["PREFECT_FLOW_RUN_EXECUTE_SIGTERM_BEHAVIOR"] = "reschedule"


with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # Prefect registers a class a type, and says that this one takes the other's place

    class DrainingWorker(ProcessWorker):
        """Prefect's process worker, until `draining`: then it takes nothing more."""

        job_configuration = PutBack
        draining = False

        async def get_and_submit_flow_runs(self) -> list[FlowRun]:
            return [] if self.draining else await super().get_and_submit_flow_runs()

        def idle(self) -> bool:
            """Whether no run goes on."""
            return self.limiter.borrowed_tokens == 0


def serve_pool(name: str, pool: dict[str, Any], *, runs: int, grace: float, queues: list[str] | None = None) -> None:
    """Serve the pool until a signal ends it.

    Args:
        pool: what the server says of it.
        runs: that go on at once here.
        grace: seconds after SIGUSR1 until runs that still go on are ended.

    Raises:
        WorkerError: the pool is of another type, or promises more GPUs than this machine has.
    """
    if pool["type"] != "process":
        raise WorkerError(f"{name} is a pool of type {pool['type']}: prefect worker start --pool {name}")
    promised, here = gpus_of(pool["base_job_template"]) or 0, settings().gpu_names() if settings().cuda() else []
    if promised > len(here):
        raise WorkerError(
            f"{name} promises {promised} GPUs, this machine has {len(here)} for engines (CUDA_VISIBLE_DEVICES, "
            f"REWRITING_AGENT_DEVICE=cuda, REWRITING_AGENT_GPUS): serve it elsewhere, or make a pool of fewer: "
            f"python -m infra.work_pools create gpu-{len(here)} --gpus {len(here)}"
        )
    job = os.environ.get("SLURM_JOB_ID")
    called = f"{platform.node()}-slurm-{job}" if job else f"{platform.node()}-{os.getpid()}"
    asyncio.run(_serve(DrainingWorker(name, work_queues=queues, name=called, limit=runs), grace))


async def _serve(worker: DrainingWorker, grace: float) -> None:
    loop, ended = asyncio.get_running_loop(), asyncio.Event()

    def drain() -> None:
        worker.draining = True
        print(f"{worker.name}: takes no further runs, ends with those that go on or in {grace:.0f} s", flush=True)

    loop.add_signal_handler(signal.SIGUSR1, drain)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    working = asyncio.create_task(worker.start())
    working.add_done_callback(lambda _: ended.set())
    deadline: float | None = None
    while not ended.is_set():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(ended.wait(), 0.5)
        if worker.draining:
            deadline = deadline or loop.time() + grace
            if worker.idle() or loop.time() >= deadline:
                ended.set()
    worker.draining = True
    if not working.done():
        await _put_runs_back(worker)
        working.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await working  # raises what ended it
    print(f"{worker.name}: ended", flush=True)


async def _put_runs_back(worker: DrainingWorker) -> None:
    """End the supervisors of the runs that go on; each puts its run back and kills its engines."""
    going_on = [one for one in psutil.Process().children() if is_alive(one)]
    for run in going_on:
        send(run, signal.SIGTERM)
    left = await asyncio.to_thread(wait_gone, going_on, END_SECONDS)
    for run in left:
        print(f"{worker.name}: run of process {run.pid} did not end within {END_SECONDS:.0f} s: killed", flush=True)
        send(run, signal.SIGKILL)
    for _ in range(50):  # the worker hears of their ends
        if worker.idle():
            break
        await asyncio.sleep(0.1)
