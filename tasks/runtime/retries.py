"""Which failures may pass, how long to wait before the next attempt, and how much memory that one takes.

    kill -9 of an engine, a full disk, a hub that does not answer    up to three more attempts, after 2, 20 and 120 s
    out of memory                                                    the same, each with half of the rows at a time
    an engine that fails for a reason unknown                        one more
    bad rows, a bad config, an engine's ValueError                   none

Every attempt goes on where the one before was; an engine from its last checkpoint.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
from prefect import Task
from prefect.states import State

from tasks.runtime.engines.engine import EngineError
from tasks.runtime.files.whole_file import write_json
from tasks.runtime.placement.placement import PlacementCrash

PAUSES = [2.0, 20.0, 120.0]  # seconds before the second, third and fourth attempt
OUT_OF_MEMORY = re.compile(
    r"OutOfMemoryError|out of memory|CUBLAS_STATUS_ALLOC_FAILED|MemoryError|bad_alloc|Cannot allocate memory", re.I
)
# A GPU that another process still holds, a neighbour or the net that is gone for a moment.
PASSING = re.compile(
    r"Free memory on device|nccl\w*Error|NCCL (error|timeout)|ConnectionError|Connection (reset|refused)|ActorDiedError"
)
WILL_NOT_PASS = re.compile(r"^(\w+\.)*(ValueError|TypeError|KeyError|\w*RowError|ValidationError|SpecError)\b", re.M)

Smaller = Callable[[Any], Any]  # a config with half of its rows at a time; None where it has one


def worth_another(task: Task[..., Any], run: Any, state: State) -> bool:
    """Whether a failed attempt is followed by another; the pauses say how many there are at most."""
    try:
        state.result(raise_on_failure=True)
    except EngineError as error:
        return may_pass(error) or (run.run_count <= 1 and not WILL_NOT_PASS.search(str(error)))
    except (OSError, TimeoutError, PlacementCrash, httpx.TransportError) as error:
        return not isinstance(error, (FileNotFoundError, PermissionError))
    except Exception:
        return False
    return False


def may_pass(error: EngineError) -> bool:
    """Whether an engine failed for something that another attempt may not meet: killed, out of memory, the net."""
    return error.status > 128 or out_of_memory(error) or bool(PASSING.search(str(error)))


def out_of_memory(error: EngineError) -> bool:
    """Whether an engine says that it lacked memory."""
    return bool(OUT_OF_MEMORY.search(str(error)))


def halved(out: Path) -> int:
    """How often the attempts in `out` ran out of memory so far."""
    note = _note(out)
    return int(note.read_text(encoding="utf-8")) if note.exists() else 0


def halve(out: Path) -> None:
    """The next attempt in `out` takes half of the memory."""
    _note(out).parent.mkdir(exist_ok=True)
    write_json(_note(out), halved(out) + 1)


def shrunk(config: Any, smaller: Smaller | None, times: int) -> Any:
    """`config` made smaller so many times, or as often as it can be."""
    for _ in range(times if smaller else 0):
        less = smaller(config) if smaller else None
        config = config if less is None else less
    return config


def _note(out: Path) -> Path:
    return out / "scratch" / "out-of-memory.json"
