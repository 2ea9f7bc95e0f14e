"""MLflow, W&B and TensorBoard hold the report's own figures, once, read back with their own readers."""

import dataclasses
import json
import logging
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from typer.testing import CliRunner

from flows.cli import app
from infra.sinks import feed, mlflow, tensorboard, wandb
from infra.sinks.rows import SinkRun, runs_of
from tasks.runtime.settings import settings
from tasks.runtime.sinks import sinks
from tasks.runtime.store.store import Manifest, Store
from tests.infra.sinks.wandb_file import records
from tests.tasks.runtime.sinks.openlineage_server import openlineage_server


@pytest.fixture
def runs(home: Store, report: Manifest) -> list[SinkRun]:
    return runs_of(report, home)


@pytest.fixture
def turn_on(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    def switch(name: str, where: str) -> None:
        monkeypatch.setenv(sinks.variable(name), where)
        settings.cache_clear()

    return switch


@pytest.fixture(scope="session")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MLflow store with nothing in it: to make its tables takes seconds."""
    path = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    mlflow.feed(f"sqlite:///{path}", [])
    return path


@pytest.fixture
def mlflow_store(tables: Path, tmp_path: Path) -> str:
    """The URI of such a store of the test's own."""
    shutil.copy(tables, tmp_path)
    return f"sqlite:///{tmp_path}/mlflow.db"


def changed(run: SinkRun) -> SinkRun:
    """The same run with another figure, as a later report may have it."""
    return dataclasses.replace(run, figures=run.figures | {"yield": 0.5, "drift/new": 1.0})


def test_mlflow_has_a_run_a_method_and_seed(runs: list[SinkRun], mlflow_store: str) -> None:
    from mlflow import MlflowClient

    uri = mlflow_store
    assert mlflow.feed(uri, runs) == 2
    assert mlflow.feed(uri, runs) == 0
    client = MlflowClient(tracking_uri=uri)
    (experiment,) = (one for one in client.search_experiments() if one.name == "rewriting-agent/tiny")
    found = {one.info.run_name: one for one in client.search_runs([experiment.experiment_id])}
    assert set(found) == {"tiny base", "tiny rewriting_agent/0"}
    of_agent, told = found["tiny rewriting_agent/0"], runs[1]
    last = {name: points[-1][1] for name, points in told.curves.items()}
    assert of_agent.data.metrics == told.figures | last
    assert of_agent.data.params == told.params
    assert of_agent.data.tags["rewriting_agent.report"] == told.tags["report"]
    assert of_agent.info.status == "FINISHED"
    history = client.get_metric_history(of_agent.info.run_id, "sft/loss")
    assert [(one.step, one.value) for one in history] == told.curves["sft/loss"]
    assert mlflow.feed(uri, [changed(told)]) == 1
    again = client.get_run(of_agent.info.run_id).data.metrics
    assert (again["yield"], again["drift/new"], again["averages/math"]) == (0.5, 1.0, told.figures["averages/math"])
    assert len(client.get_metric_history(of_agent.info.run_id, "sft/loss")) == len(history)
    assert len(client.search_runs([experiment.experiment_id])) == 2


def test_what_mlflow_got_half_of_is_told_again(runs: list[SinkRun], mlflow_store: str) -> None:
    from mlflow import MlflowClient

    uri = mlflow_store
    client = MlflowClient(tracking_uri=uri)
    experiment = client.create_experiment("rewriting-agent/tiny")
    half = client.create_run(experiment, tags={mlflow.ID: runs[1].id})  # killed before it came to its end
    client.log_metric(half.info.run_id, "yield", 0.1)
    mlflow.feed(uri, runs[1:])
    (whole,) = client.search_runs([experiment])
    assert whole.data.metrics["yield"] == runs[1].figures["yield"]


def test_two_runs_that_end_at_once_tell_mlflow_of_their_base_once(
    home: Store, made: tuple[Path, dict[str, str]], mlflow_store: str, turn_on: Callable[[str, str], None]
) -> None:
    from mlflow import MlflowClient

    uri = mlflow_store
    turn_on("mlflow", uri)
    reports = [home.manifest(made[1][f"report:{method}/0"]) for method in ("sft", "sdft")]
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda one: feed.export("mlflow", one, home), reports))
    client = MlflowClient(tracking_uri=uri)
    names = [
        one.info.run_name for one in client.search_runs([one.experiment_id for one in client.search_experiments()])
    ]
    assert sorted(names) == ["tiny base", "tiny sdft/0", "tiny sft/0"]


def test_tensorboard_has_scalars_by_step(runs: list[SinkRun], tmp_path: Path) -> None:
    where, run = str(tmp_path / "logs"), runs[1]
    assert tensorboard.feed(where, runs) == 2
    folder = tensorboard.folder_of(Path(where), run)
    written = sorted(folder.iterdir())
    assert tensorboard.feed(where, runs) == 0
    assert sorted(folder.iterdir()) == written
    read = EventAccumulator(str(folder), size_guidance={"scalars": 0}).Reload()
    assert set(read.Tags()["scalars"]) == {*run.figures, *run.curves}
    assert [one.step for one in read.Scalars("agent/pass_rate")] == [step for step, _ in run.curves["agent/pass_rate"]]
    assert read.Scalars("averages/general.low")[0].value == pytest.approx(run.figures["averages/general.low"])
    params = read.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    assert b"finetune.learning_rate" in params
    assert tensorboard.feed(where, [changed(run)]) == 1
    assert len(list(folder.glob("events*"))) == 1
    assert EventAccumulator(str(folder)).Reload().Scalars("yield")[0].value == 0.5
    assert [one.name for one in Path(where).iterdir()] == ["tiny"]


def test_wandb_has_history_summary_and_params_in_its_offline_file(runs: list[SinkRun], tmp_path: Path) -> None:
    run = runs[1]
    assert wandb.feed("rewriting-agent", runs) == 2
    assert wandb.feed("rewriting-agent", runs) == 0
    files = list((tmp_path / "wandb").glob(f"wandb/offline-run-*-{run.id}/run-{run.id}.wandb"))
    assert len(files) == 1
    history: list[dict[str, Any]] = []
    summary, config, name = {}, {}, ""
    for record in records(files[0]):
        kind = record.WhichOneof("record_type")
        if kind == "history":
            history.append(
                {item.key or item.nested_key[0]: json.loads(item.value_json) for item in record.history.item}
            )
        elif kind == "summary":
            summary |= {item.key or item.nested_key[0]: json.loads(item.value_json) for item in record.summary.update}
        elif kind == "run":
            name = record.run.display_name
            config |= {item.key: json.loads(item.value_json) for item in record.run.config.update}
    assert name == "tiny rewriting_agent/0"
    assert [(row["sft/step"], row["sft/loss"]) for row in history if "sft/loss" in row] == run.curves["sft/loss"]
    assert [row["agent/reward"] for row in history if "agent/reward" in row] == [
        value for _, value in run.curves["agent/reward"]
    ]
    assert {name: summary[name] for name in run.figures} == run.figures
    assert {name: config[name] for name in run.params} == run.params
    text = b"".join(path.read_bytes() for path in (tmp_path / "wandb").rglob("*") if path.suffix == ".wandb")
    assert b"requirements" not in text  # nothing of this machine


def test_a_finished_report_feeds_what_is_on_and_one_sinks_failure_is_a_warning(
    home: Store,
    report: Manifest,
    tmp_path: Path,
    turn_on: Callable[[str, str], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    feed.feed(report.artifact(), home)
    assert caplog.records == []  # none is on: nothing happens
    turn_on("mlflow", "http://me:hunter2pass@127.0.0.1:9/")
    turn_on("tensorboard", str(tmp_path / "logs"))
    feed.feed(report.artifact(), home)
    warnings = [one.message for one in caplog.records if one.levelno >= logging.WARNING]
    (warning,) = warnings
    assert "REWRITING_AGENT_MLFLOW" in warning
    assert "rewriting-agent export REPORT --to mlflow" in warning
    assert "hunter2pass" not in warning
    assert len(list((tmp_path / "logs" / "tiny").iterdir())) == 2


def test_what_is_missing_is_said_at_the_runs_start(
    home: Store, turn_on: Callable[[str, str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    feed.check()
    turn_on("mlflow", "sqlite:///mlflow.db")
    feed.check()
    monkeypatch.setitem(sinks.PACKAGES, "mlflow", "mlflow_that_is_not_installed")
    with pytest.raises(sinks.SinkError, match=r"REWRITING_AGENT_MLFLOW is set, .* type `make setup-sinks`"):
        feed.check()
    turn_on("mlflow", "")
    turn_on("openlineage", "ftp://host/events")
    with pytest.raises(sinks.SinkError, match="REWRITING_AGENT_OPENLINEAGE is a file or an address"):
        feed.check()
    turn_on("openlineage", "")
    turn_on("wandb", "rewriting-agent")
    feed.check()
    monkeypatch.setenv("WANDB_MODE", "online")
    monkeypatch.setenv("NETRC", "/dev/null")
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    with pytest.raises(sinks.SinkError, match="WANDB_MODE=offline"):
        feed.check()


def test_the_command_fills_sinks_that_were_switched_on_later(
    home: Store, report: Manifest, tmp_path: Path, turn_on: Callable[[str, str], None]
) -> None:
    def export(*arguments: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, ["export", *arguments])
        return done.exit_code, " ".join(done.output.split())

    code, said = export()
    assert code == 1
    assert "no sink is on" in said
    code, said = export(report.key[:12], "--to", "mlflow")
    assert code == 1
    assert "REWRITING_AGENT_MLFLOW=…" in said
    turn_on("tensorboard", str(tmp_path / "logs"))
    with openlineage_server() as received:
        turn_on("openlineage", received.url.replace("//", "//me:hunter2pass@"))
        code, said = export(report.key[:12])
    assert code == 0, said
    assert "tensorboard: 2 runs that it did not know" in said
    assert f"openlineage: {len(received.events)} events" in said
    assert "hunter2pass" not in said
    jobs = [event["job"]["name"] for event in received.events if event["eventType"] == "COMPLETE"]
    assert jobs[-1] == "report"
    assert {"corpus", "split", "train_agent", "finetune", "evaluate"} <= set(jobs)
    assert len(jobs) * 2 == len(received.events)
    code, said = export("tiny-rewriting_agent-seed-0", "--to", "tensorboard")
    assert code == 0
    assert "tensorboard: 0 runs" in said
    assert export("nothing", "--to", "tensorboard")[0] == 1
    assert export("--to", "excel")[0] == 2
