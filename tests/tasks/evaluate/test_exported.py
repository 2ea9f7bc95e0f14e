"""Answers in the files of other tools: lm-eval's own, written by lm-eval itself beside ours, and read by its code."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from scipy.stats import sem

from tasks.evaluate import benchmark
from tasks.evaluate.exported import captrack_files, lm_eval_files
from tasks.evaluate.measured import Measured, sanitized
from tasks.evaluate.readers import LETTERS
from tasks.evaluate.score import verdict
from tasks.evaluate.user_turn import boxed, user_turn
from tasks.rows.jsonl import Row, read_rows

NAME = "nano_words"
TASK = benchmark.TASK_PREFIX + NAME
COMPARED = "nano_facts_likelihood"
# As the likelihood benchmarks, but scored by lm-eval's own multiple_choice.
OWN_MULTIPLE_CHOICE = f"""
include: {benchmark.FOLDER / f"{COMPARED}.yaml"}
task: {benchmark.TASK_PREFIX}{COMPARED}
process_results: null
metric_list: [{{metric: acc, aggregation: mean, higher_is_better: true}}]
"""


def _measured(rows: list[Row], texts: list[str]) -> Measured:
    answers = [{"id": row["id"], "text": text, "correct": verdict(row, text).correct} for row, text in zip(rows, texts)]  # noqa: B905
    return Measured("own/model-sft-seed0", {NAME: (rows, answers)}, 1795891931.5, 31.25, 96)


@pytest.fixture
def measured() -> Measured:
    rows = benchmark.rows(NAME, limit=9)
    return _measured(rows, [f"so it is $\\boxed{{{'ABC'[at % 3]}}}$ «é»" for at in range(9)])


@pytest.fixture
def compared() -> Measured:
    """Options by their likelihood: in turn the first, the second, … is the likeliest, and greedy."""
    rows, answers = benchmark.rows(COMPARED, limit=9), []
    for at, row in enumerate(rows):
        letters = [boxed(letter) for letter in LETTERS[: len(row["options"])]]
        best = at % len(letters)
        scores = {text: -0.25 - 1.5 * ((place - best) % len(letters)) for place, text in enumerate(letters)}
        right = LETTERS.index(row["answer"]) == best
        kept = {"likelihoods": scores, "greedy": letters[best : best + 1]}
        answers.append({"id": row["id"], "text": letters[best], "correct": right} | kept)
    return Measured("own/model-sft-seed0", {COMPARED: (rows, answers)}, 1795891931.5, 31.25, 96)


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


def test_samples_are_a_task_of_their_own_with_pass_at_k(measured: Measured, tmp_path: Path) -> None:
    rows, _ = measured.benchmarks[NAME]
    right = [(at, row["id"], n) for at, row in enumerate(rows) for n in (0, 1)]
    samples = [{"id": row_id, "sample": n, "text": f"{n}", "correct": n < at % 3} for at, row_id, n in right]
    sampled = replace(measured, samples={NAME: (0.8, samples)})
    files = {file.name.split("_2026")[0]: file for file in lm_eval_files(sampled, tmp_path)}
    assert list(files) == [f"samples_{TASK}", f"samples_{TASK}_sampled", "results"]
    lines = list(read_rows(files[f"samples_{TASK}_sampled"]))
    assert all(line["resps"] == line["filtered_resps"] == [["0", "1"]] for line in lines)
    assert [(line["pass@1"], line["pass@2"]) for line in lines[:3]] == [(0.0, 0.0), (0.5, 1.0), (1.0, 1.0)]
    results = json.loads(files["results"].read_text())
    found = results["results"][f"{TASK}_sampled"]
    assert (found["pass@1,none"], found["pass@2,none"]) == (pytest.approx(0.5), pytest.approx(2 / 3))
    assert found["pass@1_stderr,none"] == pytest.approx(sem([0, 0.5, 1] * 3))
    config = results["configs"][f"{TASK}_sampled"]
    assert config["repeats"] == 2 and config["generation_kwargs"]["temperature"] == 0.8
    plain = json.loads(lm_eval_files(measured, tmp_path / "plain")[-1].read_text())
    assert plain["results"] == {TASK: results["results"][TASK]} and plain["configs"] == {TASK: results["configs"][TASK]}


def test_an_option_whose_likelihood_or_greediness_is_not_known_says_so(compared: Measured, tmp_path: Path) -> None:
    rows, answers = compared.benchmarks[COMPARED]
    long, old = (dict(answers[at]) for at in (0, 1))
    long |= {"text": "", "correct": False, "likelihoods": {}, "greedy": []}  # too long to be asked
    del old["greedy"]  # stored before it was kept
    [samples, _] = lm_eval_files(replace(compared, benchmarks={COMPARED: (rows[:2], [long, old])}), tmp_path)
    first, second = read_rows(samples)
    assert first["filtered_resps"] == [["-inf", "False"]] * len(rows[0]["options"]) and first["acc"] == 0
    assert [is_greedy for _, is_greedy in second["filtered_resps"]] == ["None"] * len(rows[1]["options"])


@pytest.mark.inference
@pytest.mark.parametrize(("of", "metric"), [("measured", "correct"), ("compared", "acc")])
def test_the_files_are_those_that_lm_eval_itself_writes(
    of: str, metric: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """The same answers through lm-eval with --log_samples: the same names of files and fields, and the same values."""
    import lm_eval
    from lm_eval import utils
    from lm_eval.api.model import LM
    from lm_eval.loggers import EvaluationTracker
    from lm_eval.tasks import TaskManager

    measured: Measured = request.getfixturevalue(of)
    [(name, (rows, answers))] = measured.benchmarks.items()
    task = benchmark.TASK_PREFIX + name
    said = {user_turn(row): answer for row, answer in zip(rows, answers, strict=True)}

    class Fixed(LM):  # type: ignore[misc]
        def generate_until(self, requests: list[Any], disable_tqdm: bool = False) -> list[str]:
            return [said[one.args[0]]["text"] for one in requests]

        def loglikelihood(self, requests: list[Any], disable_tqdm: bool = False) -> list[tuple[float, bool]]:
            asked = [(said[one.args[0]], one.args[1]) for one in requests]
            return [(answer["likelihoods"][text], text in answer["greedy"]) for answer, text in asked]

        def loglikelihood_rolling(self, requests: Any) -> Any:
            raise NotImplementedError

    (tmp_path / "rows").mkdir()
    (tmp_path / "rows" / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    tracker = EvaluationTracker(output_path=str(tmp_path / "theirs"))
    tracker.general_config_tracker.log_experiment_args("m", {"pretrained": measured.model}, None, None, False)
    folder = benchmark.FOLDER
    if of == "compared":
        folder = tmp_path / "tasks"
        folder.mkdir()
        (folder / f"{name}.yaml").write_text(OWN_MULTIPLE_CHOICE)
    manager = TaskManager(include_path=str(folder), include_defaults=False, metadata={"rows": str(tmp_path / "rows")})
    found: Any = lm_eval.simple_evaluate(
        model=Fixed(), tasks=[task], task_manager=manager, log_samples=True, bootstrap_iters=100
    )
    samples = found.pop("samples")
    tracker.save_results_aggregated(found, samples)
    tracker.save_results_samples(task, samples[task])
    lm_eval_files(measured, tmp_path / "ours")

    def read(of: str) -> tuple[dict[str, Any], list[Row]]:
        names = [str(path) for path in (tmp_path / of).rglob("*.json*") if (tmp_path / "rows") not in path.parents]
        [results], [one] = utils.get_results_filenames(names), utils.get_sample_results_filenames(names)
        assert Path(results).parent.name == sanitized(measured.model)
        assert utils.get_file_task_name(Path(one).name) == task
        return json.loads(Path(results).read_text()), list(read_rows(Path(one)))

    (theirs, their_samples), (ours, our_samples) = read("theirs"), read("ours")
    for mine, its in zip(our_samples, their_samples, strict=True):
        assert set(mine) == set(its)
        arguments = mine.pop("arguments"), its.pop("arguments")
        if of == "measured":  # settings of generation: ours are those that were in force
            arguments = tuple(one["gen_args_0"]["arg_0"] for one in arguments)
        assert arguments[0] == arguments[1]
        assert mine == its  # the hashes too
    assert ours["task_hashes"] == theirs["task_hashes"] and 0 < ours["results"][task][f"{metric},none"] < 1
    for field in ("results", "n-shot", "higher_is_better", "n-samples", "versions", "group_subtasks"):
        assert ours[field].keys() == theirs[field].keys()
        if field != "results":
            assert ours[field] == theirs[field]
    for field, value in theirs["results"][task].items():
        assert ours["results"][task][field] == (pytest.approx(value) if isinstance(value, float) else value), field
    assert task in utils.make_table(ours)
