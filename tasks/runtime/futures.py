"""What `submit` gives for a stage: futures that know what they wait for, so that a failure is told by its cause."""

from collections.abc import Callable, Iterator
from copy import copy
from pathlib import Path
from typing import Any

from prefect import Task
from prefect.context import TagsContext
from prefect.futures import PrefectFuture
from prefect.utilities.callables import get_call_parameters

from tasks.runtime import stopping


class StageTask(Task[..., Any]):
    """A stage's task. Its futures know what they wait for."""

    plain: Callable[..., dict[str, Any]]  # the function itself
    folder: Callable[..., Path]  # the artifact's folder, found in the store or built, without a flow
    title: Callable[..., str]  # of its name, parameters and tags: what a run of it is called

    def submit(self, *args: Any, **kwargs: Any) -> PrefectFuture[Any]:  # type: ignore[override]
        # Prefect names a run when it starts; while it waits the UI shows the task's name and three letters.
        waiting = copy(self)
        given = get_call_parameters(self.fn, args, kwargs)
        waiting.name = self.title(self.name, given, TagsContext.get().current_tags)
        future = Task.submit(waiting, *args, **kwargs)
        future.upstream = list(_futures_in([args, kwargs]))  # type: ignore[attr-defined]
        return future


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


def _first_failure_or_result(future: PrefectFuture[Any]) -> Any:
    waiting, seen = [future], []
    while waiting:
        one = waiting.pop()
        if one in seen:
            continue
        seen.append(one)
        one.wait()
        if one.state.is_failed() or one.state.is_crashed():
            one.result()
        waiting += getattr(one, "upstream", [])
    return future.result()


def _futures_in(value: Any) -> Iterator[PrefectFuture[Any]]:
    if isinstance(value, PrefectFuture):
        yield value
    elif isinstance(value, (list, tuple)):
        for one in value:
            yield from _futures_in(one)
    elif isinstance(value, dict):
        yield from _futures_in(list(value.values()))
