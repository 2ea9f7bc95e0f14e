"""Answers in the files of other tools: lm-eval's own, written by lm-eval itself beside ours, and read by its code."""

import json
from pathlib import Path
from typing import Any

import pytest

from tasks.evaluate import benchmark
from tasks.evaluate.exported import Measured, captrack_files, lm_eval_files, sanitized
from tasks.evaluate.score import verdict
from tasks.evaluate.user_turn import user_turn
from tasks.rows.jsonl import Row, read_rows

NAME = "nano_words"
TASK = benchmark.TASK_PREFIX + NAME


def _measured(rows: list[Row], texts: list[str]) -> Measured:
    answers = [{"id": row["id"], "text": text, "correct": verdict(row, text).correct} for row, text in zip(rows, texts)]  # noqa: B905
    return Measured("own/model-sft-seed0", {NAME: (rows, answers)}, 1795891931.5, 31.25, 96)


@pytest.fixture
def measured() -> Measured:
    rows = benchmark.rows(NAME, limit=9)
    return _measured(rows, [f"so it is $\\boxed{{{'ABC'[at % 3]}}}$ «é»" for at in range(9)])


def test_captrack_finds_a_file_a_task_with_the_columns_that_it_reads(measured: Measured, tmp_path: Path) -> None:
    [file] = captrack_files(measured, tmp_path)
    assert file == tmp_path / "model_responses" / "own__model-sft-seed0" / f"{NAME}.jsonl"
    rows, answers = measured.benchmarks[NAME]
    for line, row, answer in zip(read_rows(file), rows, answers, strict=True):
        assert (line["outputs"], line["gold"], line["choices"]) == (answer["text"], row["answer"], row["options"])
    renamed = Measured("m", {"gsm8k": measured.benchmarks[NAME]}, 1.0, 1.0, 96)
    assert captrack_files(renamed, tmp_path)[0].name == "gsm8k_subset.jsonl"


def test_answers_to_other_rows_are_refused(measured: Measured, tmp_path: Path) -> None:
    rows, answers = measured.benchmarks[NAME]
    shuffled = Measured("m", {NAME: (rows, answers[::-1])}, 1.0, 1.0, 96)
    with pytest.raises(ValueError, match="not to these rows"):
        lm_eval_files(shuffled, tmp_path)


@pytest.mark.inference
def test_the_files_are_those_that_lm_eval_itself_writes(measured: Measured, tmp_path: Path) -> None:
    """The same answers through lm-eval with --log_samples: the same names of files and fields, and the same values."""
    import lm_eval
    from lm_eval import utils
    from lm_eval.api.model import LM
    from lm_eval.loggers import EvaluationTracker
    from lm_eval.tasks import TaskManager

    rows, answers = measured.benchmarks[NAME]
    said = {user_turn(row): answer["text"] for row, answer in zip(rows, answers, strict=True)}

    class Fixed(LM):  # type: ignore[misc]
        def generate_until(self, requests: list[Any], disable_tqdm: bool = False) -> list[str]:
            return [said[request.args[0]] for request in requests]

        def loglikelihood(self, requests: Any) -> Any:
            raise NotImplementedError

        loglikelihood_rolling = loglikelihood

    (tmp_path / "rows").mkdir()
    (tmp_path / "rows" / f"{NAME}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    tracker = EvaluationTracker(output_path=str(tmp_path / "theirs"))
    tracker.general_config_tracker.log_experiment_args("m", {"pretrained": measured.model}, None, None, False)
    manager = TaskManager(
        include_path=str(benchmark.FOLDER), include_defaults=False, metadata={"rows": str(tmp_path / "rows")}
    )
    found: Any = lm_eval.simple_evaluate(
        model=Fixed(), tasks=[TASK], task_manager=manager, log_samples=True, bootstrap_iters=100
    )
    samples = found.pop("samples")
    tracker.save_results_aggregated(found, samples)
    tracker.save_results_samples(TASK, samples[TASK])
    lm_eval_files(measured, tmp_path / "ours")

    def read(of: str) -> tuple[dict[str, Any], list[Row]]:
        names = [str(path) for path in (tmp_path / of).rglob("*.json*")]
        [results], [one] = utils.get_results_filenames(names), utils.get_sample_results_filenames(names)
        assert Path(results).parent.name == sanitized(measured.model)
        assert utils.get_file_task_name(Path(one).name) == TASK
        return json.loads(Path(results).read_text()), list(read_rows(Path(one)))

    (theirs, their_samples), (ours, our_samples) = read("theirs"), read("ours")
    for mine, its in zip(our_samples, their_samples, strict=True):
        assert set(mine) == set(its)
        arguments = mine.pop("arguments"), its.pop("arguments")
        assert arguments[0]["gen_args_0"]["arg_0"] == arguments[1]["gen_args_0"]["arg_0"]
        assert mine == its  # the hashes too
    assert ours["task_hashes"] == theirs["task_hashes"] and 0 < ours["results"][TASK]["correct,none"] < 1
    for field in ("results", "n-shot", "higher_is_better", "n-samples", "versions", "group_subtasks"):
        assert ours[field].keys() == theirs[field].keys()
        if field != "results":
            assert ours[field] == theirs[field]
    for name, value in theirs["results"][TASK].items():
        assert ours["results"][TASK][name] == (pytest.approx(value) if isinstance(value, float) else value), name
    assert TASK in utils.make_table(ours)
