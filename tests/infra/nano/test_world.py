"""The synthetic world: repeatable from its seed, its arithmetic true, no benchmark text in what is trained on."""

import gzip
import json
import re
from itertools import islice
from random import Random

import pytest

from infra.nano.kinds import NEW, SEEN, draw, draw_opaque
from infra.nano.measure import last_boxed, passes
from infra.nano.recipe import HERE, NanoConfig, check_recipe
from infra.nano.styles import OWN, careless, expert, rewrite, templated
from infra.nano.world import World, write_world
from tasks.rows import prompts

ROWS = 4000


@pytest.fixture(scope="module")
def world() -> World:
    return World(NanoConfig())


def test_same_seed_gives_the_same_files_and_another_seed_others(tmp_path):
    small = {"numinamath_rows": 40, "openmath_rows": 40, "benchmark_rows": 20}
    for folder, seed in (("a", 7), ("b", 7), ("c", 8)):
        write_world(World(NanoConfig(seed=seed, **small)), tmp_path / folder)
    for path in (tmp_path / "a").glob("*/*.gz"):
        name = path.relative_to(tmp_path / "a")
        assert path.read_bytes() == (tmp_path / "b" / name).read_bytes()
        assert path.read_bytes() != (tmp_path / "c" / name).read_bytes()


def test_pretraining_rows_repeat_from_the_seed():
    first, second = (list(islice(World(NanoConfig(seed=7)).pretraining(), 200)) for _ in range(2))
    assert first == second


def test_committed_corpora_and_benchmarks_are_those_of_the_recipe(tmp_path, world):
    write_world(world, tmp_path)
    for folder in ("corpora", "benchmarks"):
        made = {path.name: path.read_bytes() for path in (tmp_path / folder).iterdir()}
        assert made == {path.name: path.read_bytes() for path in (HERE / folder).iterdir()}


def test_committed_model_belongs_to_the_committed_recipe():
    assert check_recipe(HERE) == []
    weights = HERE / "model" / "model.safetensors"
    assert weights.stat().st_size <= 10e6


@pytest.mark.parametrize("kinds", [SEEN, NEW], ids=["seen", "new"])
def test_every_solution_passes_its_own_gate(kinds):
    r = Random("solutions")
    for _ in range(2000):
        problem = draw(r, kinds)
        assert problem.answer > 0
        assert max(max(step.a, step.b, step.c) for step in problem.steps) < 200  # one token each
        for text in (expert(problem, r), templated(problem), *(style(problem) for style in OWN.values())):
            assert passes(text, problem.answer), text
        assert not passes(careless(problem), problem.answer)


def test_opaque_problems_do_not_tell_their_steps():
    r = Random("opaque")
    for _ in range(500):
        problem = draw_opaque(r)
        assert not any(character.isdigit() for character in problem.question)
        assert passes(expert(problem, r), problem.answer)


def test_rewrites_without_faults_pass_and_slips_fail():
    r = Random("rewrites")
    problems = [draw(r, SEEN) for _ in range(500)]
    for problem in problems:
        assert passes(rewrite(problem, expert(problem, r), r, 0.5, 0.0, 0.0), problem.answer)
        assert not passes(rewrite(problem, expert(problem, r), r, 0.5, 0.0, 1.0), problem.answer)


@pytest.mark.parametrize("corpus", ["numinamath_cot", "open_math_reasoning"])
def test_expert_rows_state_true_equalities_and_end_with_the_answer(world, corpus):
    rows = getattr(world, corpus)()
    for (problem, solution), row in zip(world.experts(corpus), rows, strict=True):
        assert passes(solution, problem.answer), solution
        assert row["problem"] == problem.question
        assert row.get("solution", row.get("generated_solution")) == solution


def test_corpora_have_the_schemas_of_the_real_ones():
    numina = _read("corpora/numinamath_cot.jsonl.gz")
    assert {tuple(row) for row in numina} == {("source", "problem", "solution", "messages")}
    assert all([m["role"] for m in row["messages"]] == ["user", "assistant"] for row in numina)
    openmath = _read("corpora/open_math_reasoning.jsonl.gz")
    schema = (
        "expected_answer problem_type problem_source generation_model pass_rate_72b_tir problem generated_solution "
        "inference_mode used_in_kaggle"
    )
    assert {tuple(row) for row in openmath} == {tuple(schema.split())}
    assert all(last_boxed(row["generated_solution"]) == row["expected_answer"] for row in openmath)


def test_benchmarks_have_ids_answers_and_options():
    names = {path.name.removesuffix(".jsonl.gz") for path in (HERE / "benchmarks").iterdir()}
    assert names == {"nano_seen_kinds", "nano_new_kinds", "nano_facts", "nano_words", "nano_lists"}
    for name in names:
        rows = _read(f"benchmarks/{name}.jsonl.gz")
        assert len({row["id"] for row in rows}) == len(rows) >= 200
        for row in rows:
            if "kinds" in name:
                assert row["answer"].isdigit()
            else:
                assert len(set(row["options"])) == 4
                assert row["answer"] in "ABCD"


def test_no_text_is_shared_by_benchmarks_corpora_and_pretraining(world):
    math = [problem.question for problems in world._math.values() for problem in problems]
    general = [question.text for questions in world._general.values() for question in questions]
    assert len(set(math)) == len(math)
    assert len(set(general)) == len(general)
    held_out = set(math) | set(general)
    assert held_out == world.held_out
    fixed = [prompts.MATH_PREFIX, prompts.REWRITING_PREFIX, prompts.REWRITING_MIDDLE]
    fields = re.compile("|".join(map(re.escape, [*fixed, prompts.GENERAL_PREFIX, prompts.GENERAL_MIDDLE])))
    for row in islice(world.pretraining(), ROWS):
        first, *rest = fields.split(row.prompt)[1:]
        assert (f"{first}\n{rest[0]}" if row.task == "general" else first) not in held_out


def test_new_kinds_never_reach_pretraining(world):
    words = ("twice", "half", "exceeds", "rectangle", "perimeter", "price", "fee", "average", "owns")
    for row in islice(world.pretraining(), ROWS):
        if row.task != "general":
            assert not any(word in row.prompt.split("Problem:")[-1] for word in words)


def _read(name: str) -> list[dict]:
    return [json.loads(line) for line in gzip.decompress((HERE / name).read_bytes()).decode().splitlines()]
