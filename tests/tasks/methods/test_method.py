"""A file declares a method; the command line, the form, the study, the plan and the report know it by that alone."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from flows.experiment import STUDIED, ExperimentError, load_experiment
from tasks.methods.method import FOLDER, MethodError, methods, read
from tasks.runtime.key import config_for_key
from tests.conftest import ROOT

MADE_UP = """
label: Half as fast
said: the backbone's rewrites, at half the learning rate
order: 15
colour: sky
dash: 2
studied: true
targets: {rewriter: backbone}
rate: 0.5
changes: {assemble.fallback: false}
"""

ASK = """
import json
from flows.form import QUESTIONS
from flows.pipeline import pipeline
from flows.study import study
from tasks.report.figures.chart import role_of
from tasks.report.figures.figures import method_label
from tasks.report.schema.data import ORDER
schema = pipeline.parameters.model_dump()["properties"]["method"]
print(json.dumps({"enum": schema["enum"], "question": schema["description"], "label": method_label("half_as_fast"),
    "role": role_of("half_as_fast")[0], "order": ORDER, "studied": study.fn.__defaults__[0]}))
"""


def _command(folder: Path, *arguments: str) -> str:
    """In a process of its own, as a user has it: methods are read once a process."""
    given = {"REWRITING_AGENT_METHODS": str(folder), "REWRITING_AGENT_STORE": str(folder / "store")}
    given |= {"PREFECT_API_URL": "http://127.0.0.1:9/api", "COLUMNS": "400"}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=os.environ | given, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_made_up_method_takes_one_file(tmp_path: Path) -> None:
    (tmp_path / "half_as_fast.yaml").write_text(MADE_UP)
    assert "sft, half_as_fast, sdft" in _command(tmp_path, "-m", "flows", "run", "--help")
    told = json.loads(_command(tmp_path, "-c", ASK).splitlines()[-1])
    assert "half_as_fast" in told["enum"] and "half_as_fast" in told["studied"]
    assert "half_as_fast: the backbone's rewrites, at half the learning rate" in told["question"]
    assert (told["label"], told["role"]) == ("Half as fast", "sky")
    assert told["order"][:4] == ["base", "sft", "half_as_fast", "sdft"]
    asked = ("--method", "half_as_fast", "--preset", "smoke", "--json", "-")
    plan = json.loads(_command(tmp_path, "-m", "flows", "plan", *asked))
    titles = [stage["title"] for stage in plan["stages"]]
    assert "finetune nll seed 0 (sft/0)" in titles and "finetune nll seed 0 (half_as_fast/0)" in titles
    assert sum(title.startswith("rewrite ") for title in titles) == 1


def test_every_file_here_is_a_method_whose_changes_fit_the_experiment() -> None:
    assert set(methods()) == {path.stem for path in FOLDER.glob("*.yaml")}
    assert {"sft", "rewriting_agent"} <= set(STUDIED)
    shown = [(one.colour, one.dash) for one in methods().values()]
    assert len(shown) == len(set(shown)), "two methods are drawn alike"
    notes = (ROOT / "docs" / "methods.md").read_text(encoding="utf-8")
    for method in methods().values():
        load_experiment("nano").of_method(method)
        assert f"`{method.name}`" in notes, f"docs/methods.md says nothing of {method.name}"


def test_the_loss_is_the_methods_alone() -> None:
    experiment = load_experiment("nano", {"finetune.loss": "dft"})
    assert experiment.of_method(methods()["sft"]).finetune.loss == "nll"
    assert experiment.of_method(methods()["mind_the_gap_iw"]).finetune.loss == "importance_weighted"


def test_a_methods_rate_is_in_the_experiments_so_that_one_grid_suits_all() -> None:
    for rate, own in ((7e-6, 7e-5), (1.2e-3, 0.012)):
        experiment = load_experiment("nano", {"finetune.learning_rate": rate})
        assert experiment.of_method(methods()["lora_sft"]).finetune.learning_rate == own
        assert experiment.of_method(methods()["sft"]).finetune.learning_rate == rate
    with pytest.raises(ExperimentError, match=r"finetune\.learning_rate.*0\.1"):
        load_experiment("nano", {"finetune.learning_rate": 0.02}).of_method(methods()["lora_sft"])


def test_what_came_later_is_in_no_key_of_what_was_made_before() -> None:
    """Fields of methods that were added are in a key only where they are set."""
    later = {"l2", "lora_rank", "lora_alpha", "anchor", "most_perplexing", "clip", "lag", "tau"}
    set_by = {"sft": set(), "l2": {"l2"}, "lora_sft": {"lora_rank"}, "psft": {"clip", "lag"}, "flow": {"tau"}}
    for name, added in set_by.items():
        key = config_for_key(load_experiment("nano").of_method(methods()[name]).sft(0))
        assert later & key.keys() == added


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ("label: A\n  b: [", "is no YAML"),
        ("- a list", "holds list, not the fields of a method"),
        ("label: A\nsaid: b\norder: 1\ncolour: pink", r"colour: Input should be 'vermillion'"),
        ("label: A\nsaid: b\norder: 1\ncolour: sky\ntargets: {rewriter: me}", "targets.rewriter: Input should be 'ba"),
        (
            "label: A\nsaid: b\norder: 1\ncolour: sky\nrate: 2\nchanges: {finetune.learning_rate: 1.0e-5}",
            "rate 2: changes sets finetune.learning_rate itself",
        ),
    ],
)
def test_a_file_that_declares_none_is_named_with_its_field(tmp_path: Path, said: str, fault: str) -> None:
    (tmp_path / "mine.yaml").write_text(said)
    with pytest.raises(MethodError, match=f"mine.yaml.*{fault}"):
        read(tmp_path / "mine.yaml")
