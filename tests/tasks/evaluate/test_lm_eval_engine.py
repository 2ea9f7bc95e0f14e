"""The real engine on nano: lm-eval, vLLM and transformers."""

import gc
import json
import weakref
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tasks.evaluate import benchmark
from tasks.evaluate.config import EvaluateConfig
from tasks.evaluate.spec import EvaluateSpec
from tasks.generation.variables import each_engine, engine_variables
from tasks.rows.jsonl import Row, read_rows, write_rows
from tasks.runtime.engines import engine
from tests.tasks import engines
from tests.tasks.evaluate.behaviour_rows import OTHERS

pytestmark = pytest.mark.inference

MODULE = "tasks.evaluate.lm_eval_engine"
NANO = engines.ROOT / "infra" / "nano" / "model"
NAMES = ("nano_words", "nano_seen_kinds")
LIKELIHOOD = "nano_facts_likelihood"
SAMPLED = {"sampling": {"answers": 3}}


def _run(out: Path, rows: dict[str, list[Row]], at_work: int = 1, **config: Any) -> str:
    """What the engine said; so many of them `at_work`."""
    with engine.attempt([], None, None, list(range(at_work))):
        variables = each_engine(cuda=False)
    for name, one in rows.items():
        (out / "rows").mkdir(parents=True, exist_ok=True)
        write_rows(out / "rows" / f"{name}.jsonl", one)
    settings: dict[str, Any] = {"max_new_tokens": 80, "batch": 16, "block": 8} | config
    spec = EvaluateSpec(
        config=EvaluateConfig(benchmarks=tuple(rows), **settings),
        model=NANO,
        outs={name: out / name for name in rows},
        rows=out / "rows",
        cuda=False,
        engines=variables if at_work > 1 else [],
    )
    return engines.run(MODULE, spec, out, engine_variables(cuda=False))


def _read(out: Path, name: str) -> tuple[list[Row], dict[str, Any]]:
    return list(read_rows(out / name / "answers.jsonl")), json.loads((out / name / "scores.json").read_text())


@pytest.fixture(scope="module")
def rows() -> dict[str, list[Row]]:
    chosen = {name: benchmark.rows(name, limit=12) for name in NAMES}
    long = {"id": "long", "question": "Ana has 2 plums. " * 120, "answer": "2", "options": [], "subset": ""}
    chosen["nano_seen_kinds"].append(long | {"cluster": "plums"})
    return chosen


@pytest.fixture(scope="module")
def options() -> list[Row]:
    """Questions whose options are compared by their likelihood, the last one too long."""
    rows = benchmark.rows(LIKELIHOOD, limit=10)
    return [*rows, rows[0] | {"id": "long", "question": "Which weather is usual? " * 200, "answer": "A"}]


@pytest.fixture(scope="module")
def by_vllm(tmp_path_factory: pytest.TempPathFactory, rows: dict[str, list[Row]], options: list[Row]) -> Path:
    out = tmp_path_factory.mktemp("vllm")
    _run(out, rows | OTHERS | {LIKELIHOOD: options}, code_sandbox=True, **SAMPLED)
    return out


def test_a_benchmark_has_the_verifier_that_its_file_names(by_vllm: Path) -> None:
    """nano writes no programs, and keeps to an instruction by chance."""
    answers, scores = _read(by_vllm, "humaneval")
    assert all(answer["text"] and answer["reason"] == "no Python code in it" for answer in answers)
    assert (scores["n"], scores["correct"], scores["no_answer"]) == (2, 0, 2)
    answers, scores = _read(by_vllm, "ifeval")
    kept = [len(answer["extracted"].split(", ")) if answer["extracted"] else 0 for answer in answers]
    assert scores["instructions"] == {"n": 3, "kept": sum(kept), "accuracy": sum(kept) / 3}


def test_every_row_is_answered_once_scored_by_verify_and_counted(by_vllm: Path, rows: dict[str, list[Row]]) -> None:
    from tasks.evaluate.score import verdict

    for name in NAMES:
        answers, scores = _read(by_vllm, name)
        assert [answer["id"] for answer in answers] == [row["id"] for row in rows[name]]
        assert scores["n"] == len(rows[name]) and scores["low"] <= scores["accuracy"] <= scores["high"]
        assert scores["correct"] == sum(answer["correct"] for answer in answers)
        for answer, row in zip(answers, rows[name], strict=True):
            assert answer.get("cluster", "") == row["cluster"]
            if answer["id"] == "long":
                assert (answer["tokens"], answer["text"], answer["verdict"]) == (0, "", "no_answer")
            else:
                found = verdict(row | {"id": "again/" + row["id"]}, answer["text"])
                assert (answer["verdict"], answer["correct"]) == (found.verdict, found.correct)
    assert _read(by_vllm, "nano_seen_kinds")[1]["overlong"] == 1
    outcomes = {answer["verdict"] for name in NAMES for answer in _read(by_vllm, name)[0]}
    assert {"correct", "wrong"} <= outcomes  # else the comparison above says little


@pytest.mark.slow
def test_no_benchmark_takes_the_name_of_one_of_lm_evals_own_tasks() -> None:
    from lm_eval.tasks import TaskManager

    own = set(TaskManager().all_tasks)
    ours = set(TaskManager(include_path=str(benchmark.FOLDER), include_defaults=False).all_tasks)
    assert {"mmlu", "mmlu_pro", "agieval", "minerva_math"} <= own
    assert ours == {benchmark.TASK_PREFIX + name for name in benchmark.names()}
    assert not ours & own


def test_the_model_is_asked_as_everywhere_else(by_vllm: Path, rows: dict[str, list[Row]]) -> None:
    """Greedy answers to E.4's prompts, as plain transformers gives them one by one."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from tasks.rows.prompts import general_prompt, question_prompt

    tokenizer = AutoTokenizer.from_pretrained(str(NANO))
    model: Any = AutoModelForCausalLM.from_pretrained(str(NANO), dtype=torch.float32)
    for name in NAMES:
        for row, answer in list(zip(rows[name], _read(by_vllm, name)[0], strict=True))[:3]:
            options = "\n".join(f"{'ABCD'[at]}. {option}" for at, option in enumerate(row["options"]))
            content = general_prompt(row["question"], options) if options else question_prompt(row["question"])
            turn = [{"role": "user", "content": content}]
            ids = tokenizer.apply_chat_template(turn, add_generation_prompt=True, return_tensors="pt", return_dict=True)
            new = model.generate(**ids, max_new_tokens=80, do_sample=False)[0, ids["input_ids"].shape[1] :]
            assert answer["text"] == tokenizer.decode(new, skip_special_tokens=True)
            assert answer["tokens"] == len(new)


def test_both_backends_give_the_same_answers(tmp_path: Path, by_vllm: Path, rows: dict[str, list[Row]]) -> None:
    _run(tmp_path, rows, backend="hf")
    for name in NAMES:
        (answers, scores), (of_vllm, said) = _read(tmp_path, name), _read(by_vllm, name)
        assert answers == of_vllm and scores.items() <= said.items()


@pytest.mark.slow
def test_a_benchmark_alone_dealt_to_two_engines_gives_the_bytes_that_it_gives_among_others(
    tmp_path: Path, by_vllm: Path, rows: dict[str, list[Row]]
) -> None:
    """Float32 on a CPU: blocks are of one benchmark."""
    name = "nano_seen_kinds"
    _run(tmp_path, {name: rows[name]}, at_work=2, **SAMPLED)
    for file in ("answers.jsonl", "samples.jsonl", "scores.json"):
        assert (tmp_path / name / file).read_bytes() == (by_vllm / name / file).read_bytes()


def test_what_is_done_is_not_done_again(by_vllm: Path, rows: dict[str, list[Row]]) -> None:
    """A benchmark with scores is left alone; one whose answers and samples survived a kill needs no model."""
    done, lost = (by_vllm / name / "scores.json" for name in NAMES)
    before, expected = done.stat().st_mtime_ns, json.loads(lost.read_text())
    lost.unlink()
    log = engines.output(MODULE, by_vllm)
    log.unlink()
    output = _run(by_vllm, rows, **SAMPLED)
    assert '"nano_seen_kinds": 1.0, "samples of nano_seen_kinds": 1.0' in output and '"nano_words"' not in output
    assert "safetensors" not in output
    assert json.loads(lost.read_text()) == expected
    assert done.stat().st_mtime_ns == before


def test_downstream_questions_are_sampled_each_from_its_own_stream_and_verified(
    by_vllm: Path, rows: dict[str, list[Row]]
) -> None:
    from tasks.evaluate.pass_at_k import pass_at_k
    from tasks.evaluate.score import verdict

    assert not (by_vllm / "nano_words" / "samples.jsonl").exists() and "pass_at" not in _read(by_vllm, "nano_words")[1]
    samples = list(read_rows(by_vllm / "nano_seen_kinds" / "samples.jsonl"))
    scores, by_id = _read(by_vllm, "nano_seen_kinds")[1], {row["id"]: row for row in rows["nano_seen_kinds"]}
    assert [(one["id"], one["sample"]) for one in samples] == [(row_id, n) for row_id in by_id for n in range(3)]
    texts: dict[str, list[str]] = {}
    for one in samples:
        texts.setdefault(one["id"], []).append(one["text"])
        found = verdict(by_id[one["id"]] | {"id": f"again/{one['id']}"}, one["text"])
        assert (one["verdict"], one["correct"]) == (found.verdict, found.correct)
    assert texts.pop("long") == ["", "", ""]
    assert any(len(set(said)) > 1 for said in texts.values()), "samples of a question are drawn each for itself"
    right = [sum(one["correct"] for one in samples if one["id"] == row_id) for row_id in by_id]
    assert (scores["samples"], scores["temperature"]) == (3, 0.8)
    assert scores["pass_at"] == pytest.approx(
        {str(k): sum(pass_at_k(3, c, k) for c in right) / len(right) for k in (1, 2, 3)}
    )


@pytest.mark.parametrize("backend", ["vllm", "hf"])
def test_bfloat16_is_what_was_computed_in_where_it_is_asked_for(
    tmp_path: Path, rows: dict[str, list[Row]], backend: str
) -> None:
    """Where all benchmarks are sampled, general ones are too."""
    few = {name: rows[name][:4] for name in NAMES}
    sampled = {"sampling": {"answers": 3, "benchmarks": "all"}} if backend == "vllm" else {}
    output = _run(tmp_path, few, backend=backend, dtype="bfloat16", **sampled)
    assert f'"done": 8, "total": {32 if sampled else 8}, "unit": "answers"' in output, "one queue"
    for name in NAMES:
        answers, scores = _read(tmp_path, name)
        assert [answer["id"] for answer in answers] == [row["id"] for row in few[name]]
        assert all(answer["tokens"] for answer in answers) and scores["dtype"] == "bfloat16"
        assert scores.get("samples") == (3 if sampled else None)


def test_options_are_compared_by_their_log_likelihood(by_vllm: Path, options: list[Row]) -> None:
    """The engine's letters are those that plain transformers finds likeliest, question by question."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from tasks.evaluate.user_turn import user_turn

    [*answers, last], scores = _read(by_vllm, LIKELIHOOD)
    assert (last["tokens"], last["correct"], scores["overlong"]) == (0, False, 1)
    tokenizer = AutoTokenizer.from_pretrained(str(NANO))
    model: Any = AutoModelForCausalLM.from_pretrained(str(NANO), dtype=torch.float32)
    for row, answer in zip(options[:-1], answers, strict=True):
        turn = [{"role": "user", "content": user_turn(row)}]
        prompt = tokenizer.apply_chat_template(turn, add_generation_prompt=True, return_dict=True)["input_ids"]
        found, greedy = {}, []
        for letter in "ABCD"[: len(row["options"])]:
            text = f"$\\boxed{{{letter}}}$"
            more = tokenizer(text, add_special_tokens=False)["input_ids"]
            with torch.inference_mode():
                logits = model(torch.tensor([[*prompt, *more]])).logits[0].log_softmax(-1)
            found[text] = sum(float(logits[len(prompt) - 1 + at, token]) for at, token in enumerate(more))
            likeliest = logits[len(prompt) - 1 : -1].argmax(-1).tolist()
            greedy += [text] if likeliest == more else []
        assert answer["likelihoods"] == pytest.approx(found, abs=1e-3) and answer["greedy"] == greedy
        assert answer["text"] == max(found, key=lambda text: found[text])
        assert answer["correct"] == (answer["extracted"] == row["answer"]) and answer["finished"]
    assert scores["n"] == 11 and scores["accuracy"] > 0


def test_the_model_of_likelihoods_leaves_the_device_to_what_generates() -> None:
    from tasks.evaluate.likelihood import Likelihood

    likelihood = Likelihood(NANO, "float32", cuda=False)
    with closing(likelihood):
        assert len(likelihood([([1, 5], [9])])) == 1
        network = weakref.ref(likelihood.network)
    gc.collect()
    assert network() is None
