"""The world of a seed: benchmarks, expert corpora and pretraining rows, with no text in common.

world = World(NanoConfig(seed=1))
world.benchmarks["nano_new_kinds"][0]  {"id": "nano_new_kinds/0", "question": "Ana owns 7 ...", "answer": "19"}
world.numinamath_cot()[0]              {"source": "nano_groups", "problem": ..., "solution": ..., "messages": [...]}
next(world.pretraining())              Pretraining(task="rewrite", prompt="You are an expert ...", target="...")
"""

import gzip
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from random import Random
from typing import Any

from infra.nano.general import TASKS, Facts, Question, draw_facts, draw_question
from infra.nano.kinds import NEW, SEEN, Draw, Problem, draw, draw_opaque
from infra.nano.recipe import NanoConfig
from infra.nano.styles import OWN, expert, rewrite
from tasks.rows.prompts import general_prompt, question_prompt, rewriting_prompt

Row = dict[str, Any]


@dataclass(frozen=True)
class Pretraining:
    """One instruction-tuning row: `task` is solve, rewrite or general; `prompt` the user turn, `target` the answer."""

    task: str
    prompt: str
    target: str


class World:
    """Everything that follows from a configuration's seed. Nothing here needs torch."""

    def __init__(self, config: NanoConfig) -> None:
        self.config = config

    def _random(self, purpose: str) -> Random:
        return Random(f"nano/{self.config.seed}/{purpose}")

    @cached_property
    def facts(self) -> Facts:
        return draw_facts(self._random("facts"))

    @cached_property
    def _math(self) -> dict[str, list[Problem]]:
        """Problems of each benchmark and corpus, all texts different."""
        taken: set[str] = set()

        def distinct(name: str, rows: int, new_share: float) -> list[Problem]:
            r = self._random(name)
            problems: list[Problem] = []
            while len(problems) < rows:
                kinds: tuple[Draw, ...] = NEW if r.random() < new_share else SEEN
                problem = draw(r, kinds)
                if problem.question not in taken:
                    taken.add(problem.question)
                    problems.append(problem)
            return problems

        config = self.config
        return {
            "nano_seen_kinds": distinct("nano_seen_kinds", config.benchmark_rows, 0.0),
            "nano_new_kinds": distinct("nano_new_kinds", config.benchmark_rows, 1.0),
            "numinamath_cot": distinct("numinamath_cot", config.numinamath_rows, config.corpus_new_share),
            "open_math_reasoning": distinct("open_math_reasoning", config.openmath_rows, config.corpus_new_share),
        }

    @cached_property
    def _general(self) -> dict[str, list[Question]]:
        """Questions of each general benchmark; no question-and-options text twice."""
        taken: set[str] = set()
        benchmarks: dict[str, list[Question]] = {}
        for task in TASKS:
            r = self._random(f"nano_{task}")
            benchmarks[f"nano_{task}"] = []
            while len(benchmarks[f"nano_{task}"]) < self.config.benchmark_rows:
                question = draw_question(r, self.facts, task, held_out=True)
                if question.text not in taken:
                    taken.add(question.text)
                    benchmarks[f"nano_{task}"].append(question)
        return benchmarks

    @cached_property
    def benchmarks(self) -> dict[str, list[Row]]:
        """Rows of each benchmark: downstream {"id","question","answer"}, general with "options" (texts, A first)."""
        rows: dict[str, list[Row]] = {}
        for name in ("nano_seen_kinds", "nano_new_kinds"):
            rows[name] = [
                {"id": f"{name}/{i}", "question": p.question, "answer": str(p.answer)}
                for i, p in enumerate(self._math[name])
            ]
        for name, questions in self._general.items():
            rows[name] = [
                {"id": f"{name}/{i}", "question": q.question, "options": list(q.options), "answer": q.answer}
                for i, q in enumerate(questions)
            ]
        return rows

    @cached_property
    def held_out(self) -> frozenset[str]:
        """Texts that pretraining must not contain: of benchmarks and of corpora."""
        math = {p.question for problems in self._math.values() for p in problems}
        return frozenset(math | {q.text for questions in self._general.values() for q in questions})

    def experts(self, corpus: str) -> list[tuple[Problem, str]]:
        """Problems of a corpus, each with its expert solution."""
        r = self._random(f"{corpus}/solutions")
        return [(problem, expert(problem, r)) for problem in self._math[corpus]]

    def numinamath_cot(self) -> list[Row]:
        """The first corpus, in the schema of NuminaMath-CoT."""
        return [
            {
                "source": f"nano_{problem.kind}",
                "problem": problem.question,
                "solution": solution,
                "messages": [
                    {"content": problem.question, "role": "user"},
                    {"content": solution, "role": "assistant"},
                ],
            }
            for problem, solution in self.experts("numinamath_cot")
        ]

    def open_math_reasoning(self) -> list[Row]:
        """The second corpus, in the schema of OpenMathReasoning (its `cot` split)."""
        return [
            {
                "expected_answer": str(problem.answer),
                "problem_type": "has_answer_extracted",
                "problem_source": f"nano_{problem.kind}",
                "generation_model": "nano-expert",
                "pass_rate_72b_tir": "n/a",
                "problem": problem.question,
                "generated_solution": solution,
                "inference_mode": "cot",
                "used_in_kaggle": False,
            }
            for problem, solution in self.experts("open_math_reasoning")
        ]

    def pretraining(self) -> Iterator[Pretraining]:
        """Rows for instruction-tuning the base, without end."""
        r, config = self._random("pretraining"), self.config
        while True:
            draw_task = r.random()
            if draw_task >= config.solve_share + config.rewrite_share:
                question = draw_question(r, self.facts)
                if question.text not in self.held_out:
                    prompt = general_prompt(question.question, question.options_text)
                    yield Pretraining("general", prompt, question.target)
                continue
            rewriting = draw_task >= config.solve_share
            problem = draw_opaque(r) if rewriting and r.random() < config.opaque_share else draw(r, SEEN)
            if problem.question in self.held_out:
                continue
            if rewriting:
                solution = expert(problem, r)
                target = rewrite(problem, solution, r, config.own_share, config.careless_share, config.slip)
                yield Pretraining("rewrite", rewriting_prompt(problem.question, solution), target)
            else:
                target = OWN[r.choice(sorted(OWN))](problem)
                yield Pretraining("solve", question_prompt(problem.question), target)


def _write(path: Path, rows: Iterable[Row]) -> None:
    """Gzipped JSON lines, the same bytes for the same rows."""
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    path.write_bytes(gzip.compress(text.encode(), mtime=0))


def write_world(world: World, out: Path) -> None:
    """Write `out`/corpora and `out`/benchmarks."""
    (out / "corpora").mkdir(parents=True, exist_ok=True)
    (out / "benchmarks").mkdir(parents=True, exist_ok=True)
    _write(out / "corpora" / "numinamath_cot.jsonl.gz", world.numinamath_cot())
    _write(out / "corpora" / "open_math_reasoning.jsonl.gz", world.open_math_reasoning())
    for name, rows in world.benchmarks.items():
        _write(out / "benchmarks" / f"{name}.jsonl.gz", rows)
