"""An engine that is killed for lack of memory: known as such, tried again with half of the rows at a time.

By `ulimit -v` an allocation fails; by a memory cgroup (where this machine lets one be made) the kernel kills with 9.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tasks.runtime.engines import engine
from tasks.runtime.retries import out_of_memory
from tests.conftest import ROOT
from tests.faults.conftest import Figure, Times
from tests.tasks.runtime.engines.test_supervisor import Behaviour, fake_environment

__all__ = ["fake_environment"]

HUNGRY = "held = []\nwhile True:\n    held.append(bytearray(b'x') * 4_000_000)\n"
CGROUPS = Path("/sys/fs/cgroup/memory")


def hungry(folder: Path, limit: str) -> None:
    """An engine that takes memory until it ends, started behind the shell line `limit`."""
    (folder / "modules" / "hungry_engine.py").write_text(HUNGRY)
    script = folder / "environments" / "core" / "bin" / "python"
    script.write_text(script.read_text().replace("#!/bin/sh\n", f"#!/bin/sh\n{limit}\n"))
    assert str(ROOT) in script.read_text()


@pytest.fixture
def cgroup() -> Iterator[Path]:
    group = CGROUPS / f"faults-{os.getpid()}"
    try:
        group.mkdir()
        (group / "memory.limit_in_bytes").write_text("200000000")
    except OSError as error:
        pytest.skip(f"no memory cgroup can be made here: {error}")
    yield group
    group.rmdir()


def test_an_allocation_that_fails(fake_environment: Path, figure: Figure, times: Times) -> None:
    hungry(fake_environment, "ulimit -v 400000")
    known = 0
    for number in range(tried := times(1, 5)):
        out = fake_environment / f"out{number}"
        with pytest.raises(engine.EngineError, match="MemoryError") as raised:
            engine.run("core", "hungry_engine", Behaviour(mark="m"), out)
        known += out_of_memory(raised.value)
    figure("engine out of memory (ulimit -v)", tried=tried, held=known, how="known as such: half of the rows next time")


def test_the_kernels_kill(fake_environment: Path, cgroup: Path, figure: Figure, times: Times) -> None:
    hungry(fake_environment, f"echo $$ > {cgroup}/cgroup.procs")
    known = 0
    for number in range(tried := times(1, 5)):
        out = fake_environment / f"out{number}"
        with pytest.raises(engine.EngineError, match="signal 9") as raised:
            engine.run("core", "hungry_engine", Behaviour(mark="m"), out)
        known += out_of_memory(raised.value)
    figure("engine killed by the kernel for lack of memory (cgroup)", tried=tried, held=known, how="known as such")
