"""Slots are scarce, shared by processes, and never lost."""

import logging
import queue
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from logging.handlers import QueueHandler
from pathlib import Path

import pytest

from tasks.runtime import slots, stopping
from tasks.runtime.run_log import saying_that_it_waits
from tests.conftest import ROOT


def test_no_more_than_the_machine_has_are_taken_at_once(tmp_path: Path) -> None:
    running, most, guard = 0, 0, threading.Lock()

    def work(wanted: int) -> None:
        nonlocal running, most
        with slots.take(tmp_path, "core", wanted, 3) as numbers:
            assert len(set(numbers)) == wanted
            with guard:
                running += wanted
                most = max(most, running)
            time.sleep(0.05)
            with guard:
                running -= wanted

    threads = [threading.Thread(target=work, args=(1 + index % 3,)) for index in range(9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert running == 0
    assert most == 3


def test_nobody_waits_for_slots_of_a_run_that_is_being_ended(tmp_path: Path) -> None:
    with slots.take(tmp_path, "gpu", 1, 1):
        stopping.stop()
        try:
            with pytest.raises(stopping.Stopped), slots.take(tmp_path, "gpu", 1, 1):
                pass
        finally:
            stopping.begin()


def test_who_waits_hears_for_how_long_and_it_is_said_once(tmp_path: Path) -> None:
    heard: list[float] = []
    log, records = logging.getLogger("a run that waits"), queue.SimpleQueue[logging.LogRecord]()
    log.setLevel(logging.INFO)
    log.addHandler(QueueHandler(records))
    said = saying_that_it_waits(log, "finetune (sft/0)", "free GPUs", after=0.15)

    def waiting(seconds: float) -> None:
        heard.append(seconds)
        said(seconds)
        if len(heard) == 4:
            other.close()

    with ExitStack() as other:
        other.enter_context(slots.take(tmp_path, "gpu", 1, 1))
        with slots.take(tmp_path, "gpu", 1, 1, waiting=waiting) as numbers:
            assert numbers == [0]
    assert heard == sorted(heard) and heard[3] >= 0.3  # it looks every tenth of a second
    assert records.get(timeout=1).getMessage() == "finetune (sft/0): waits for free GPUs"
    assert records.empty(), "once"


def test_a_request_for_more_than_there_are_gets_all(tmp_path: Path) -> None:
    with slots.take(tmp_path, "gpu", 8, 2) as numbers:
        assert numbers == [0, 1]
    with slots.take(tmp_path, "gpu", 1, 0) as numbers:
        assert numbers == []


def test_a_killed_holder_frees_its_slots(tmp_path: Path) -> None:
    code = "import sys,time\nfrom pathlib import Path\nfrom tasks.runtime import slots\n"
    code += "with slots.take(Path(sys.argv[1]), 'core', 2, 2):\n  print('taken', flush=True)\n  time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        holder.kill()
    with slots.take(tmp_path, "core", 2, 2) as numbers:
        assert numbers == [0, 1]


def _started(
    folder: Path, wanted: int | slots.Dealt, total: int, seconds: float, **said: float
) -> tuple[threading.Thread, list[float]]:
    """A thread that takes slots for some seconds, and the moments at which it began."""
    began: list[float] = []

    def work() -> None:
        with slots.take(folder, "gpu", wanted, total, **said):
            began.append(time.monotonic())
            time.sleep(seconds)

    thread = threading.Thread(target=work)
    thread.start()
    time.sleep(0.15)  # requests are made in this order
    return thread, began


def test_a_stage_that_waits_for_four_holds_none_and_small_ones_pass_it(tmp_path: Path) -> None:
    begin = time.monotonic()
    first, _ = _started(tmp_path, 1, 4, 2.0)
    large, large_began = _started(tmp_path, 4, 4, 0.1)
    small = [_started(tmp_path, 1, 4, 0.5) for _ in range(3)]
    for thread in (first, large, *(thread for thread, _ in small)):
        thread.join(timeout=30)
    assert all(began[0] - begin < 1.5 for _, began in small), "they used what the large one could not"
    assert large_began[0] - begin >= 2.0


def test_a_stage_that_has_waited_long_enough_is_overtaken_no_more(tmp_path: Path) -> None:
    first, _ = _started(tmp_path, 1, 4, 1.5)
    large, large_began = _started(tmp_path, 4, 4, 0.3, patience=0.3)
    time.sleep(0.5)
    small, small_began = _started(tmp_path, 1, 4, 0.1, patience=0.3)
    for thread in (first, large, small):
        thread.join(timeout=30)
    assert large_began[0] < small_began[0]


def test_a_request_whose_process_died_keeps_nobody_waiting(tmp_path: Path) -> None:
    code = "import sys\nfrom pathlib import Path\nfrom tasks.runtime import slots\n"
    code += "with slots.take(Path(sys.argv[1]), 'core', 2, 2):\n  pass"
    with slots.take(tmp_path, "core", 1, 2):
        with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT) as waits:
            while not any(path.name.endswith(".2") for path in tmp_path.glob("core.waits.*")):
                time.sleep(0.05)
            waits.kill()
        with slots.take(tmp_path, "core", 1, 2, patience=0.0) as numbers:
            assert numbers == [1]
    assert not list(tmp_path.glob("core.waits.*"))


def test_dealt_work_takes_what_is_free_in_whole_engines_and_begins_with_two(tmp_path: Path) -> None:
    def taken(each: int, busy: int, total: int) -> int:
        with slots.take(tmp_path, "gpu", busy, total), slots.take(tmp_path, "gpu", slots.Dealt(each), total) as numbers:
            return len(set(numbers))

    assert [taken(1, busy, 4) for busy in (0, 1, 2)] == [4, 3, 2]
    assert [taken(2, busy, 9) for busy in (0, 1, 2, 5)] == [8, 8, 6, 4]
    assert taken(1, 0, 1) == taken(4, 0, 4) // 4 == 1, "the only GPU, the only engine that finds room"


def test_dealt_work_waits_for_a_second_gpu_and_for_who_was_first(tmp_path: Path) -> None:
    first, _ = _started(tmp_path, 3, 4, 0.6)
    large, large_began = _started(tmp_path, 4, 4, 0.3, patience=0.0)
    dealt, dealt_began = _started(tmp_path, slots.Dealt(), 4, 0.1, patience=0.0)
    for thread in (first, large, dealt):
        thread.join(timeout=30)
    assert large_began[0] + 0.3 <= dealt_began[0]
