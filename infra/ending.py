"""Ends what `make up` started: runs with their engines first, then dashboard, workers and server."""

import signal

import psutil

from infra.processes import below, find, parent, send, wait_gone
from infra.up_state import forget_state, home, read_state

GRACE_SECONDS = 20  # what a run has to end its engines and report its state


def end_all() -> bool:
    """End what up.json names. Runs first, so that they end their engines and report their state while there is a
    server to tell. Says whether anything ran."""
    state = read_state()
    roots = {one["name"]: process for one in state.get("processes", []) if (process := find(one))}
    for name in ("worker", "gpu-worker"):
        if name in roots:
            _end_runs(roots[name])
    _end(_runs_without_worker())
    for name in ("dashboard", "worker", "gpu-worker", "server"):
        if name in roots:
            family = [roots[name], *below(roots[name])]
            send(roots[name], signal.SIGTERM)
            for process in wait_gone(family, GRACE_SECONDS):
                send(process, signal.SIGKILL)
    forget_state()
    return bool(roots)


def _end_runs(worker: psutil.Process) -> None:
    """End the runs of a worker that stands still meanwhile: so it starts none that waits, and kills none that is about
    to report that it was ended. A run ends its engines."""
    family = below(worker)
    send(worker, signal.SIGSTOP)
    try:
        _end([run for run in family if parent(run) == worker])
    finally:
        send(worker, signal.SIGCONT)


def _end(runs: list[psutil.Process]) -> None:
    family = [one for run in runs for one in (run, *below(run))]
    for run in runs:
        send(run, signal.SIGTERM)
    for process in wait_gone(family, GRACE_SECONDS):
        send(process, signal.SIGKILL)


def _runs_without_worker() -> list[psutil.Process]:
    """Runs that go on though their worker was killed: known by what it gave them, and nobody's children."""
    runs = [one for one in psutil.process_iter() if "PREFECT__FLOW_RUN_ID" in _given(one)]
    return [run for run in runs if (of := parent(run)) is None or not _given(of)]


def _given(process: psutil.Process) -> dict[str, str]:
    """The variables of a process that belongs to this home; none of another one."""
    try:
        given: dict[str, str] = process.environ()
    except psutil.Error:
        return {}
    return given if given.get("PREFECT_HOME") == str(home()) else {}
