"""An engine that is forked is the engine that would be started: its variables, its output, its errors are its own.

(tests/tasks/runtime/engines/test_supervisor.py ends forked engines in every way that it ends the others.)
"""

import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from pydantic import BaseModel

from tasks.runtime.engines import engine, warm_start
from tests.tasks.runtime.engines.test_supervisor import fake_environment

__all__ = ["fake_environment"]

# Tells who it is, and who imported its library.
ENGINE = """
import os, sys, time
import library_of_the_probe
LIBRARIES = ("lazy_library_of_the_probe",)
def main():
    lazy = sys.modules.get("lazy_library_of_the_probe")
    words = open("/proc/self/cmdline").read().split(chr(0))
    print(os.getpid(), library_of_the_probe.IMPORTED_BY, lazy and lazy.IMPORTED_BY, flush=True)
    print(os.environ["OMP_NUM_THREADS"], os.environ.get("ASKED"), *words[1:3], flush=True)
    open(sys.argv[1] + ".up", "w").close()
    time.sleep(float(os.environ.get("SLEEP", 0)))
if __name__ == "__main__":
    main()
"""
LIBRARY = "import os\nIMPORTED_BY = os.getpid()\n"


class Nothing(BaseModel):
    """Its spec."""


@pytest.fixture
def modules(fake_environment: Path) -> Iterator[Path]:
    folder = fake_environment / "modules"
    (folder / "probe_engine.py").write_text(ENGINE)
    for name in ("library_of_the_probe", "lazy_library_of_the_probe"):
        (folder / f"{name}.py").write_text(LIBRARY)
    yield folder


def said(out: Path, **variables: str) -> list[list[str]]:
    engine.run("inference", "probe_engine", Nothing(), out, variables)
    return [line.split() for line in (out / "scratch" / "probe_engine.log").read_text().splitlines()]


def test_what_engines_import_is_imported_once(modules: Path) -> None:
    (one, library, lazy), (_, asked, *line) = said(modules / "one", ASKED="first")
    (two, same_library, same_lazy), (_, other, *_) = said(modules / "two", ASKED="first")
    assert len({one, two, library}) == 3, "two engines, and who imported for both"
    assert library == lazy == same_library == same_lazy
    assert (asked, other) == ("first", "first")
    assert line == ["-m", "probe_engine"], "what ps shows"


def test_one_with_other_variables_imports_for_itself(modules: Path) -> None:
    (_, library, _), (threads, _, *_) = said(modules / "one", OMP_NUM_THREADS="1")
    (_, other, _), (more, _, *_) = said(modules / "two", OMP_NUM_THREADS="2")
    assert library != other
    assert (threads, more) == ("1", "2")
    (_, third, _), (_, asked, *_) = said(modules / "three", OMP_NUM_THREADS="2", REWRITING_AGENT_ASKED="x")
    assert third == other, "of the project's own variables libraries know nothing"
    assert asked == "None"


def test_what_was_imported_stays_frozen_when_an_engine_thaws_all(modules: Path) -> None:
    """Else its next collection would copy every page of its server; vLLM thaws, and collects, as it ends."""
    (modules / "thawing_engine.py").write_text(
        "import gc\ndef main():\n    had = gc.get_freeze_count()\n    gc.unfreeze()\n"
        "    print(had, gc.get_freeze_count())\n"
    )
    engine.run("inference", "thawing_engine", Nothing(), modules / "one")
    had, has = map(int, (modules / "one" / "scratch" / "thawing_engine.log").read_text().split())
    assert has == had > 1000


# Deals to two workers of its own module; each answers who it is, which variable it has and who imported for it.
DEALING = """
import os, sys
import library_of_the_probe
from tasks.runtime.engines.dealing import Workers, own_hand
def answer(piece):
    if piece == "bad":
        raise ValueError("a bad piece")
    return os.getpid(), os.getppid(), os.environ["REWRITING_AGENT_NAME"], library_of_the_probe.IMPORTED_BY
def main():
    if (hand := own_hand()) is not None:
        hand.work_off(answer)
        return
    workers = Workers("dealing_engine", [os.environ | {"REWRITING_AGENT_NAME": name} for name in "ab"])
    for _, said in workers.deal([[(number, os.environ.get("PIECE"))] for number in range(20)]):
        print(*said, os.getpid(), flush=True)
    if "FAILS" in os.environ:
        raise ValueError("after all was dealt")
    workers.close()
if __name__ == "__main__":
    main()
"""


def test_what_a_forked_engine_deals_to_is_forked_too(modules: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (modules / "dealing_engine.py").write_text(DEALING)

    def dealt(out: Path, **variables: str) -> list[list[str]]:
        engine.run("inference", "dealing_engine", Nothing(), out, variables)
        return [line.split() for line in (out / "scratch" / "dealing_engine.log").read_text().splitlines()]

    rows = dealt(modules / "forked")
    assert len(rows) == 20 and {name for _, _, name, _, _ in rows} == {"a", "b"}
    assert len({pid for pid, *_ in rows}) == 2 and {parent for _, parent, *_ in rows} == {dealer for *_, dealer in rows}
    assert len({library for *_, library, _ in rows}) == 1, "a worker imports nothing anew"
    with pytest.raises(engine.EngineError, match="a worker of dealing_engine ended with 1"):
        dealt(modules / "bad", PIECE="bad")
    assert "ValueError: a bad piece" in (modules / "bad" / "scratch" / "dealing_engine.log").read_text()
    with pytest.raises(engine.EngineError, match="ValueError: after all was dealt"):
        dealt(modules / "failed", FAILS="1")  # with workers that wait for more
    monkeypatch.setattr(warm_start, "forks", lambda _: False)
    rows = dealt(modules / "started")
    assert len(rows) == 20 and all(pid == library for pid, *_, library, _ in rows)


def test_several_at_once(modules: Path) -> None:
    with ThreadPoolExecutor(3) as threads:
        told = list(threads.map(lambda name: said(modules / name, SLEEP="1"), ["a", "b", "c"]))
    assert len({engine_of for (engine_of, _, _), _ in told}) == 3
    assert len({library for (_, library, _), _ in told}) == 1


def test_an_error_of_an_import_is_the_engines(modules: Path) -> None:
    (modules / "library_of_the_probe.py").write_text("import what_is_not_there")
    for attempt in ("one", "two"):
        with pytest.raises(engine.EngineError, match="exit status 1: ModuleNotFoundError: No module named 'what_is_no"):
            said(modules / attempt)


def test_an_engine_goes_on_when_its_server_is_killed_and_the_next_has_another(modules: Path) -> None:
    (_, library, _), _ = said(modules / "one", SLEEP="1")

    def kill() -> None:
        while not list((modules / "two" / "scratch").glob("*.up")):
            time.sleep(0.01)
        psutil.Process(int(library)).kill()

    with ThreadPoolExecutor(1) as threads:
        killed = threads.submit(kill)
        (_, same, _), _ = said(modules / "two", SLEEP="1")
        killed.result()
    (_, other, _), _ = said(modules / "three", SLEEP="1")
    assert library == same != other


def test_a_server_that_nobody_asks_ends(modules: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warm_start, "IDLE", 0.2)
    (_, library, _), _ = said(modules / "one", SLEEP="0.5")
    psutil.Process(int(library)).wait(timeout=10)
    (_, other, _), _ = said(modules / "two", SLEEP="0.5")
    assert other != library


def test_the_least_recently_used_server_ends(modules: Path) -> None:
    servers = []
    for threads in range(1, warm_start.MOST + 2):
        (_, library, _), _ = said(modules / str(threads), OMP_NUM_THREADS=str(threads))
        servers.append(psutil.Process(int(library)))
    servers[0].wait(timeout=10)
    assert all(server.ppid() == os.getpid() for server in servers[1:])
