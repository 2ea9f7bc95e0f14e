"""`plan` and `why` ask the store alone: no server, no download, nothing built."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import typer
from click.testing import Result
from typer.testing import CliRunner

from flows.cli import app
from flows.commands.asked import asked, seeds_of
from tasks.runtime.settings import settings
from tasks.runtime.store.store import Artifact, Manifest, Store
from tests.conftest import ROOT


def run(home: Path, *arguments: str) -> Result:
    given = {"REWRITING_AGENT_STORE": str(home), "HF_TOKEN": "hf_none", "COLUMNS": "200"}
    settings.cache_clear()
    with patch.dict(os.environ, given):  # GPUs that a plan is for become variables of its process
        done = CliRunner().invoke(app, arguments)
    settings.cache_clear()
    return done


def plan(home: Path, *arguments: str) -> dict[str, Any]:
    done = run(home, "plan", "--json", "-", *arguments)
    assert done.exit_code == 0, done.output
    return dict(json.loads(done.stdout))


def test_a_plan_needs_no_server_and_builds_nothing(tmp_path: Path) -> None:
    given = {"REWRITING_AGENT_STORE": str(tmp_path / "store"), "PREFECT_API_URL": "http://127.0.0.1:9/api"}
    command = [sys.executable, "-m", "flows", "plan", "--json", "-", "--preset", "smoke", "--price", "0.1"]
    environment = os.environ | given | {"HF_TOKEN": "hf_none"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    assert [path.name for path in (tmp_path / "store").iterdir()] in ([], ["digests"]), "of files, which are read once"
    titles = [stage["title"] for stage in made["stages"]]
    assert titles[:2] == ["backbone nano", "backbone nano tokenizer"] and titles[-1] == "report"
    assert {stage["state"] for stage in made["stages"]} == {"to make"}
    by_title = {stage["title"]: stage for stage in made["stages"]}
    assert by_title["split sft"]["rows"] == 32
    (corpus,) = by_title["corpus numinamath_cot"]["artifacts"]
    assert corpus["stored_as"].startswith("corpus/") and corpus["key"][:8] in corpus["stored_as"]
    sft = by_title["finetune nll seed 0 (sft/0)"]
    assert sft["seconds"] > 0 and sft["source"].startswith("measured: nano")
    assert sft["money"] == pytest.approx(0.1 * sft["core_hours"])
    agent = by_title["train_agent seed 0 (rewriting_agent/0)"]
    assert agent["amount"] == 2 * 8 * 4 * 38, "steps, prompts, candidates, tokens"
    assert sft["artifacts"][0]["key"] is None and "after backbone nano" in sft["artifacts"][0]["why"]
    assert {one["group"]: one["questions"] for one in made["power"]} == {"downstream": 16, "general": 24}


def test_gpus_that_are_named_are_planned_for(tmp_path: Path) -> None:
    made = plan(tmp_path, "-b", "Mistral-7B-Instruct-v0.3", "--gpu", "h100-80", "--gpus", "4", "--price", "2")
    by_title = {stage["title"]: stage for stage in made["stages"]}
    agent = by_title["train_agent seed 0 (rewriting_agent/0)"]
    assert (agent["gpus"], agent["unit"], agent["fits"]) == (4, "tokens", True)
    assert agent["gpu_hours"] == pytest.approx(4 * agent["seconds"] / 3600)
    assert agent["money"] == pytest.approx(2 * agent["gpu_hours"])
    assert agent["amount"] == pytest.approx(30 * 5120 * 400), "a third of its rows have prompts within 2,048 tokens"
    tuned = {name: by_title[f"finetune nll seed 0 ({name}/0)"]["amount"] for name in ("sft", "rewriting_agent")}
    assert tuned["rewriting_agent"] == pytest.approx(2 * 50_000 * 400)
    assert tuned["sft"] > 8 * tuned["rewriting_agent"], "most of the expert's solutions are long traces"
    evaluated = {name: by_title[f"evaluate{name}"]["amount"] for name in ("", " (sft/0)", " (rewriting_agent/0)")}
    assert evaluated[""] == pytest.approx(33_139 * 400) == evaluated[" (rewriting_agent/0)"]
    assert evaluated[" (sft/0)"] > 8 * evaluated[""], "a model answers as long as what it learnt from"
    (rewrite,) = (stage for stage in made["stages"] if stage["kind"] == "rewrite")
    assert (rewrite["gpus"], rewrite["fits"]) == (4, True), "one engine a GPU, each with the whole model"


def test_a_study_and_an_ablation_are_planned_as_their_flows_make_them(tmp_path: Path) -> None:
    methods = ("--method", "sft", "--method", "sdft", "--seeds", "2", "--preset", "smoke")
    titles = [stage["title"] for stage in plan(tmp_path, *methods)["stages"]]
    assert titles.count("finetune nll seed 1 (sdft/1)") == 1
    shared = next(stage for stage in plan(tmp_path, *methods)["stages"] if stage["kind"] == "rewrite")
    assert shared["also"] == ["rewrite seed 1 (sdft/1)"], "both seeds train on the same rewrites"
    titles = [stage["title"] for stage in plan(tmp_path, "--variant", "no_div", "--no-downstream")["stages"]]
    assert "train_agent seed 0 (no_div/0)" in titles and not any("finetune" in title for title in titles)


def test_what_cannot_work_ends_with_1_and_says_what_to_type(tmp_path: Path) -> None:
    done = run(tmp_path, "plan", "-b", "Llama-3.2-1B-Instruct", "-p", "one_gpu", "--gpu", "h100-80", "--gpus", "3",
               "--set", "finetune.processes=0", "--set", "finetune.packing=false")  # fmt: skip
    assert done.exit_code == 1
    assert "cannot work: finetune.global_batch 128 is not a multiple" in done.stdout
    done = run(tmp_path, "plan", "--set", "corpora.0.path=mine.jsonl")
    assert done.exit_code == 1 and "cannot work: corpora.0: mine.jsonl: no such file" in done.stdout
    done = run(tmp_path, "plan", "--gpu", "h1000")
    assert done.exit_code == 2 and "there are h200-141, h100-80" in " ".join(done.stderr.replace("│", " ").split())


def test_why_tells_what_differs_from_the_nearest(tmp_path: Path) -> None:
    home = Store(tmp_path)
    corpus = Artifact(kind="corpus", key="c", digest="dc")
    for key, rows, seed in (("a" * 32, 96, 0), ("b" * 32, 96, 1), ("e" * 32, 500, 1)):
        config = {"rows": rows, "max_tokens": 192, "seed": seed}
        one = Manifest(kind="sample", key=key, stage_version=3, config=config, inputs={"corpora.a": corpus})
        home.partial(key).mkdir(parents=True)
        (home.partial(key) / "rows.jsonl").write_text("{}\n")
        home.publish(one.model_copy(update={"run": {"task_run": f"sample seed {seed}", "flow_run": "mine"}}))
    said = run(tmp_path, "why", "aaaa").stdout
    assert "nearest: sample seed 1 bbbbbbbbbbbb, of the run mine" in said and "config seed: 0, there 1" in said
    said = run(tmp_path, "why", "sample", "--preset", "smoke", "--set", "sample.seed=1").stdout
    assert "sample seed 1 is to be made, after corpus numinamath_cot" in said
    assert "nearest: sample seed 1 bbbbbbbbbbbb" in said and "config rows" not in said
    done = run(tmp_path, "why", "finetuning")
    assert done.exit_code == 2 and "no stage's name: backbone, corpus" in " ".join(
        done.stderr.replace("│", " ").split()
    )


@pytest.mark.parametrize(("given", "seeds"), [("3", [0, 1, 2]), ("0-0", [0]), ("4-7", [4, 5, 6, 7]), ("next", "next")])
def test_seeds_are_a_number_of_them_or_a_range(given: str, seeds: object) -> None:
    assert seeds_of(given, "next") == seeds


@pytest.mark.parametrize("given", ["", "0", "7-4", "-3", "1,2", "4-", "two"])
def test_what_is_no_number_of_seeds_is_refused(given: str) -> None:
    with pytest.raises(typer.BadParameter, match=f"--seeds {given}: "):
        seeds_of(given)


def test_rates_are_planned_as_a_study_asks_for_them() -> None:
    kind, parameters = asked(None, ["sft"], None, True, "2", ["smoke"], None, "8e-4,1.2e-3")
    assert (kind, parameters["rates"], parameters["methods"]) == ("study", [8e-4, 1.2e-3], ["sft"])
    with pytest.raises(typer.BadParameter, match="--rates is of a study"):
        asked(None, None, ["k5"], True, "1", None, None, "8e-4")
    with pytest.raises(typer.BadParameter, match="numbers with commas between"):
        asked(None, None, None, True, "1", None, None, "8e-4;1e-3")


def test_strengths_are_planned_as_a_study_asks_for_them() -> None:
    kind, parameters = asked(None, ["l2"], None, True, "1", ["smoke"], None, strengths=["l2=1,4"])
    assert (kind, parameters["strengths"], parameters["methods"]) == ("study", ["l2=1,4"], ["l2"])
    with pytest.raises(typer.BadParameter, match=r"l2=-1: nano: finetune\.l2=-1\.0"):
        asked(None, ["l2"], None, True, "1", None, None, strengths=["l2=-1"])
    with pytest.raises(typer.BadParameter, match="--strengths are of a study"):
        asked(None, None, ["k5"], True, "1", None, None, strengths=["l2"])
