"""A run that failed is named and left out; the others are there to be reported."""

from typing import Any

import pytest
from prefect import flow

from flows.incomplete import Incomplete, whole_runs
from tasks.rows.jsonl import RowError
from tests.tasks.runtime.stages_for_tests import CountConfig, count, double

pytestmark = pytest.mark.usefixtures("prefect_server", "home")


@flow
def study_of(bad: str) -> tuple[Any, Any]:
    runs = {}
    for seed, name in enumerate(("base", "sft/0", "sdft/0")):
        numbers = count.submit(CountConfig(seed=seed, cut="row" if name == bad else ""))
        runs[name] = {"dataset": numbers, "scores": {"math500": double.submit(CountConfig(seed=seed), numbers=numbers)}}
    return whole_runs(runs)


def test_the_others_are_there_and_the_stage_that_failed_is_named() -> None:
    whole, missing = study_of("sdft/0")
    assert list(whole) == ["base", "sft/0"]
    assert missing == {"sdft/0": "count failed (RowError)"}
    assert "without 1 runs that failed: sdft/0: count failed" in str(Incomplete([], missing))


def test_nothing_is_missing_where_nothing_failed() -> None:
    whole, missing = study_of("")
    assert (list(whole), missing) == (["base", "sft/0", "sdft/0"], {})


def test_without_the_base_there_is_nothing_to_report() -> None:
    with pytest.raises(RowError):
        study_of("base")
