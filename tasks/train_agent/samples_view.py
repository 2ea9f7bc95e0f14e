"""Shows a training's sampled rewrites in the Prefect UI while it runs: a table artifact for each step that has some.

In:  out/samples.jsonl, which the engine writes (step_log.py) before it reports the step
Out: artifacts of the key `sampled-rewrites`: question, expert, rewrite, verdict and the parts of the reward, a row each
"""

import logging
from pathlib import Path

import httpx
from prefect.artifacts import create_table_artifact
from prefect.context import TaskRunContext
from prefect.exceptions import PrefectHTTPStatusError

from tasks.rows.jsonl import Row
from tasks.runtime.progress.progress import Progress, handler
from tasks.train_agent.step_log import StepLog

logger = logging.getLogger(__name__)

KEY = "sampled-rewrites"
LONGEST = 600  # characters of a cell; the file has the whole texts
_COLUMNS = ("id", "question", "expert", "rewrite", "passed", "nll", "r_dist", "r_div", "total")


class SamplesView:
    """A progress handler that passes on what it gets, and publishes a step's samples when they are there."""

    def __init__(self, out: Path) -> None:
        self.log, self.bytes, self.pass_on = StepLog(out / "samples.jsonl"), 0, handler.get()

    def __call__(self, progress: Progress) -> None:
        self.pass_on(progress)
        size = self.log.path.stat().st_size if self.log.path.exists() else 0
        if size > self.bytes and TaskRunContext.get() is not None:
            rows = self.log.rows()
            self._publish([row for row in rows if row["step"] == rows[-1]["step"]])
        self.bytes = size

    def _publish(self, rows: list[Row]) -> None:
        title = f"Rewrites of step {rows[0]['step']}; texts longer than {LONGEST} characters are whole in samples.jsonl"
        try:
            create_table_artifact([_cells(row) for row in rows], key=KEY, description=title)
        except (httpx.TransportError, PrefectHTTPStatusError) as error:
            logger.warning("sampled rewrites are not shown in the UI: %s", error)  # no reason to lose the training


def _cells(row: Row) -> Row:
    """The row's columns, with what a model or a dataset wrote as plain, shortened text."""
    cells: Row = {}
    for name in _COLUMNS:
        value = row[name]
        if isinstance(value, float):
            value = round(value, 4)
        cells[name] = f"{value[:LONGEST]}…" if isinstance(value, str) and len(value) > LONGEST else value
    return cells
