"""A plan is the flow's own code, run without building: its steps are those that a run makes, under the same keys."""

from pathlib import Path

import pytest
from prefect import tags

from tasks.runtime.futures import finish, part
from tasks.runtime.planning import Step, Walk
from tasks.runtime.stage import store
from tests.tasks.runtime.stages_for_tests import CountConfig, count, count_and_double, double, squares

pytestmark = pytest.mark.usefixtures("home")


def plan(config: CountConfig) -> list[Step]:
    walk = Walk(store())
    with walk.collecting():
        count_and_double.fn(config)
    return walk.stages


def test_nothing_is_built_and_a_key_is_told_where_its_inputs_are_there(home: Path) -> None:
    numbers, doubled = plan(CountConfig())
    assert numbers.parts["count"].key is not None and not numbers.cached
    assert doubled.parts["double"].key is None, "it holds the digest of what is not made yet"
    assert not (home / "starts").exists() and not (home / "store").exists()


def test_the_run_makes_what_was_planned_and_the_plan_then_finds_it(prefect_server: None) -> None:
    key = plan(CountConfig())[0].parts["count"].key
    count.folder(CountConfig())
    numbers, doubled = plan(CountConfig())
    assert numbers.cached and numbers.parts["count"].key == key
    assert doubled.parts["double"].key is not None and not doubled.cached
    made = count_and_double(CountConfig())
    assert [step.cached for step in plan(CountConfig())] == [True, True]
    assert plan(CountConfig())[1].parts["double"].key == made.key
    (store().path(made.key) / "numbers").write_text("half a file")
    assert [step.cached for step in plan(CountConfig())] == [True, False], "a damaged artifact is made again"
    assert store().path(made.key).exists(), "a plan moves nothing"


def test_work_of_a_killed_attempt_is_told(home: Path) -> None:
    key = plan(CountConfig())[0].parts["count"].key
    assert key is not None and not plan(CountConfig())[0].parts["count"].begun
    store().partial(key).mkdir(parents=True)
    assert plan(CountConfig())[0].parts["count"].begun


def test_what_is_asked_for_twice_is_planned_once() -> None:
    walk = Walk(store())
    with walk.collecting():
        for run in ("sft/0", "dft/0"):
            with tags(run):
                numbers = count.submit(CountConfig())
                batch = squares.submit({"two": CountConfig(upto=2), "three": CountConfig(upto=3)})
    assert [step.title for step in walk.stages] == ["count seed 0 (sft/0)", "squares seed 0 (sft/0)"]
    assert [step.also for step in walk.stages] == [["count seed 0 (dft/0)"], ["squares seed 0 (dft/0)"]]
    assert set(walk.stages[1].parts) == {"two", "three"}
    expected = finish(numbers)
    assert expected.state.name == finish(batch).state.name == "Built"
    with walk.collecting():
        double.submit(CountConfig(), numbers=part(batch, "three"))
    assert walk.stages[-1].parts["double"].manifest.inputs["numbers"].key == walk.stages[1].parts["three"].key
