"""The command line: what a mistake is answered with, and the files that commands leave."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flows import cli
from flows.commands.running import write_reports
from tasks.report.report import build_report
from tasks.runtime import stage
from tasks.runtime.store.store import Artifact, Manifest, Store
from tests.conftest import ROOT
from tests.tasks.report.conftest import synthetic_report

RUN = CliRunner(env={"COLUMNS": "200"})


def test_the_commands_are_there_before_prefect_is_imported() -> None:
    """It reads its settings, the running server's address among them, when it is imported; `run` sets them first."""
    code = "import sys, flows.cli; sys.exit('prefect' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=120).returncode == 0


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        ("MEMORY", "lots", "SettingsError: REWRITING_AGENT_MEMORY=lots: Input should be a valid integer"),
        ("DEVICE", "tpu", "SettingsError: REWRITING_AGENT_DEVICE=tpu: Input should be 'auto', 'cpu' or 'cuda'"),
        ("METHODS", "", "MethodError: {}/mine.yaml: said: is missing"),
    ],
)
def test_what_the_environment_says_wrongly_is_answered_in_a_sentence(
    tmp_path: Path, name: str, given: str, said: str
) -> None:
    (tmp_path / "mine.yaml").write_text("label: Mine\norder: 1\ncolour: sky\n")
    environment = os.environ | {f"REWRITING_AGENT_{name}": given or str(tmp_path)}
    command = [sys.executable, "-m", "flows", "plan"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1 and done.stderr.startswith(said.format(tmp_path)) and done.stderr.count("\n") == 1


@pytest.mark.parametrize("command", ["run", "study", "ablation"])
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--set", "sample.row=7"], "no field sample.row: did you mean sample.rows?"),
        (["--set", "sample.rows=[1"], "it takes an integer, at least 1"),
        (["--preset", "one_gpus"], "no preset 'one_gpus': did you mean one_gpu?"),
        (["--backbone", "Mistral-7B"], "did you mean Mistral-7B-Instruct-v0.3?"),
    ],
)
def test_a_mistake_is_answered_in_a_sentence(command: str, arguments: list[str], said: str) -> None:
    done = RUN.invoke(cli.app, [command, *arguments])
    assert done.exit_code == 2
    assert said in " ".join(done.output.replace("│", " ").split())


def test_a_seed_is_a_number_or_the_next() -> None:
    done = RUN.invoke(cli.app, ["run", "--seed", "-1"])
    assert done.exit_code == 2 and "a whole number from 0, or next" in " ".join(done.output.split())


def test_a_studys_reports_are_in_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, made = Store(tmp_path / "store"), []
    monkeypatch.setattr(stage, "store", lambda: store)
    for number, nano in enumerate((True, False)):
        key = f"{number:032}"
        folder = store.path(key)
        folder.mkdir(parents=True)
        build_report(synthetic_report(resamples=20, nano=nano), folder)
        made.append(Artifact(kind="report", key=key, digest="0"))
    write_reports(made, tmp_path / "study.json")
    reports = json.loads((tmp_path / "study.json").read_text())["reports"]
    assert [report["backbone"]["nano"] for report in reports] == [True, False]
    assert reports[0] == json.loads((store.path(made[0].key) / "report.json").read_text())


def test_tables_are_of_the_newest_report_of_each_backbone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = Store(tmp_path / "store")
    monkeypatch.setattr(stage, "store", lambda: home)
    for words in (["tables"], ["report"], ["export", "--to", "mlflow"]):
        assert "no report yet" in str(RUN.invoke(cli.app, words).output)
    for number, nano in enumerate((True, True, False)):
        data = synthetic_report(methods=("base", "sft", "sdft")[: 3 - number % 2], seeds=1, resamples=20, nano=nano)
        key = f"{number:032}"
        home.partial(key).mkdir(parents=True)
        build_report(data, home.partial(key))
        said = {"config": {"backbone": data.backbone.name}, "timings": {"started": 1.0 + number, "seconds": 1.0}}
        with home.lock(key):
            home.publish(Manifest(kind="report", key=key, **said))
    out = tmp_path / "tables.md"
    done = RUN.invoke(cli.app, ["tables", "--out", str(out)])
    assert done.exit_code == 0, done.output
    first = out.read_text().split("**Table")[1]
    assert "| nano |" in first and "| synthetic-1B |" in first
    assert first.count("+ SDFT") == 1  # of nano the newer report, which has no SDFT
