"""A stage is built once, looked up afterwards, and never leaves a failure behind as a result."""

import inspect
import logging
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from prefect import flow, tags
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
from prefect.settings import PREFECT_API_URL
from prefect.states import State
from pydantic import BaseModel

from tasks.rows.jsonl import RowError
from tasks.runtime import key as key_module
from tasks.runtime import stopping
from tasks.runtime.building import NotEnoughGPUs
from tasks.runtime.engines import engine
from tasks.runtime.futures import finish, part
from tasks.runtime.key import config_for_key, stage_key, twin
from tasks.runtime.settings import settings
from tasks.runtime.stage import Metrics, stage, store
from tasks.runtime.store.store import Artifact, Manifest, Store
from tests.conftest import ROOT
from tests.tasks.runtime.stages_for_tests import (
    CountConfig,
    HungryConfig,
    count,
    count_and_double,
    double,
    hungry,
    large,
    squares,
)

pytestmark = pytest.mark.usefixtures("prefect_server", "home")


def start_run(config: CountConfig) -> subprocess.Popen[bytes]:
    """The same flow in a process of its own, against the same server."""
    command = [sys.executable, "-m", "tests.tasks.runtime.stages_for_tests", config.model_dump_json()]
    return subprocess.Popen(command, cwd=ROOT, env=os.environ | {"PREFECT_API_URL": PREFECT_API_URL.value()})


def starts(home: Path) -> list[str]:
    path = home / "starts"
    return path.read_text().splitlines() if path.exists() else []


def test_a_second_run_is_cached_and_says_so(home: Path) -> None:
    first = count_and_double(CountConfig())
    state: State = count_and_double(CountConfig(), return_state=True)
    assert state.result() == first
    assert starts(home) == ["count"]
    assert (store().path(first.key) / "numbers").read_text().split() == ["0", "2", "4", "6", "8"] * 2

    @flow
    def look_up() -> State:
        return count(CountConfig(), return_state=True)

    assert look_up().name == "Cached"


def test_a_run_is_named_for_its_stage_and_for_what_asked_for_it(home: Path) -> None:
    @flow
    def two_methods() -> list[Artifact]:
        with tags("sft/0"):
            sft = count.submit(CountConfig())
        with tags("dft/1"):
            dft = count.submit(CountConfig(seed=43))  # as SFT counts: from 42
        return [finish(sft), finish(dft)]

    manifests = [store().manifest(made.key) for made in two_methods()]
    assert [one.seeds for one in manifests] == [{"seed": 0, "asked": 0}, {"seed": 43, "asked": 1}]
    names = [one.run["task_run"] for one in manifests]
    assert names == ["count seed 0 (sft/0)", "count seed 1 (dft/1)"]
    readable = [f"count/sft-seed0/{manifests[0].key[:8]}", f"count/dft-seed1/{manifests[1].key[:8]}"]
    assert [one.name for one in manifests] == readable
    assert [(home / "store" / "by-name" / one / "numbers").read_text().split()[0] for one in readable] == ["0", "43"]


def test_a_run_that_waits_is_named_already(home: Path) -> None:
    @flow
    def one_waits() -> set[str]:
        with tags("sft/1"):
            first = count.submit(CountConfig(pause=1.0))
            second = double.submit(CountConfig(), numbers=first)
        shown: set[str] = set()
        with get_client(sync_client=True) as client:
            while not second.state.is_final():
                found = [run for run in client.read_task_runs() if run.id == second.task_run_id]
                shown |= {run.name for run in found if run.state_name == "Pending"}
        finish(second)
        return shown

    (shown,) = one_waits()
    assert shown.startswith("double seed 1 (sft/1)")


def test_lineage_names_every_input(home: Path) -> None:
    made = count_and_double(CountConfig())
    inputs = store().manifest(made.key).inputs
    assert set(inputs) == {"numbers", "more.again"}
    assert {artifact.kind for artifact in inputs.values()} == {"count"}


def test_what_is_built_is_shown_once_and_its_key_is_a_history(home: Path) -> None:
    def view(built: Mapping[str, Manifest], home: Store) -> str:
        [manifest] = built.values()
        return f"{manifest.metrics['total']} numbers"

    counted = stage(version=2, shows=view)(count.plain)

    @flow
    def twice() -> None:
        for config in (CountConfig(), CountConfig(upto=6), CountConfig()):
            with tags("sft/0"):
                finish(counted.submit(config))

    twice()
    with get_client(sync_client=True) as client:
        found = client.read_artifacts(artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=["count-sft"])))
    assert sorted(str(one.data) for one in found) == ["5 numbers", "6 numbers"]  # cached, it is not shown again
    assert {one.description for one in found} == {"count seed 0 (sft/0)"}


def test_the_twin_of_an_artifact_for_its_own_inputs_is_itself(home: Path) -> None:
    made = store().manifest(count_and_double(CountConfig()).key)
    assert twin(made, made.inputs) == made.key
    other = {name: one.model_copy(update={"digest": "0" * 64}) for name, one in made.inputs.items()}
    assert twin(made, other) != made.key


def test_what_does_not_change_the_result_does_not_change_the_key(home: Path) -> None:
    assert count_and_double(CountConfig(pause=0.01)) == count_and_double(CountConfig(pause=0.0))
    assert starts(home) == ["count"]


def test_a_moved_store_hits(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = count_and_double(CountConfig())
    shutil.move(home / "store", home / "elsewhere")
    monkeypatch.setenv("REWRITING_AGENT_STORE", str(home / "elsewhere"))
    settings.cache_clear()
    assert count_and_double(CountConfig()) == first
    assert starts(home) == ["count"]


def test_a_damaged_artifact_is_built_again_and_what_hangs_on_it_stays(home: Path) -> None:
    made = count_and_double(CountConfig())
    below = store().manifest(made.key).inputs["numbers"]
    (store().path(below.key) / "numbers").write_text("forged\n")
    assert count_and_double(CountConfig()) == made
    assert starts(home) == ["count", "count"]


def test_a_passing_fault_is_tried_again_and_resumed(home: Path) -> None:
    made = count_and_double(CountConfig(cut="once"))
    below = store().manifest(store().manifest(made.key).inputs["numbers"].key)
    assert below.metrics["resumed_from"] == 1
    assert len(starts(home)) == 2


def test_a_bad_row_is_not_tried_again_and_is_no_result(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    log = logging.getLogger("prefect.task_runs")
    log.addHandler(caplog.handler)
    try:
        with pytest.raises(RowError, match=r"rows.jsonl: row a/1: field 'question': is empty"):
            count_and_double(CountConfig(cut="row"))
    finally:
        log.removeHandler(caplog.handler)
    assert "field 'question': is empty" in caplog.text
    assert "NotReady" not in caplog.text, "a stage that never began is no error of its own"
    assert starts(home) == ["count"]
    assert not list(store().manifests())


def test_out_of_memory_is_tried_again_with_half_of_the_rows(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hungry, "retry_delay_seconds", [0.1, 0.2, 0.3])

    @flow
    def run(config: HungryConfig) -> Artifact:
        return finish(hungry.submit(config))

    made = run(HungryConfig())
    assert starts(home) == ["16", "8", "4"]
    assert store().manifest(made.key).metrics == {"rows": 4, "halved_for_memory": 2}
    assert run(HungryConfig()) == made


@pytest.mark.parametrize(
    ("says", "tried"),
    [
        ("ValueError: 40 % of the rows are bad", 1),
        ("RuntimeError: something else", 2),
        ("ConnectionError: no route", 4),
    ],
)
def test_only_what_may_pass_is_tried_often(says: str, tried: int, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hungry, "retry_delay_seconds", [0.1, 0.2, 0.3])

    @flow
    def run() -> Artifact:
        return finish(hungry.submit(HungryConfig(says=says)))

    with pytest.raises(engine.EngineError, match=says):
        run()
    assert starts(home) == ["16"] * tried, "never with fewer rows: it was not for lack of memory"


def test_a_stage_that_needs_more_gpus_than_there_are_says_so(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REWRITING_AGENT_DEVICE", "cuda")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    settings.cache_clear()

    @stage(version=1, gpus=4)
    def wide(config: CountConfig, out: Path) -> Metrics:
        return {}

    with pytest.raises(NotEnoughGPUs, match="wide computes on 4 GPUs, this machine has 1: fewer by a preset"):
        wide.folder(CountConfig())


@pytest.mark.parametrize(("memory", "at_once"), [(3, False), (4, True)])
def test_stages_that_take_gigabytes_wait_for_each_other_where_there_is_no_gpu(
    memory: int, at_once: bool, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("MEMORY", memory), ("CORES", 4), ("DEVICE", "cpu")):
        monkeypatch.setenv(f"REWRITING_AGENT_{name}", str(value))
    settings.cache_clear()

    @flow
    def both() -> list[Artifact]:
        numbers = count.submit(CountConfig())
        made = [large.submit(CountConfig(seed=seed), numbers=numbers) for seed in (1, 2)]
        return [finish(one) for one in made]

    spans = sorted((m["began"], m["ended"]) for m in (store().manifest(a.key).metrics for a in both()))
    assert (spans[1][0] < spans[0][1]) == at_once


def test_a_batch_builds_only_what_is_missing(home: Path) -> None:
    @flow
    def some(names: dict[str, int]) -> dict[str, Artifact]:
        return squares.submit({name: CountConfig(upto=upto) for name, upto in names.items()}).result()

    first = some({"two": 2, "three": 3})
    both = some({"two": 2, "three": 3, "four": 4})
    assert starts(home) == ["two", "three", "four"]
    assert both["two"] == first["two"]
    assert (store().path(both["four"].key) / "numbers").read_text() == "16"


def test_a_part_of_a_batch_is_an_input_like_any_other_artifact(home: Path) -> None:
    @flow
    def doubled(cut: str = "") -> Artifact:
        made = squares.submit({"two": CountConfig(upto=2), "three": CountConfig(upto=3, cut=cut)})
        two = part(made, "two")
        assert cut or (finish(two) == two.state.result() == made.result()["two"])
        return finish(double.submit(CountConfig(), numbers=two))

    with pytest.raises(RowError, match="three: row a/1"):
        doubled("row")
    assert (store().path(doubled().key) / "numbers").read_text() == "8\n"


def test_two_runs_at_once_build_once(home: Path) -> None:
    runs = [start_run(CountConfig(upto=8, pause=0.5)) for _ in range(2)]
    assert [run.wait(timeout=120) for run in runs] == [0, 0]
    assert starts(home) == ["count"]


def test_kill_9_of_the_run_loses_no_finished_work(home: Path) -> None:
    slow = CountConfig(upto=20, pause=0.3)
    with start_run(slow) as run:
        deadline = time.monotonic() + 90
        while not (written := list((home / "store" / "partial").glob("*/numbers"))) or written[0].stat().st_size < 6:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        run.send_signal(signal.SIGKILL)
    made = count_and_double(CountConfig(upto=20))
    below = store().manifest(store().manifest(made.key).inputs["numbers"].key)
    assert below.metrics["resumed_from"] >= 3
    assert (store().path(below.key) / "numbers").read_text().split() == [str(number) for number in range(20)]


def test_whoever_ends_a_run_ends_its_engines() -> None:
    class Interrupted:
        def wait(self) -> None:
            raise KeyboardInterrupt

    try:
        with pytest.raises(KeyboardInterrupt):
            finish(Interrupted())  # type: ignore[arg-type]
        with pytest.raises(stopping.Stopped):
            stopping.check()
    finally:
        stopping.begin()


def test_runs_of_a_stage_are_told_apart_by_name(home: Path) -> None:
    @flow
    def two() -> list[State]:
        return [count(CountConfig(upto=1, seed=seed), return_state=True) for seed in (1, 2)]

    ids = {state.state_details.task_run_id for state in two()}
    with get_client(sync_client=True) as client:
        for _ in range(120):  # task runs reach the server as events, a moment after the run's end
            names = sorted(run.name for run in client.read_task_runs(limit=200) if run.id in ids)
            if len(names) == len(ids):
                break
            time.sleep(0.5)
    assert names == ["count seed 1", "count seed 2"]


class Nested(BaseModel):
    inner: CountConfig = CountConfig()
    name: str = "a"


def test_a_key_changes_with_each_thing_that_the_result_depends_on(monkeypatch: pytest.MonkeyPatch) -> None:
    upstream = Artifact(kind="backbone", key="k", digest="d")

    def key(version: int = 1, seed: int = 0, identity: str = "prompt", digest: str = "d", name: str = "count") -> str:
        inputs = {"backbone": upstream.model_copy(update={"digest": digest})}
        return stage_key(name, version, "core", Nested(inner=CountConfig(seed=seed)), identity, inputs)[0]

    changed = [
        key(),
        key(version=2),
        key(seed=1),
        key(identity="another prompt"),
        key(digest="another backbone or chat template"),
        key(name="double"),
    ]
    monkeypatch.setattr(key_module, "lock_digest", lambda _: "another lock")
    changed.append(key())
    assert len(set(changed)) == len(changed)


def test_fields_marked_as_no_part_of_the_key_are_left_out_at_any_depth() -> None:
    assert config_for_key(Nested()) == {"inner": {"upto": 5, "seed": 0}, "name": "a"}


def test_a_stage_shows_its_config_and_inputs_but_not_its_output_folder() -> None:
    assert list(inspect.signature(double.fn).parameters) == ["config", "numbers", "more"]
