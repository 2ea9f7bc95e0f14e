"""What `submit` gives for a stage: futures that know what they wait for, so that a failure is told by its cause.

made = rewrite.submit({"000": config, "001": other}, backbone=pi_0, rows=sft)    # a stage of several artifacts
part(made, "001")                                                                # the future of one of them
"""

import logging
import re
from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prefect import Task
from prefect.context import TagsContext
from prefect.futures import PrefectFuture, PrefectTaskRunFuture
from prefect.states import State
from prefect.utilities.callables import get_call_parameters

from tasks.runtime import planning, stopping
from tasks.runtime.store.store import Artifact, Manifest

Future = PrefectFuture[Artifact]
_SAID_ALREADY = re.compile(r"Finished in state (Built|Cached|NotReady)\b")


def _tells(record: logging.LogRecord) -> bool:
    return not _SAID_ALREADY.match(record.getMessage())


# A stage says itself what it built. One that fails or is stopped leaves dozens that never began: an error each would
# bury its own. The UI shows every state.
logging.getLogger("prefect.task_runs").addFilter(_tells)


class StageTask(Task[..., Any]):
    """A stage's task. Its futures know what they wait for."""

    plain: Callable[..., dict[str, Any]]  # the function itself
    folder: Callable[..., Path]  # the artifact's folder, found in the store or built, without a flow
    gpus: Callable[[Any], int | None]  # how many GPUs it computes on with a config; None: all of a machine's
    cores: Callable[[Any], int]  # slots of a machine's cores that building takes with a config
    batch: bool  # whether it makes several artifacts in one go
    manifests: Callable[..., dict[str, Manifest]]  # of its config and inputs: what it makes, by part, with its key
    title: Callable[..., str]  # of its name, parameters and tags: what a run of it is called

    def submit(self, *args: Any, **kwargs: Any) -> PrefectFuture[Any]:  # type: ignore[override]
        # Prefect names a run when it starts; while it waits the UI shows the task's name and three letters.
        given = get_call_parameters(self.fn, args, kwargs)
        title = self.title(self.name, given, TagsContext.get().current_tags)
        if (plan := planning.walking()) is not None:
            expected: Any = plan.submit(self, given, title)
            return expected
        waiting = copy(self)
        waiting.name = title
        future = Task.submit(waiting, *args, **kwargs)
        future.upstream = list(_futures_in([args, kwargs]))  # type: ignore[attr-defined]
        future.stage = self.name  # type: ignore[attr-defined]
        return future


class Part(PrefectTaskRunFuture[Artifact]):
    """One artifact of a stage that makes several in one go; it is there when all of them are."""

    def __init__(self, made: PrefectFuture[Any], name: str) -> None:
        super().__init__(made.task_run_id)
        self.made, self.name = made, name
        self.upstream, self.stage = [made], getattr(made, "stage", "a stage")

    @property
    def state(self) -> State[Any]:
        state = self.made.state
        return state.model_copy(update={"data": self.made.result()[self.name]}) if state.is_completed() else state

    def wait(self, timeout: float | None = None) -> None:
        self.made.wait(timeout)

    def result(self, timeout: float | None = None, raise_on_failure: bool = True) -> Any:
        made = self.made.result(timeout, raise_on_failure)
        return made[self.name] if self.made.state.is_completed() else made

    def add_done_callback(self, fn: Callable[[PrefectFuture[Artifact]], None]) -> None:
        self.made.add_done_callback(lambda _: fn(self))


def part(made: PrefectFuture[Any], name: str) -> Future:
    """The future of one artifact of a submitted stage that makes several in one go."""
    expected: Any = made
    return planning.Expected(expected.step, name) if planning.walking() else Part(made, name)  # type: ignore[return-value]


def finish(future: PrefectFuture[Any]) -> Any:
    """The result of a submitted stage. Where a stage before it failed, raises what that one raised: Prefect itself
    says no more than that the last one is not ready. Whoever ends the run meanwhile ends its engines at once: Prefect
    would wait for the tasks' threads first."""
    stopping.begin()
    try:
        return _first_failure_or_result(future)
    except Exception:
        raise
    except BaseException:  # KeyboardInterrupt, Prefect's TerminationSignal
        stopping.stop()
        raise


@dataclass(frozen=True)
class Failure:
    """Why a submitted stage has no result: which stage failed, it or one before it, and what that one raised."""

    stage: str
    error: Exception


def settle(future: PrefectFuture[Any]) -> Failure | None:
    """Wait for a submitted stage; the failure where it has no result. Ends engines as `finish` does."""
    try:
        finish(future)
    except Exception as error:
        failed = next((one for one in _before(future) if one.state.is_failed() or one.state.is_crashed()), future)
        return Failure(str(getattr(failed, "stage", "a stage")), error)
    return None


def _first_failure_or_result(future: PrefectFuture[Any]) -> Any:
    for one in _before(future):
        one.wait()
        if one.state.is_failed() or one.state.is_crashed():
            one.result()
    return future.result()


def _before(future: PrefectFuture[Any]) -> Iterator[PrefectFuture[Any]]:
    """The future and those that it waits for, however far back; each once."""
    waiting, seen = [future], []
    while waiting:
        one = waiting.pop()
        if one not in seen:
            seen.append(one)
            yield one
            waiting += getattr(one, "upstream", [])


def _futures_in(value: Any) -> Iterator[PrefectFuture[Any]]:
    if isinstance(value, PrefectFuture):
        yield value
    elif isinstance(value, (list, tuple)):
        for one in value:
            yield from _futures_in(one)
    elif isinstance(value, dict):
        yield from _futures_in(list(value.values()))
