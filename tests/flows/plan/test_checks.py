"""What cannot work is said before anything is downloaded, with what to type; what works is let through."""

import gzip
from pathlib import Path
from typing import Any

import pytest

from flows.experiment import load_experiment
from flows.experiment_files import backbone_names
from flows.plan.checks import refusals
from flows.plan.plan import Machine
from tasks.methods.method import methods
from tasks.rows.jsonl import write_rows
from tasks.runtime.settings import settings
from tests.conftest import ROOT

MISTRAL = "Mistral-7B-Instruct-v0.3"
FOUR = Machine("h100-80", 4)


@pytest.fixture(autouse=True)
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_of_a_test")


def said(backbone: str, machine: Machine, presets: tuple[str, ...] = (), **changes: Any) -> list[str]:
    fields = {name.replace("__", "."): value for name, value in changes.items()}
    return refusals([load_experiment(backbone, fields, presets)], machine)


@pytest.mark.parametrize("backbone", backbone_names())
def test_every_backbone_works_on_what_its_file_is_for(backbone: str) -> None:
    four = backbone.startswith(("Llama", "Mistral"))
    hub_alone = not four and backbone not in ("nano", "SmolLM2-135M-Instruct", "Qwen2.5-Coder-0.5B-Instruct")
    machine = FOUR if four else Machine("l4-24" if hub_alone else "cpu", int(hub_alone))
    assert said(backbone, machine) == []


def test_a_batch_that_the_gpus_do_not_divide() -> None:
    three, one_gpu = Machine("h100-80", 3), ("one_gpu",)
    assert said("Llama-3.2-1B-Instruct", three, one_gpu, finetune__processes=0) == [], "packed passes do not ask"
    fields = {"finetune__packing": False}
    (one,) = said("Llama-3.2-1B-Instruct", three, one_gpu, finetune__processes=0, **fields)
    assert one.startswith("finetune.global_batch 128 is not a multiple of per_device_batch 4 x 3 GPUs")
    assert one.endswith("--set finetune.packing=true, or --set finetune.processes=2")
    assert said("Llama-3.2-1B-Instruct", three, one_gpu, finetune__processes=2, **fields) == []
    (one,) = said(MISTRAL, Machine("h100-80", 8), train_agent__verl__gpus=7)
    assert "5120 rewrites a step" in one and "7 GPUs" in one


def test_a_model_that_does_not_fit_is_told_with_what_is_missing() -> None:
    (one,) = said(MISTRAL, Machine("h100-80", 1), ("one_gpu",))
    assert one.startswith("finetune takes 1") and "(state 116 GB) and h100-80 has 80: " in one
    assert " GB too much. More GPUs (--set finetune.processes=4)" in one
    one_gpu = load_experiment(MISTRAL, {}, ("one_gpu",))
    lora = one_gpu.of_method(methods()["lora_sft"]).finetune
    assert refusals([one_gpu], Machine("h100-80", 1), {"finetune": [lora]}) == [], "low-rank matrices fit"
    assert refusals([one_gpu], Machine("h100-80", 1), {"finetune": [lora, one_gpu.finetune]}) == [one]
    assert not [line for line in said(MISTRAL, Machine("rtx4090-24", 4)) if line.startswith("rewrite takes")]
    assert any("train_agent takes" in line for line in said(MISTRAL, Machine("l4-24", 4)))
    (one,) = said("Qwen2.5-0.5B-Instruct", Machine("l4-24", 1), train_agent__vllm_memory=0.9)
    assert one.startswith("train_agent takes 3") and "1 longest rewrites" in one and "engine=verl" in one


def test_a_model_whose_sft_takes_more_than_the_machines_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REWRITING_AGENT_MEMORY", "21")
    settings.cache_clear()
    llama, here = load_experiment("Llama-3.2-3B-Instruct"), Machine("cpu", 0)
    plain, lora = llama.finetune, llama.of_method(methods()["lora_sft"]).finetune
    (one,) = refusals([llama], here, {"finetune": [lora, plain]})
    assert one.startswith("finetune takes 5") and "GiB of memory and engines have 21 here" in one
    assert refusals([llama], here, {"finetune": [lora]}) == [], "low-rank matrices fit"
    assert refusals([llama], here, {"rewrite": [llama.rewrite]}) == [], "the models are in the store"
    placed = load_experiment(llama, {"placement": {"finetune": {"pool": "gpu"}}})
    assert refusals([placed], here, {"finetune": [plain]}) == []
    settings.cache_clear()


def test_a_model_from_which_cores_have_no_memory_to_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REWRITING_AGENT_MEMORY", "21")
    settings.cache_clear()
    mistral, here = load_experiment("Mistral-7B-Instruct-v0.3"), Machine("cpu", 0)
    (one,) = refusals([mistral], here, {"rewrite": [mistral.rewrite], "drift": [mistral.thermometers()]})
    assert one.startswith("rewrite takes 29 GiB of memory and engines have 21 here") and "placement.rewrite.pool" in one
    settings.cache_clear()


def test_a_sample_that_does_not_fill_its_parts(tmp_path: Path) -> None:
    (one,) = said("nano", Machine("cpu", 0), sample__rows=500)
    assert one.startswith("sample.rows=500 do not fill split.sft_rows=800, split.held_out_rows=")
    assert "--set split.sft_rows=225 --set split.held_out_rows=25 --set split.agent_rows=250" in one
    lines = [f'{{"question": "What is {n} + 1?", "solution": "{n + 1}"}}' for n in range(900)]
    (tmp_path / "mine.jsonl").write_text("\n".join(lines))
    mine = {"corpora": [{"name": "mine", "path": str(tmp_path / "mine.jsonl"), "format": "auto"}]}
    assert said("nano", Machine("cpu", 0), **mine, split__sft_rows=500) == []
    (one,) = said("nano", Machine("cpu", 0), **mine, split__sft_rows=2000)
    assert one.startswith("corpora of about 900 rows do not fill split.sft_rows=2000")
    nano = load_experiment("nano", {"sample.rows": 800})
    assert refusals([nano], Machine("cpu", 0), {"split": [nano.split]}) == [], "without an agent SFT may take all"


def test_more_gpus_than_there_are() -> None:
    lines = said(MISTRAL, Machine("h200-141", 2))
    assert any("train_agent computes on 4 GPUs, this machine has 2" in line for line in lines)
    placed = said(MISTRAL, Machine("h200-141", 2), placement={"train_agent": {"pool": "gpu"}})
    assert not [line for line in placed if "train_agent" in line]


def test_a_gated_model_without_a_token(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "none"))
    (one,) = said(MISTRAL, FOUR)
    assert "is gated: accept its licence" in one and "HF_TOKEN" in one
    assert said("Qwen2.5-0.5B-Instruct", Machine("l4-24", 1)) == [], "it is not gated"
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors"):
        (tmp_path / name).write_text("{}")
    assert said(MISTRAL, FOUR, backbone__model=str(tmp_path)) == [], "it lies on this machine"


def test_what_is_in_the_store_needs_no_gpu_and_no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_TOKEN")
    experiment = load_experiment(MISTRAL)
    assert refusals([experiment], Machine("h100-80", 3), {"report": [None]}) == []


def test_files_that_are_not_there(tmp_path: Path) -> None:
    here = Machine("cpu", 0)
    (one,) = said("nano", here, corpora__0__path="mine.jsonl")
    assert one.startswith("corpora.0: mine.jsonl: no such file")
    (one,) = said("nano", here, evaluate__benchmarks=["math500"], evaluate__benchmark_data=str(tmp_path))
    assert one.startswith("evaluate.benchmarks: math500") and "math500.jsonl.gz does not exist" in one
    (one,) = said("nano", here, evaluate__benchmark_data=str(tmp_path / "none"))
    assert one == f"evaluate.benchmark_data: {tmp_path}/none: no such folder"
    (one,) = said("nano", here, evaluate__benchmarks=["maths"])
    assert "no benchmark 'maths'" in one
    (one,) = said("nano", here, evaluate__benchmarks=["humaneval"])
    assert "allow it with evaluate.code_sandbox=true" in one
    assert not said("nano", here, evaluate__benchmarks=["humaneval"], evaluate__code_sandbox=True)
    (tmp_path / "config.json").write_text("{}")
    (one,) = said("nano", here, backbone__model=str(tmp_path))
    assert one.startswith(f"backbone: {tmp_path}: tokenizer.json, tokenizer_config.json missing")
    nowhere = said("nano", here, backbone__model="/models/my_model", corpora__0__path="mine.jsonl")
    assert [one.partition(": no such file")[0] for one in nowhere] == [
        "corpora.0: mine.jsonl",
        "backbone: /models/my_model",
    ]
    (one,) = said("nano", here, backbone__model="models/none.gguf")
    assert one == "backbone: models/none.gguf: no such file"
    (one,) = said(MISTRAL, FOUR, corpora__0__revision="main")
    assert one.startswith("corpora.0: AI-MO/NuminaMath-CoT: give `revision` as a full commit")


def test_the_example_of_another_domain_can_be_run_as_it_is_printed(tmp_path: Path) -> None:
    printed = (ROOT / "docs" / "your-domain.md").read_text(encoding="utf-8").split("```yaml\n")[1].partition("```")[0]
    rows = ({"question": f"Which drug, {n}?", "explanation": "Heparin.\nAnswer: B", "answer": "B"} for n in range(2000))
    write_rows(tmp_path / "exam.jsonl", rows)
    printed = printed.replace("exam.jsonl", str(tmp_path / "exam.jsonl"))
    (tmp_path / "exam.yaml").write_text(printed.replace("/models/my_model", str(ROOT / "infra" / "nano" / "model")))
    assert said(str(tmp_path / "exam.yaml"), Machine("cpu", 0)) == []


def test_passages_of_ones_own(tmp_path: Path) -> None:
    row = '{"id": "a", "domain": "code", "text": "def merge"}\n'
    plain, named_packed = tmp_path / "mine.jsonl", tmp_path / "mine.jsonl.gz"
    packed = gzip.compress(row.encode())
    plain.write_text(row)
    assert said("nano", Machine("cpu", 0), drift__passages=str(plain)) == []
    for content, told in (
        (packed, None),
        (row.encode(), f"{named_packed}: Not a gzipped file"),
        (packed[:-8], f"{named_packed}: Compressed file ended"),
        (gzip.compress(b'{"id": "a", "text": "b"}'), f"{named_packed}: line 1, row a: field 'domain': is missing"),
        (None, f"{named_packed}: No such file"),
    ):
        named_packed.unlink(missing_ok=True)
        if content is not None:
            named_packed.write_bytes(content)
        lines = said("nano", Machine("cpu", 0), drift__passages=str(named_packed))
        assert [line.startswith(f"drift.passages: {told}") for line in lines] == [True] * (told is not None)
