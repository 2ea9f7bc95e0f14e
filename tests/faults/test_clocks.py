"""Clocks that jump: nothing waits, nothing is taken over, nothing changes place for what a wall clock says.

The jumping clock is the process's own `time.time` and `time.time_ns`, as libfaketime would set it: a day forward or
back at each call.
"""

import random
import threading
import time
from pathlib import Path

import fsspec
import pytest

from tasks.runtime import slots
from tasks.runtime.store import lease
from tasks.runtime.store.store import Manifest, Store
from tests.faults.conftest import Figure, Times

DAY = 86_400


@pytest.fixture
def jumping(monkeypatch: pytest.MonkeyPatch) -> None:
    draw, real = random.Random(14), time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: real() + draw.choice([-1, 0, 1]) * DAY * 10**9)
    monkeypatch.setattr(time, "time", lambda: time.time_ns() / 1e9)


@pytest.mark.usefixtures("jumping")
def test_slots_are_served_in_their_order(tmp_path: Path, figure: Figure, times: Times) -> None:
    held = 0
    for number in range(tried := times(3, 30)):
        folder, order = tmp_path / str(number), list[int]()

        def want(mine: int, folder: Path = folder, order: list[int] = order) -> None:
            with slots.take(folder, "gpu", 1, 1):
                order.append(mine)

        threads = [threading.Thread(target=want, args=(mine,)) for mine in range(4)]
        with slots.take(folder, "gpu", 1, 1):
            for thread in threads:
                before = len(list(folder.glob("*.waits.*")))
                thread.start()
                while len(list(folder.glob("*.waits.*"))) == before:
                    time.sleep(0.002)
        for thread in threads:
            thread.join()
        held += order == [0, 1, 2, 3]
    figure("clock that jumps by days while four wait for a slot", tried=tried, held=held, how="served as they came")


@pytest.mark.usefixtures("jumping")
def test_a_lease_is_not_taken_over_from_a_holder_that_lives(tmp_path: Path, figure: Figure, times: Times) -> None:
    files, at_once, most = fsspec.filesystem("file"), 0, list[int]()

    def build(number: int) -> None:
        nonlocal at_once
        with lease.hold(files, str(tmp_path / "lock"), 20.0):
            at_once += 1
            most.append(at_once)
            time.sleep(0.3)
            at_once -= 1

    (tmp_path / "lock").mkdir()
    tried = times(2, 8)
    threads = [threading.Thread(target=build, args=(number,)) for number in range(tried)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    how = "no holder's clock is compared with another's: one at a time"
    figure("clock that jumps by days while machines hold a lease", tried=tried, held=most.count(1), how=how)


@pytest.mark.usefixtures("jumping")
def test_what_is_published_has_the_same_digest(tmp_path: Path) -> None:
    digests = set()
    for number in range(4):
        store = Store(tmp_path / str(number))
        store.partial("key").mkdir(parents=True)
        (store.partial("key") / "rows.jsonl").write_text('{"id": "a"}\n')
        with store.lock("key"):
            digests.add(store.publish(Manifest(kind="test", key="key", timings={"started": time.time()})).digest)
        assert store.find("key") is not None
    assert len(digests) == 1
