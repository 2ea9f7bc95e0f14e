"""The table of the fault suite: each test says what it tried and what held; `make faults` prints it.

    figure("bit flip in a safetensors file", tried=40, held=40, how="named by `store verify`, built again")
    | bit flip in a safetensors file | 40 | 40 | named by `store verify`, built again |

`FAULTS=whole` (what `make faults` sets) tries each fault many times, else a few: `times(short, whole)`. With
`FAULTS_KEEP` the table is written into docs/faults.md as well, with commit and date.
"""

import datetime
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT

WHOLE = os.environ.get("FAULTS") == "whole"
PAGE = ROOT / "docs" / "faults.md"
BEGIN, END = "<!-- figures of `make faults` -->\n", "<!-- end of the figures -->\n"
FIGURES: list[tuple[str, int, int, str]] = []

Figure = Callable[..., None]
Times = Callable[[int, int], int]


@pytest.fixture
def figure() -> Figure:
    """Note a line of the table, and fail where not all held."""

    def note(fault: str, *, tried: int, held: int, how: str) -> None:
        FIGURES.append((fault, tried, held, how))
        assert tried > 0 and held == tried, f"{fault}: {held} of {tried} held"

    return note


@pytest.fixture(scope="session")
def times() -> Times:
    """How often: `short` in `make test`, `whole` in `make faults`."""
    return lambda short, whole: whole if WHOLE else short


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, prefect_server: None) -> Any:
    """The store of one small run that nothing was done to."""
    from tasks.runtime.store.store import Store
    from tests.faults.runs import start

    root = tmp_path_factory.mktemp("undisturbed") / "store"
    root.mkdir()
    assert start(root).wait(timeout=900) == 0, (root.parent / "run.log").read_text()[-3000:]
    return Store(root)


def table() -> str:
    """The figures as Markdown."""
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True)
    today = datetime.datetime.now(datetime.UTC).date()
    lines = [f"`make faults`, {today}, commit {commit.stdout.strip() or 'unknown'}, {os.cpu_count()} cores:", ""]
    lines += ["| fault | tried | held | how |", "| --- | ---: | ---: | --- |"]
    lines += [f"| {fault} | {tried:,} | {held:,} | {how} |" for fault, tried, held, how in FIGURES]
    return "\n".join(lines) + "\n"


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if not WHOLE or not FIGURES:
        return
    terminalreporter.write_sep("=", "faults")
    terminalreporter.write(table())
    if os.environ.get("FAULTS_KEEP"):
        keep(PAGE, table())


def keep(page: Path, figures: str) -> None:
    """Put the figures between the page's two marks."""
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    page.write_text(before + BEGIN + figures + END + rest.partition(END)[2], encoding="utf-8")
