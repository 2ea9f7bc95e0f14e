"""A study of which a run failed: the others are reported, and what is missing is named.

In:  {"base": …, "sft/0": …, "sdft/0": …}, of which a stage of "sdft/0" failed
Out: {"base": …, "sft/0": …} and {"sdft/0": "rewrite"}; the error itself is in the failed stage's log
"""

from collections.abc import Iterator, Mapping
from typing import Any

from prefect.futures import PrefectFuture

from tasks.runtime.futures import settle
from tasks.runtime.store.store import Artifact

Runs = Mapping[str, Mapping[str, object]]  # by "method/seed": artifacts by role


class Incomplete(RuntimeError):
    """Runs of a study failed; the others are in its reports."""

    def __init__(self, reports: list[Artifact], missing: Mapping[str, str]) -> None:
        named = "; ".join(f"{run}: {why}" for run, why in missing.items())
        super().__init__(f"reported without {len(missing)} runs that failed: {named}. Run again: what is made is kept")
        self.reports = reports


def whole_runs(runs: Runs) -> tuple[dict[str, Mapping[str, object]], dict[str, str]]:
    """Wait for every run; those that were made, and of the others which stage failed.

    Raises:
        Exception: what the base's stage raised: without the base there is no report.
    """
    whole, missing = {}, {}
    for name, made in runs.items():
        failed = next((failure for future in _futures(made) if (failure := settle(future))), None)
        if failed is None:
            whole[name] = made
        elif name == "base":
            raise failed.error
        else:
            missing[name] = f"{failed.stage} failed ({type(failed.error).__name__})"
    return whole, missing


def _futures(made: Any) -> Iterator[PrefectFuture[Any]]:
    if isinstance(made, PrefectFuture):
        yield made
    elif isinstance(made, Mapping):
        for one in made.values():
            yield from _futures(one)
