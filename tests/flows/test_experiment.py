"""Experiments: the defaults are the paper's, a backbone changes little, and a mistake is told by file and field."""

import re
from pathlib import Path
from typing import Any

import pytest

from flows.changed_fields import changed_fields
from flows.experiment import STAGES, Experiment, load_experiment
from flows.experiment_files import ExperimentError, backbone_names, preset_names
from tests.conftest import ROOT

LARGE = ["Llama-3.2-1B-Instruct", "Llama-3.2-3B-Instruct", "Mistral-7B-Instruct-v0.3"]


# Where each value is printed; docs/paper.md has those that are printed nowhere.
PAPER: list[tuple[str, str, Any]] = [
    ("4.1", "sample.rows", 100_000),
    ("4.1", "sample.max_tokens", 8192),
    ("4.1", "split.sft_rows", 50_000),
    ("4.1", "split.agent_rows", 50_000),
    ("E.1", "finetune.epochs", 2),
    ("E.1", "finetune.global_batch", 128),
    ("E.1", "finetune.per_device_batch", 4),
    ("E.1", "finetune.warmup_ratio", 0.1),
    ("E.1", "finetune.max_grad_norm", 1.0),
    ("E.1", "finetune.weight_decay", 0.0),
    ("E.2", "train_agent.engine", "verl"),
    ("E.2", "train_agent.rollout", "vllm"),
    ("E.2", "train_agent.rank", 64),
    ("E.2", "train_agent.alpha", 32),
    ("E.2", "train_agent.prompts_per_step", 512),
    ("E.2", "train_agent.candidates", 10),
    ("E.2", "train_agent.max_prompt_tokens", 2048),
    ("E.2", "train_agent.max_new_tokens", 4096),
    ("E.2", "train_agent.embedder.model", "Qwen/Qwen3-Embedding-0.6B"),
    ("3.4.1", "gate.judge.kind", "self"),  # the paper names no model; its released code asks the backbone itself
    ("3.4.1", "gate.answers.reasoning", True),
    ("E.3", "rewrite.temperature", 0.0),
    ("E.3", "rewrite.top_p", 1.0),
    ("E.3", "rewrite.max_new_tokens", 8192),
    ("Table 3", "train_agent.reward.variant", "full"),
    ("eq. 14", "assemble.fallback", True),
]
# Four GPUs (E.1, E.3) in other portions: E.3 spreads one engine over them by tensor parallelism. Each of these models
# fits one of them, so one engine a GPU rewrites what it asks for: the same greedy rewrites, sooner.
FOUR_GPUS = {
    "train_agent.verl.gpus": 4,
    "train_agent.verl.machines": 1,
    "train_agent.verl.tensor_parallel": 1,
    "rewrite.shards": 1,
    "rewrite.tensor_parallel": 1,
    "evaluate.tensor_parallel": 1,
    "finetune.processes": 0,  # as many as there are GPUs
}


def value(experiment: Experiment, field: str) -> Any:
    found: Any = experiment
    for name in field.split("."):
        found = getattr(found, name)
    return found


@pytest.mark.parametrize("name", LARGE)
def test_the_papers_backbones_have_the_papers_settings(name: str) -> None:
    experiment = load_experiment(name)
    differing = {f"{field} ({where})": value(experiment, field) for where, field, printed in PAPER
                 if value(experiment, field) != printed}  # fmt: skip
    assert differing == {}
    assert {field: value(experiment, field) for field in FOUR_GPUS} == FOUR_GPUS
    assert experiment.finetune.learning_rate == (5e-6 if name.startswith("Mistral") else 7e-6)  # 4.1, E.1
    assert {one.name for one in experiment.corpora} == {"numinamath_cot", "open_math_reasoning"}  # 4.1
    assert set(experiment.evaluate.benchmarks) == {
        *("math500", "minerva_math", "amc23", "agieval_math", "imo_answerbench"),
        *("mmlu", "mmlu_pro", "agieval"),
    }  # 4.1
    assert len(experiment.backbone.revision or "") == 40


@pytest.mark.parametrize("preset", preset_names())
@pytest.mark.parametrize("name", ["nano", *LARGE])
def test_a_preset_goes_with_any_backbone_and_changes_no_setting_of_the_method(name: str, preset: str) -> None:
    plain, sized = load_experiment(name), load_experiment(name, presets=[preset])
    assert (sized == plain) == (preset == "four_gpus" and name in LARGE), (
        "the files of the paper's backbones say the same"
    )
    kept = ["backbone", "corpora", "gate", "train_agent.rank", "train_agent.reward", "train_agent.learning_rate"]
    kept += ["train_agent.engine", "rewrite.max_new_tokens", "finetune.learning_rate"]
    if preset == "as_released":  # says what its authors set, and is named for it
        kept = [field for field in kept if field not in ("train_agent.reward", "train_agent.learning_rate")]
    if preset == "numinamath":  # one of the paper's two corpora
        kept.remove("corpora")
    assert {field: value(sized, field) for field in kept} == {field: value(plain, field) for field in kept}
    assert sized.split.sft_rows + sized.split.agent_rows <= sized.sample.rows
    changed = changed_fields(sized)
    assert changed is not None and load_experiment(name, changed) == sized


def test_the_released_values_are_those_that_were_read() -> None:
    agent = load_experiment("Llama-3.2-1B-Instruct", presets=["as_released"]).train_agent
    reward = agent.reward
    assert (reward.lambda_dist, reward.lambda_div, reward.epsilon, agent.candidates) == (0.35, 0.5, 1e-6, 5)
    assert (agent.learning_rate, agent.prompts_per_step, agent.updates_per_step, agent.steps) == (3e-6, 504, 2, 240)
    assert (agent.kl_coefficient, agent.rank, agent.alpha, agent.max_prompt_tokens) == (1e-3, 64, 32, 2048)


def test_presets_come_after_each_other_and_before_what_is_set() -> None:
    name = "Llama-3.2-1B-Instruct"
    both = load_experiment(name, {"sample.rows": 5000}, ["one_gpu", "small"])
    assert (both.train_agent.verl.gpus, both.train_agent.prompts_per_step, both.sample.rows) == (1, 128, 5000)
    assert load_experiment(name, presets=["one_gpu", "four_gpus"]).train_agent.verl.gpus == 4
    with pytest.raises(ExperimentError, match=r"no preset 'onegpu': did you mean one_gpu\?"):
        load_experiment(name, presets=["onegpu"])


def test_several_machines_need_a_cluster() -> None:
    with pytest.raises(ExperimentError, match=r"machines=2 need a Ray cluster .*train_agent\.verl\.ray_address"):
        load_experiment("Llama-3.2-1B-Instruct", {"train_agent.verl.machines": 2})


def test_every_stage_can_be_placed_and_planned() -> None:
    files = [path.read_text(encoding="utf-8") for path in (ROOT / "tasks").rglob("*.py")]
    declared = {name for text in files for name in re.findall(r"(?ms)^@stage\(.*?^def (\w+)\(", text)}
    assert declared == set(STAGES)


def test_there_is_a_file_for_every_backbone() -> None:
    small = {"SmolLM2-135M-Instruct", "SmolLM2-360M-Instruct", "Qwen3-0.6B"}
    small |= {"Qwen2.5-0.5B-Instruct", "Qwen2.5-Coder-0.5B-Instruct"}
    assert set(backbone_names()) == {"nano", *LARGE, *small}
    assert {load_experiment(name).backbone.name for name in backbone_names()} == set(backbone_names())


def test_one_field_can_be_changed() -> None:
    assert load_experiment("nano", {"sample.rows": 7, "train_agent.reward.variant": "task_only"}).sample.rows == 7


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"sample.rows": 7, "train_agent.reward.variant": "task_only", "measure.embedder": None},
        {"evaluate.benchmarks": ["nano_facts"], "shared_with": [{"name": "other", "model": "infra/nano/model"}]},
    ],
)
def test_what_was_changed_makes_the_same_experiment_of_the_file_again(changed: dict[str, Any]) -> None:
    experiment = load_experiment("nano", changed)
    found = changed_fields(experiment)
    assert found is not None and set(found) == set(changed)
    assert load_experiment("nano", found) == experiment


def test_an_experiment_of_a_file_of_ones_own_has_no_file_to_differ_from(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("backbone: {name: mine, model: infra/nano/model}\n")
    assert changed_fields(load_experiment(str(file))) is None


def test_there_is_one_gate(tmp_path: Path) -> None:
    with pytest.raises(ExperimentError, match="one gate decides everywhere"):
        load_experiment("nano", {"train_agent.gate": {"answers": {"deadline_seconds": 1}}})


def test_an_unknown_backbone_lists_those_there_are() -> None:
    with pytest.raises(ExperimentError, match=r"Llama-3\.2-1B-Instruct"):
        load_experiment("Llama-4")


def test_a_file_of_the_users_own_is_read(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("backbone: {name: mine, model: infra/nano/model}\n")
    assert load_experiment(str(file)) == Experiment.model_validate(
        {"backbone": {"name": "mine", "model": "infra/nano/model"}}
    )


def test_a_folder_of_a_model_is_a_backbone() -> None:
    folder = ROOT / "infra" / "nano" / "model"
    assert load_experiment(str(folder)) == Experiment.model_validate(
        {"backbone": {"name": "model", "model": str(folder)}}
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("backbone: {name: mine, model: m}\nsampel: {rows: 3}\n", "no field sampel: did you mean sample?"),
        ("backbone: {name: mine, model: m}\nsample: {row: 3}\n", r"no field sample\.row: did you mean sample\.rows?"),
        ("backbone: {name: mine}\n", r"backbone\.model is missing; it takes a text \(Folder of the model"),
        ("backbone: [1\n", "is no YAML"),
        ("- 1\n", "holds list, not the fields of an experiment"),
    ],
)
def test_a_file_with_a_mistake_is_told_by_field(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(text)
    with pytest.raises(ExperimentError, match=f"mine.yaml.*{said}"):
        load_experiment(str(file))


def test_every_field_explains_itself_in_the_form() -> None:
    schema = Experiment.model_json_schema()
    nameless = [
        f"{model}.{field}"
        for model, definition in schema["$defs"].items()
        for field, said in definition.get("properties", {}).items()
        if not said.get("description")
    ]
    assert nameless == []


def test_relative_paths_lead_from_where_they_were_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a file from beside it, in --set from the current folder; what is not there stays for the project's root."""
    here, beside = tmp_path / "here", tmp_path / "beside"
    for folder in (here, beside):
        folder.mkdir()
        (folder / "mine.jsonl").write_text("")
    (beside / "mine.py").write_text("def right(answer, row): return True")
    (beside / "mine.yaml").write_text(
        "backbone: {name: mine, model: owner/model}\n"
        "corpora: [{name: mine, path: mine.jsonl}, {name: nano, path: infra/nano/corpus.jsonl}]\n"
        "gate: {verifier: python, options: {function: 'mine.py:right'}}\n"
    )
    monkeypatch.chdir(here)
    made = load_experiment(str(beside / "mine.yaml"))
    assert made.corpora[0].path == str(beside / "mine.jsonl")
    assert made.corpora[1].path == "infra/nano/corpus.jsonl"
    assert made.backbone.model == "owner/model"
    assert made.gate.options.function == f"{beside / 'mine.py'}:right"
    made = load_experiment(
        "nano", {"corpora": [{"name": "mine", "path": "mine.jsonl"}], "drift.passages": "mine.jsonl"}
    )
    assert (made.corpora[0].path, made.drift.passages) == (str(here / "mine.jsonl"), here / "mine.jsonl")
    assert load_experiment("nano", {"corpora.0.path": "none.jsonl"}).corpora[0].path == "none.jsonl"
