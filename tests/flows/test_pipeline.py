"""The whole flow, with every engine for real, on a handful of rows."""

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
from prefect.states import State

from flows.ablation import ablation
from flows.pipeline import pipeline
from flows.plan.start import walk_through
from flows.report_of import report_of
from flows.study import study
from tasks.report.report import PAGE, read_report
from tasks.rows.jsonl import Row, read_rows
from tasks.runtime.planning import Step
from tasks.runtime.settings import settings
from tasks.runtime.stage import store
from tasks.runtime.store.prune import needed
from tasks.runtime.store.store import Artifact, Manifest
from tests.flows.small import small_experiment

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def finished(small_run: tuple[Path, Artifact], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Artifact]:
    """The report of one run of the rewriting agent, in a store of its own."""
    home = tmp_path_factory.mktemp("pipeline") / "store"
    shutil.copytree(small_run[0], home)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REWRITING_AGENT_STORE", str(home))
        settings.cache_clear()
        yield small_run[1]
        settings.cache_clear()


def made(kind: str) -> list[Manifest]:
    return [manifest for manifest in store().manifests() if manifest.kind == kind]


def rows_of(manifest: Manifest, name: str = "rows.jsonl") -> list[Row]:
    return list(read_rows(store().path(manifest.key) / name))


def states_of_tasks(flow_run: UUID | None) -> set[str | None]:
    """Names of the final states of a run's tasks, which reach the server a moment after the run's end."""
    with get_client(sync_client=True) as client:
        for _ in range(60):
            runs = [run for run in client.read_task_runs(limit=200) if run.flow_run_id == flow_run]
            if runs and all(run.state is not None and run.state.is_final() for run in runs):
                break
            time.sleep(0.5)
    return {run.state_name for run in runs}


def test_the_run_makes_exactly_what_was_planned_and_the_plan_then_finds_it(finished: Artifact, tmp_path: Path) -> None:
    before = [(one.title, name, part.key) for one in plan_in(tmp_path / "empty") for name, part in one.parts.items()]
    found = [(one.run["task_run"], part_of(one), one.key) for one in store().manifests()]
    # Shards of `verify` are called alike.
    assert sorted((title, name) for title, name, _ in before) == sorted((title, name) for title, name, _ in found)
    known = {one for one in before if one[2] is not None}
    assert {title.partition(" ")[0] for title, _, _ in known} == {"backbone", "corpus", "questions"}
    assert known <= set(found)
    after = plan_in(store().root)
    assert all(step.cached for step in after)
    assert sorted((one.title, name, part.key) for one in after for name, part in one.parts.items()) == sorted(found)


def plan_in(home: Path) -> list[Step]:
    """The steps of the run's plan, with what lies in this store."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REWRITING_AGENT_STORE", str(home))
        settings.cache_clear()
        steps = walk_through(pipeline.fn, {"experiment": small_experiment()}).stages
    settings.cache_clear()
    return steps


def test_what_was_planned_stands_beside_what_came_of_it(finished: Artifact) -> None:
    for one in store().manifests():
        planned = one.timings["planned"]
        assert planned["seconds"] >= 0 and planned["unit"]
        if one.kind not in ("report", "backbone"):
            assert planned["done"] is not None, f"{one.kind}: its metrics no longer tell its work"
    text = (store().path(finished.key) / PAGE).read_text()
    assert "planned" in text


def part_of(manifest: Manifest) -> str:
    """What a plan calls the artifact of a stage's run."""
    if manifest.kind == "evaluate":
        return str(manifest.config["benchmarks"][0])
    return f"{manifest.config['shard']:03}" if manifest.kind in ("rewrite", "self_solve") else manifest.kind


def test_every_row_of_the_split_has_one_target_that_says_what_it_is(finished: Artifact) -> None:
    split = next(one for one in made("split") if one.config["part"] == "sft")
    ids = [row["id"] for row in rows_of(split)]
    datasets = made("assemble")
    assert len(datasets) == 2, "the expert's, for vanilla SFT, and the agent's"
    for dataset in datasets:
        rows = rows_of(dataset)
        assert [row["id"] for row in rows] == ids
        for row in rows:
            assert row["kind"] in ("rewrite", "expert")
            assert (row["kind"] == "rewrite") == (row["verdict"] is not None and row["verdict"]["passed"] is True)


def test_a_rewrite_that_became_a_target_is_the_one_that_was_verified(finished: Artifact) -> None:
    texts = {row["id"]: row["text"] for one in made("rewrite") for row in rows_of(one, "rewrites.jsonl")}
    verdicts = {row["id"]: row for one in made("verify") for row in rows_of(one, "verdicts.jsonl")}
    assert len(texts) == 20, "by two engines, each row once"
    for dataset in made("assemble"):
        for row in rows_of(dataset):
            if row["kind"] == "rewrite":
                assert row["target"] == texts[row["id"]]
                assert verdicts[row["id"]]["passed"] is True


def test_no_engine_held_more_memory_than_its_stage_had_waited_for(finished: Artifact) -> None:
    held = {one.kind: (one.cost["peak_bytes"], one.cost["gib"]) for one in store().manifests() if one.cost.get("gib")}
    assert {"rewrite", "score", "train_agent", "measure", "finetune", "evaluate", "read_base", "drift"} <= set(held)
    assert all(peak <= gib * 2**30 for peak, gib in held.values()), held


def test_the_parts_share_no_row_and_the_agent_never_sees_a_benchmark(finished: Artifact) -> None:
    parts = {one.config["part"]: {row["id"] for row in rows_of(one)} for one in made("split")}
    assert set(parts) == {"agent", "held_out", "sft"}
    assert not parts["agent"] & parts["held_out"]
    assert not parts["agent"] & parts["sft"]


def test_the_report_compares_base_sft_and_the_agent_on_every_benchmark(finished: Artifact) -> None:
    data = read_report(store().path(finished.key))
    assert data.methods() == ["base", "sft", "rewriting_agent"]
    for run in (data.base, *data.runs):
        assert set(run.scores) == set(small_experiment().evaluate.benchmarks)
    (agent,) = data.runs_of("rewriting_agent")
    assert agent.tc_yield is not None
    assert agent.tc_yield.n == 20
    assert agent.grpo
    assert agent.loss
    page = (store().path(finished.key) / PAGE).read_text()
    assert "nano" in page
    assert "<script" not in page


def test_sampled_rewrites_are_a_table_in_the_ui(finished: Artifact) -> None:
    with get_client(sync_client=True) as client:
        found = client.read_artifacts(artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=["sampled-rewrites"])))
    # A table whose sending was tried twice on a busy machine stands there twice.
    tables = [json.loads(data) for data in {one.data for one in found if isinstance(one.data, str)}]
    (training,) = made("train_agent")
    samples = rows_of(training, "samples.jsonl")
    assert sorted(len(table) for table in tables) == [16, 16], "two steps of four groups of four"
    shown = {(row["id"], row["rewrite"], row["total"]) for table in tables for row in table}
    assert shown == {(row["id"], row["rewrite"], round(row["total"], 4)) for row in samples}


def test_the_lineage_goes_down_to_corpora_and_backbone(finished: Artifact) -> None:
    seen, waiting = {}, [finished.key]
    while waiting:
        manifest = store().manifest(waiting.pop())
        seen[manifest.key] = manifest
        waiting += [one.key for one in manifest.inputs.values() if one.key not in seen]
    roots = {manifest.kind for manifest in seen.values() if not manifest.inputs}
    assert roots == {"backbone", "corpus", "questions"}
    assert {"train_agent", "rewrite", "verify", "assemble", "finetune", "evaluate", "measure", "score"} <= {
        manifest.kind for manifest in seen.values()
    }


def test_a_second_run_starts_no_engine_and_gives_the_same_report(finished: Artifact) -> None:
    before = {manifest.key for manifest in store().manifests()}
    state: State = pipeline(experiment=small_experiment(), return_state=True)
    assert state.result() == finished
    assert {manifest.key for manifest in store().manifests()} == before
    assert states_of_tasks(state.state_details.flow_run_id) == {"Cached"}


@pytest.mark.slow
def test_the_next_seed_is_the_first_that_was_not_run_and_its_report_has_the_others_too(finished: Artifact) -> None:
    """What a schedule asks for, twice: a seed more each time."""
    for newest in (1, 2):
        before = {manifest.key for manifest in store().manifests()}
        report = pipeline("sft", "next", experiment=small_experiment())
        trained = [one for one in made("finetune") if one.key not in before]
        assert [one.seeds["seed"] for one in trained] == [small_experiment().finetune.seed + newest]
        assert [one.run["flow_run"] for one in trained] == [f"nano-sft-seed-{newest}"]
        runs = [(one.method, one.seed) for one in read_report(store().path(report.key)).runs]
        assert runs == [("sft", seed) for seed in range(newest + 1)]


@pytest.fixture(scope="module")
def studied(finished: Artifact) -> tuple[Artifact, list[Manifest]]:
    """The report of a study of an average, and what it made beside what was there."""
    before = {manifest.key for manifest in store().manifests()}
    (report,) = study(["wise_ft_75"], [0], experiments=[small_experiment()])
    return report, [manifest for manifest in store().manifests() if manifest.key not in before]


def test_a_study_reuses_what_a_pipeline_made(studied: tuple[Artifact, list[Manifest]]) -> None:
    report, new = studied
    kinds = sorted(manifest.kind for manifest in new)
    assert kinds.count("average") == 1
    assert not {"train_agent", "rewrite", "finetune", "backbone"} & set(kinds)
    assert read_report(store().path(report.key)).methods() == ["base", "sft", "wise_ft_75"]


def test_one_report_of_the_runs_of_several_computes_nothing_else(
    finished: Artifact, studied: tuple[Artifact, list[Manifest]]
) -> None:
    more = store().manifest(studied[0].key)
    before = {manifest.key for manifest in store().manifests()}
    report = report_of([finished.key[:12], more.run["flow_run"]])
    assert [one.kind for one in store().manifests() if one.key not in before] == ["report"]
    data = read_report(store().path(report.key))
    assert data.methods() == ["base", "sft", "rewriting_agent", "wise_ft_75"]
    assert needed(store().manifests(), {"report"}) >= {finished.key, more.key, report.key}


@pytest.mark.slow
def test_a_study_of_a_method_with_targets_and_a_loss_of_its_own_makes_those_alone(finished: Artifact) -> None:
    before = {manifest.key for manifest in store().manifests()}
    (report,) = study(["mind_the_gap_iw"], [0], experiments=[small_experiment()])
    new = [manifest for manifest in store().manifests() if manifest.key not in before]
    kinds = sorted(manifest.kind for manifest in new)
    assert kinds.count("rewrite") == kinds.count("self_solve") == 1
    assert "train_agent" not in kinds
    assert "backbone" not in kinds
    dataset = next(manifest for manifest in new if manifest.kind == "assemble")
    assert {row["kind"] for row in rows_of(dataset)} <= {"rewrite", "self_solution", "expert"}
    assert read_report(store().path(report.key)).methods() == ["base", "sft", "mind_the_gap_iw"]


@pytest.mark.slow
def test_an_ablation_trains_a_variant_and_shares_the_rest(finished: Artifact) -> None:
    before = {manifest.key for manifest in store().manifests()}
    made_report = ablation(["task_only"], [0], downstream=False, experiment=small_experiment())
    new = sorted(manifest.kind for manifest in store().manifests() if manifest.key not in before)
    assert new == ["measure", "report", "train_agent"]
    data = read_report(store().path(made_report.key))
    assert [one.rewriter for one in data.held_out] == ["untrained", "rewriting_agent", "task_only"]
    assert ("task_only", "rewriting_agent") in {(one.method, one.reference) for one in data.comparisons}


def test_manifests_hold_no_secret_and_no_path_of_this_machine(finished: Artifact) -> None:
    for manifest in store().manifests():
        text = json.dumps(manifest.model_dump(exclude={"run"}))
        assert str(Path.home()) not in text
        assert str(store().root) not in text
