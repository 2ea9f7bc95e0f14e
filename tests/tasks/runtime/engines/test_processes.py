"""Blocks computed in processes: their order, their errors, and that none outlives its parent."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import psutil
import pytest

from tasks.runtime.engines.processes import FEW, ProcessDied, in_processes
from tests.conftest import ROOT


def doubled(factor: int, block: list[int]) -> tuple[int, list[int]]:
    time.sleep(0.01 * (block[0] % 3))  # a later block is often done earlier
    return os.getpid(), [factor * number for number in block]


def refusing(block: list[int]) -> list[int]:
    if 7 in block:
        raise ValueError("seven")
    return block


def killed(block: list[int]) -> list[int]:
    os.kill(os.getpid(), signal.SIGKILL)
    return block


@pytest.mark.parametrize("processes", [1, 3])
def test_results_come_in_the_order_of_the_blocks(processes: int) -> None:
    found = list(in_processes(partial(doubled, 2), ([number] for number in range(20)), processes))
    assert [one for _, one in found] == [[2 * number] for number in range(20)]
    who = {pid for pid, _ in found}
    assert len(who) == processes and os.getpid() not in who and not any(map(psutil.pid_exists, who))


def test_little_work_starts_no_process() -> None:
    found = list(in_processes(partial(doubled, 3), ([number] for number in range(FEW)), 2))
    assert found == [(os.getpid(), [3 * number]) for number in range(FEW)]


def test_what_the_function_raises_is_raised_and_a_dead_process_is_an_error() -> None:
    read: list[int] = []

    def blocks() -> Iterator[list[int]]:
        for number in range(1000):
            read.append(number)
            yield [number]

    with pytest.raises(ValueError, match="seven"):
        list(in_processes(refusing, blocks(), 2))
    assert len(read) < 30, "blocks are read as results are asked for"
    with pytest.raises(ProcessDied, match="status -9"):
        list(in_processes(killed, blocks(), 2))


def test_no_process_outlives_a_parent_that_is_killed(tmp_path: Path) -> None:
    script = (
        "from functools import partial\n"
        "from tasks.runtime.engines.processes import in_processes\n"
        "from tests.tasks.runtime.engines.test_processes import doubled\n"
        "for pid, _ in in_processes(partial(doubled, 2), ([number] for number in range(10**6)), 2): print(pid)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-u", "-c", script], cwd=ROOT, env={**os.environ, "PYTHONPATH": "."}, stdout=subprocess.PIPE
    )
    assert parent.stdout is not None
    pids: set[int] = set()
    while len(pids) < 2:
        pids.add(int(parent.stdout.readline()))
    parent.kill()
    parent.wait()
    parent.stdout.close()
    _, alive = psutil.wait_procs([psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)], timeout=20)
    assert alive == []
