"""Who else hears of what is made here: which sinks are on, whether they can work, and how their failures are told.

    REWRITING_AGENT_MLFLOW=sqlite:///mlflow.db rewriting-agent run      # one setting a sink, all off by default

What a sink raises never ends a run: it becomes one warning that names the setting and what to do.
"""

import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec

from tasks.runtime.files.secret import without_secrets
from tasks.runtime.settings import settings

logger = logging.getLogger(__name__)
logger.setLevel(logging.INFO)

SETUP = "make setup-sinks"
PAUSE = 60.0  # seconds in which a sink that failed is not asked again: a run's stages must not wait for its time-outs
LONGEST = 300  # characters of an error that a warning quotes

PACKAGES = {"openlineage": "openlineage.client", "mlflow": "mlflow", "wandb": "wandb", "tensorboard": "tensorboard"}

# What these packages would tell their makers: which functions are called, and crashes.
QUIET = {"DO_NOT_TRACK": "1", "MLFLOW_DISABLE_TELEMETRY": "true", "WANDB_ERROR_REPORTING": "false"}


class SinkError(ValueError):
    """A sink that is on cannot work: says which setting, and what to type."""


@dataclass
class _Failures:
    """Of one sink, since the process began."""

    last: float | None = None
    told: bool = False


_failures: dict[str, _Failures] = {}


def variable(name: str) -> str:
    """The environment variable that switches a sink on."""
    return f"REWRITING_AGENT_{name.upper()}"


def target(name: str) -> str | None:
    """Where the sink writes, as its setting says; None where it is off."""
    said = getattr(settings(), name)
    return None if said is None else str(said)


def on() -> list[str]:
    """The sinks whose setting is given."""
    return [name for name in PACKAGES if target(name) is not None]


def check(names: list[str] | None = None) -> None:
    """Before anything is computed: whether what the sinks that are on need is here.

    Raises:
        SinkError: a package is missing, or a setting is no place that the sink could write to.
    """
    os.environ.update({name: value for name, value in QUIET.items() if name not in os.environ})
    for name in on() if names is None else names:
        if target(name) is None:
            raise SinkError(f"{name} is off: {variable(name)}=… says where it writes (docs/sinks.md)")
        if not _installed(PACKAGES[name]):
            raise SinkError(f"{variable(name)} is set, and its package is not installed: type `{SETUP}`")
    scheme = (target("openlineage") or "").partition("://")
    if scheme[1] and scheme[0] not in ("http", "https"):
        raise SinkError(f"{variable('openlineage')} is a file or an address that begins with http:// or https://")


def _installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # the package around it
        return False


@contextmanager
def harmless(name: str, log: logging.Logger | logging.LoggerAdapter[logging.Logger]) -> Iterator[None]:
    """What the sink raises inside becomes a warning, the first in this process with what to do."""
    found = _failures.setdefault(name, _Failures())
    try:
        yield
    except Exception as error:
        found.last = time.monotonic()
        if not found.told:
            found.told = True
            log.warning(
                "%s: %s. The run goes on without it; `rewriting-agent export REPORT --to %s` sends what it missed, an "
                "empty %s switches it off",
                *(variable(name), plain(error), name, variable(name)),
            )


def resting(name: str) -> bool:
    """Whether the sink failed a moment ago."""
    last = _failures.setdefault(name, _Failures()).last
    return last is not None and time.monotonic() - last < PAUSE


def plain(error: BaseException) -> str:
    """`ConnectionError: …` in one line, shortened and without secrets."""
    said = " ".join(without_secrets(f"{type(error).__name__}: {error}").split())
    return said if len(said) <= LONGEST else f"{said[:LONGEST]}…"
