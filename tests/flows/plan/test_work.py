"""How much a stage has to do: every stage is known, and a finished one's metrics tell it."""

import gzip
import json
from pathlib import Path

import pytest

from flows.experiment import STAGES, load_experiment
from flows.plan.file_rows import rows_of_file
from flows.plan.work import WORK, done, length, made
from tasks.evaluate.config import EvaluateConfig, SamplingConfig
from tasks.runtime.store.store import Manifest

REWRITE = Manifest(kind="rewrite", key="a", metrics={"rows": 400, "written": 400, "output_tokens": 16405})
FINETUNE = Manifest(
    kind="finetune", key="b", config={"epochs": 2.0}, metrics={"rows": 800, "kept": 800, "target_tokens": 29337}
)


def test_every_stage_has_its_work() -> None:
    assert set(WORK) == set(STAGES)


def test_a_finished_artifact_tells_its_work_its_length_and_its_rows() -> None:
    assert (done(REWRITE), length(REWRITE), made(REWRITE)) == (16405, pytest.approx(41.01, abs=0.01), 400)
    assert done(FINETUNE) == 2 * 29337
    assert length(FINETUNE) == pytest.approx(29337 / 800), "one pass over a row"
    assert done(REWRITE.model_copy(update={"metrics": {}})) is None, "of an older version"


def test_samples_are_tokens_that_are_written_and_no_part_of_an_answers_length() -> None:
    sampled = Manifest(kind="evaluate", key="c", metrics={"n": 120, "tokens": 2400, "sampled_tokens": 20_000})
    assert (done(sampled), length(sampled)) == (22_400, 20)
    times = WORK["evaluate"].times
    assert times(EvaluateConfig(sampling=SamplingConfig(answers=8)), 120) == 9 and times(EvaluateConfig(), 120) == 1


def test_the_papers_grpo_goes_once_over_its_rows() -> None:
    config = load_experiment("Mistral-7B-Instruct-v0.3").grpo(0)
    rows = WORK["train_agent"].rows(config, {"rows": 49_000})
    assert rows * WORK["train_agent"].times(config, rows) == pytest.approx(95 * 5120)


def test_the_parts_of_a_sample_are_as_large_as_split_makes_them() -> None:
    split = load_experiment("nano").split
    parts = {part: split.model_copy(update={"part": part}) for part in ("sft", "held_out", "agent")}
    assert {part: WORK["split"].made(config, 2400) for part, config in parts.items()} == {
        "sft": 800,
        "held_out": 200,
        "agent": 1400,
    }


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("rows", [5, 30_000])
def test_rows_of_a_file_are_told_by_its_first_lines(tmp_path: Path, rows: int, packed: bool) -> None:
    text = "".join(f"{json.dumps({'problem': 'x' * (n % 97), 'n': n})}\n" for n in range(rows)).encode()
    file = tmp_path / ("rows.jsonl.gz" if packed else "rows.jsonl")
    file.write_bytes(gzip.compress(text) if packed else text)
    assert rows_of_file(str(file), "**/*") == pytest.approx(rows, rel=0.15)
    assert rows_of_file(str(tmp_path / "none.jsonl"), "**/*") == 0
