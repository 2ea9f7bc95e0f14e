"""What cannot work ends a run in its first second, and a deployment shows what a run would make."""

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey

from flows.pipeline import pipeline
from flows.plan.checks import CannotWork
from flows.planned import plan
from tasks.runtime.stage import store

pytestmark = pytest.mark.usefixtures("prefect_server", "home")


def test_a_run_that_cannot_work_is_refused_before_anything_is_made() -> None:
    with pytest.raises(CannotWork, match=r"corpora\.0: mine\.jsonl: no such file"):
        pipeline("sft", changes=["corpora.0.path=mine.jsonl", "split.held_out_rows=8"])
    assert not list(store().manifests())


def test_the_plan_of_a_run_is_shown_in_the_ui_and_builds_nothing() -> None:
    plan("sft", preset=["smoke"], price=2.0)
    with get_client(sync_client=True) as client:
        (shown,) = client.read_artifacts(artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=["plan-nano"])))
    text = str(shown.data)
    assert "finetune nll seed 0" in text and "core-hours" in text and "money" in text
    assert "17 of 17 stages to make" in text and "at 80 % power" in text
    assert not list(store().manifests())


def test_a_plan_of_what_cannot_work_says_so_and_fails() -> None:
    with pytest.raises(CannotWork, match="no benchmark 'maths'"):
        plan("sft", changes=["evaluate.benchmarks=[maths]"])
