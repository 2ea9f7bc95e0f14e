"""Benchmark questions are found though something stands around them; others that share a few words are only listed."""

import re
from pathlib import Path
from typing import Any

import pytest

from tasks.evaluate.benchmark import rows as rows_of_benchmark
from tasks.evaluate.config import PAPER_MATH
from tasks.rows.jsonl import Row, read_rows
from tasks.sample.overlap import BenchmarkQuestions, counted
from tests.tasks.sample.test_sample import drawn, rows_of

ASKED = (
    "A baker sells 12 loaves in the morning and twice as many in the afternoon. Each loaf costs 3 dollars and every "
    "fourth customer gets a discount of 1 dollar. How much does the baker earn in one day?"
)
CHINESE = "小明有十二个苹果,他每天吃掉三个,同时妈妈每两天再给他买一个新的苹果,请问几天以后他的苹果会全部吃完?"
TESTED = [{"id": "7", "benchmark": "loaves", "question": ASKED}, {"id": "8", "benchmark": "zh", "question": CHINESE}]


@pytest.mark.parametrize(
    ("question", "partner", "reason"),
    [
        (f"3. {ASKED} Show your work.", "7", "13-gram"),
        (f"Problem 5: {ASKED.upper()}", "7", "13-gram"),
        (f"Answer in one line.\n{ASKED}", "7", "13-gram"),
        (ASKED.replace(" ", "  "), "7", "the same question"),
        (f"请看题:{CHINESE}", "8", "13-gram"),
    ],
)
def test_what_stands_around_a_question_does_not_hide_it(question: str, partner: str, reason: str) -> None:
    found = BenchmarkQuestions(TESTED, 0.8).overlap(question)
    assert found is not None
    assert (found.left_out, found.partner, found.reason, found.score) == (True, partner, reason, 1.0)


def test_a_question_that_shares_a_sentence_is_listed_and_kept() -> None:
    other = "A baker sells 12 loaves in the morning and twice as many in the afternoon. How many loaves is that?"
    found = BenchmarkQuestions(TESTED, 0.8).overlap(other)
    assert found is not None and not found.left_out and 0 < found.score < 0.5
    assert BenchmarkQuestions(TESTED, None).overlap(other) is None
    assert (
        BenchmarkQuestions(TESTED, 0.8).overlap("A baker sells rolls. How many rolls does the baker sell in one day?")
        is None
    )
    assert BenchmarkQuestions([], 0.8).overlap(other) is None


def overlapping(tmp_path: Path, **settings: Any) -> tuple[Any, list[Row], Path]:
    hidden = {"id": "a/hidden", "question": f"3. {ASKED} Show it.", "solution": "It is 7."}
    alike = {"id": "a/alike", "question": f"{ASKED[:140]} What then?", "solution": "It is 8."}
    metrics, rows = drawn(tmp_path, {"a": [*rows_of("a", 3), hidden, alike]}, TESTED, rows=9, **settings)
    return metrics, rows, next(tmp_path.rglob("overlaps.jsonl"), tmp_path)


def test_a_sample_leaves_out_what_holds_a_benchmarks_question_and_says_which(tmp_path: Path) -> None:
    metrics, rows, listed = overlapping(tmp_path)
    assert {row["id"] for row in rows} == {"a/0", "a/1", "a/2", "a/alike"}
    found = {row["id"]: (row["left_out"], row["benchmark"], row["partner"]) for row in read_rows(listed)}
    assert found == {"a/hidden": (True, "loaves", "7"), "a/alike": (False, "loaves", "7")}
    assert metrics["shares_most_words_with_a_benchmark"] == 1
    assert (metrics["13_gram_share_0.25"], metrics["13_gram_share_1.0"]) == (2, 1)


def test_without_the_rule_nothing_is_left_out_or_listed(tmp_path: Path) -> None:
    _, rows, listed = overlapping(tmp_path, overlap=None)
    assert len(rows) == 5 and listed == tmp_path


@pytest.fixture(scope="module")
def public_questions(data_folder: Path) -> list[str]:
    """NuminaMath-CoT's two public parts: 14,973 questions."""
    return [row["problem"] for row in read_rows(data_folder / "corpora" / "numinamath_cot_subset.jsonl.gz")]


def test_the_shared_corpora_show_what_the_readme_of_the_data_lists(
    data_folder: Path, public_questions: list[str]
) -> None:
    def asked(row: Row) -> str:
        return str(row.get("problem") or row.get("Problem") or row.get("question"))

    questions = [
        {"id": str(number), "benchmark": path.name.split(".")[0], "question": asked(row)}
        for path in sorted((data_folder / "benchmarks").glob("m*.gz"))
        for number, row in enumerate(read_rows(path))
    ]
    tested = BenchmarkQuestions(questions, None)
    found = [tested.overlap(text) for text in public_questions]
    assert sum(one is not None for one in found) >= 71, "MMLU's alone"
    near = BenchmarkQuestions(questions[:50], 0.8)
    hidden = [near.overlap(f"3. {row['question']} Explain every step.") for row in questions[:50]]
    assert sum(one is not None and one.left_out for one in hidden) >= 40, "those of 13 words and more"


def test_360_rows_share_13_words_with_a_question_of_the_paper_and_are_not_the_same(
    data_folder: Path, public_questions: list[str]
) -> None:
    """364 share 13 words. Four are the same question where letters and digits alone count; two of these differ in a
    sign, and are listed with the 360. (Its three general benchmarks, whose MMLU has no mathematics, share none.)"""
    questions = [
        {"benchmark": name} | row for name in PAPER_MATH for row in rows_of_benchmark(name, data_folder / "benchmarks")
    ]
    asked = {(row["benchmark"], row["id"]): row["question"] for row in questions}
    tested = BenchmarkQuestions(questions, 0.8)
    found = [(text, one) for text in public_questions if (one := tested.overlap(text)) is not None]
    counts = counted([one._asdict() for _, one in found])
    assert (counts["in_a_benchmark"], counts["shares_13_words_with_a_benchmark"]) == (2, 362)

    def letters(text: str) -> str:
        return re.sub("[^a-z0-9]", "", text.lower())

    same = [one for text, one in found if letters(text) == letters(asked[one.benchmark, one.partner])]
    assert len(found) - len(same) == 360
    assert sorted(one.benchmark for one in same) == ["agieval_math", "agieval_math", "agieval_math", "math500"]
