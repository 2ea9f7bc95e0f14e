"""A model that was taken out of the store: its files, its card, and the SFT by hand that comes out the same."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from flows.hand_on.model import write_model
from flows.hand_on.push import files_of, kind_of
from tasks.finetune.config import FinetuneConfig
from tasks.report.schema.data import Backbone, ReportData, to_json
from tasks.report.schema.run_data import Averages, Run, Score
from tasks.report.schema.values import Estimate
from tasks.runtime.settings import settings
from tasks.runtime.store.store import Artifact, Manifest, Store
from tests.conftest import ROOT
from tests.flows.hand_on.made import HOSTILE, publish, training_set

NANO = ROOT / "infra" / "nano" / "model"
CONFIG = FinetuneConfig(learning_rate=8e-4, global_batch=2, per_device_batch=2, max_tokens=256, max_dropped_share=0.5)
CHANGED = Estimate(value=12.5, low=4.0, high=20.0)


def report_of(model: str) -> ReportData:
    """A report in which the model scores 3 of 4 on a benchmark with a hostile name, and forgot 12.5 %."""
    score = Score(accuracy=0.75, n=4, correct=3, low=0.3, high=0.95)
    name = "a|b <script>x</script>"
    return ReportData(
        backbone=Backbone(name="own", digest="0", nano=False),
        benchmarks={"math": [name], "general": []},
        base=Run(method="base", scores={name: score}),
        runs=[Run(method="sdft", seed=0, scores={name: score}, averages=Averages(general_drop_percent=CHANGED))],
    )


@pytest.fixture
def made(tmp_path: Path) -> tuple[Store, Manifest, Manifest]:
    """A store, a model in it that a report has, and an agent."""
    home, dataset = training_set(tmp_path / "store", text="pears")
    files = {path.name: path.read_bytes() for path in NANO.iterdir() if path.is_file()}
    pi_0 = publish(home, "backbone", "b1", {}, files=files, name="backbone/own/b1b1b1b1", identity="digest")
    inputs = {"backbone": pi_0, "dataset": dataset.artifact()}
    said = CONFIG.model_dump(exclude={"processes", "packing", "tokens_per_pass", "less", "checkpoint_minutes"})
    model = publish(
        home,
        "finetune",
        "a1",
        inputs,
        files={f"model/{name}": content for name, content in files.items()},
        config=said,
        metrics={"processes": 1, "final_loss": 0.5, "note": HOSTILE.replace("\ud800", "")},
        run={"task_run": "finetune (sdft/0)"},
    )
    publish(home, "report", "f1", {"model.sdft/0": model}, files={"report.json": json.loads(to_json(report_of("a1")))})
    weights: dict[str, object] = {"adapter/adapter_config.json": {"base_model_name_or_path": "/home/me/pi_0"}}
    weights["adapter/adapter_model.safetensors"] = b"x"
    agent: Artifact = publish(home, "train_agent", "c1", {"backbone": pi_0}, files=weights, config={"rank": 8})
    return home, home.manifest(model.key), home.manifest(agent.key)


@pytest.mark.slow
def test_the_sft_by_hand_runs_as_it_was_configured(made: tuple[Store, Manifest, Manifest], tmp_path: Path) -> None:
    home, model, _ = made
    out = tmp_path / "out"
    assert write_model(home, model, out) == []
    assert (out / "model.safetensors").samefile(home.path(model.key) / "model" / "model.safetensors")
    card = (out / "README.md").read_text(encoding="utf-8")
    assert "75.0% [30.0%, 95.0%]" in card and "12.5 % [4.0, 20.0]" in card and r"a\|b \<script\>" in card
    assert "base_model" not in card  # pi_0 was a folder; another one, of the hub, rewrote the rows
    assert str(tmp_path) not in card + (out / "sft" / "sft.yaml").read_text(encoding="utf-8")
    assert not any("backbone" in name for name in files_of(out)) and kind_of(out) == "model"
    command = [str(settings().environments / "sft" / "bin" / "llamafactory-cli"), "train", "sft.yaml"]
    environment = os.environ | {"DISABLE_VERSION_CHECK": "1", "OMP_NUM_THREADS": "1"}
    subprocess.run(command, cwd=out / "sft", env=environment, check=True, capture_output=True)
    log = (out / "sft" / "trained" / "trainer_log.jsonl").read_text(encoding="utf-8").splitlines()
    steps = [one for one in map(json.loads, log) if "loss" in one]
    assert len(steps) == 4 and steps[-1]["loss"] < steps[0]["loss"]  # three rows, two a step, two epochs
    assert home.verify(model.key) is None
    assert not any("trained" in name for name in files_of(out))


def test_an_agent_names_its_base_and_no_path_of_this_machine(
    made: tuple[Store, Manifest, Manifest], tmp_path: Path
) -> None:
    home, _, agent = made
    write_model(home, agent, tmp_path / "out")
    config = json.loads((tmp_path / "out" / "adapter_config.json").read_text(encoding="utf-8"))
    assert config == {"base_model_name_or_path": "own", "revision": None}
    assert home.verify(agent.key) is None  # the store's own file is as it was
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert "nothing is claimed" in card and "library_name: peft" in card
