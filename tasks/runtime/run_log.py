"""What a stage says goes to the log of its run, in the UI and in the terminal; what its engine prints to the UI alone.

    log = run_log()
    log.info("%s: building %s", "finetune seed 0 (sft/0)", "9f3c…")   # INFO | Task run 'finetune seed 0 (sft/0)' - …

Without a run, as for a command that looks an artifact up, it is this module's own log. A run whose worker was killed
goes on, and is told in the UI alone.
"""

import logging
import os
from collections.abc import Callable

from prefect import get_run_logger
from prefect.context import TaskRunContext
from prefect.exceptions import MissingContextError
from prefect.logging.handlers import APILogHandler
from rich.console import Console

from tasks.runtime.engines import engine

Log = logging.Logger | logging.LoggerAdapter[logging.Logger]


def run_log() -> Log:
    """The log of the run that is going on in this thread."""
    try:
        return get_run_logger()
    except MissingContextError:
        return logging.getLogger(__name__)


def saying_that_it_waits(log: Log, title: str, what: str, after: float) -> Callable[[float], None]:
    """To be called with the seconds waited so far: says once, `after` so many, that `title` waits for `what`."""
    said: list[float] = []

    def waiting(seconds: float) -> None:
        if seconds >= after and not said:
            said.append(seconds)
            log.info("%s: waits for %s", title, what)

    return waiting


def _show_engines_output() -> None:
    """What engines print reaches the log of the run in the UI, at level DEBUG. Not the terminal: it is much."""
    logger = logging.getLogger(engine.__name__)
    handler = APILogHandler(level=logging.DEBUG)
    handler.addFilter(lambda record: TaskRunContext.get() is not None)
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False


def _go_on_where_nobody_reads() -> None:
    """A worker that is killed takes the pipe along to which its runs print. Prefect's handler prints by rich, which
    would end the run at its next line: Crashed, "aborted by Python system exit call"."""
    if "PREFECT__FLOW_RUN_ID" in os.environ:  # a worker has started this process
        Console.on_broken_pipe = _print_nowhere  # type: ignore[method-assign, assignment]


def _print_nowhere(_: Console) -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    os.close(nowhere)


_show_engines_output()
_go_on_where_nobody_reads()
