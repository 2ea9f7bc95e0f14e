"""Slots are scarce, shared by processes, and never lost."""

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tasks.runtime import slots, stopping
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
