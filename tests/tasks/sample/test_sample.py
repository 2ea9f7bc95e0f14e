"""The draw depends on ids and the seed alone, and leaves out what may not be trained on."""

import random
from pathlib import Path
from typing import Any

import pytest

from tasks.rows.jsonl import Row, read_rows, write_rows
from tasks.sample.sample import SampleConfig, TooFewRows, sample
from tests.conftest import ROOT

TOKENIZERS = {"this": ROOT / "infra" / "nano" / "model"}


def rows_of(name: str, count: int) -> list[Row]:
    return [
        {"id": f"{name}/{number}", "question": f"What is {name} {number} + 1?", "solution": f"It is {number + 1}."}
        for number in range(count)
    ]


def drawn(tmp_path: Path, corpora: dict[str, list[Row]], benchmark: list[Row] = [], **settings: Any) -> Any:  # noqa: B006
    folders = {}
    for name, rows in corpora.items():
        (folder := tmp_path / f"{random.random()}").mkdir()
        write_rows(folder / "rows.jsonl", rows)
        folders[name] = folder
    (tests := tmp_path / f"{random.random()}").mkdir()
    write_rows(tests / "questions.jsonl", benchmark)
    (out := tmp_path / f"{random.random()}").mkdir()
    metrics = sample.plain(SampleConfig(**settings), out, corpora=folders, tokenizers=TOKENIZERS, benchmarks=tests)
    return metrics, list(read_rows(out / "rows.jsonl"))


def test_the_order_of_files_and_rows_does_not_matter(tmp_path: Path) -> None:
    a, b = rows_of("a", 30), rows_of("b", 30)
    _, first = drawn(tmp_path, {"a": a, "b": b}, rows=20)
    _, second = drawn(tmp_path, {"b": b[::-1], "a": a[::-1]}, rows=20)
    assert first == second
    assert {row["id"].split("/")[0] for row in first} == {"a", "b"}


def test_another_seed_draws_other_rows(tmp_path: Path) -> None:
    rows = {"a": rows_of("a", 200)}
    ids = [{row["id"] for row in drawn(tmp_path, rows, rows=50, seed=seed)[1]} for seed in (0, 1)]
    assert len(ids[0] & ids[1]) < 30


def test_a_smaller_sample_is_the_beginning_of_a_larger_one(tmp_path: Path) -> None:
    rows = {"a": rows_of("a", 50)}
    assert drawn(tmp_path, rows, rows=10)[1] == drawn(tmp_path, rows, rows=40)[1][:10]


def test_overlong_rows_are_left_out_and_counted_never_cut(tmp_path: Path) -> None:
    long = {"id": "a/long", "question": "What?", "solution": "one " * 500}
    metrics, rows = drawn(tmp_path, {"a": [*rows_of("a", 5), long]}, rows=10, max_tokens=100)
    assert metrics["overlong"] == 1
    assert all(row["tokens"] <= 100 for row in rows)
    assert [row for row in rows if row["id"] == "a/long"] == []


def test_a_benchmarks_questions_are_never_trained_on(tmp_path: Path) -> None:
    short = rows_of("a", 5)
    long = [row | {"id": f"{row['id']}/long", "question": row["question"] + " Explain every step."} for row in short]
    tested = [{"question": row["question"].upper().replace(" ", "  ")} for row in (short[2], long[3])]
    metrics, kept = drawn(tmp_path, {"a": [*short, *long]}, tested, rows=20)
    assert metrics["in_a_benchmark"] == 1, "questions of a few words meet by chance and are kept"
    assert {row["id"] for row in [*short, *long]} - {row["id"] for row in kept} == {long[3]["id"]}


@pytest.mark.parametrize(
    ("training", "benchmark", "left_out"),
    [
        ("已知函数的图像经过点,求它的最小值和对称轴。", "已知函数的图像经过点,求它的最小值和对称轴。", 1),
        ("Найдите сумму всех корней данного уравнения.", "Найдите  сумму всех корней данного уравнения", 1),
        ("أوجد مجموع جميع الأعداد الصحيحة الموجبة.", "أوجد مجموع جميع الأعداد الصحيحة الموجبة.", 1),
        (
            "小明有 12 个苹果, a_1=1, b_1=22222, c_1=333333, 几天?",
            "火车行 12 公里, a_1=1, b_1=22222, c_1=333333, 多少?",
            0,
        ),
        ("Find all real solutions of x^2 + 5x + 6 = 0.", "Find all real solutions of x^2 - 5x - 6 = 0.", 0),
        ("A rope is 1.25 metres long; how long are 4?", "A rope is 12.5 metres long; how long are 4?", 0),
    ],
)
def test_questions_of_any_script_are_compared_with_their_signs(
    tmp_path: Path, training: str, benchmark: str, left_out: int
) -> None:
    row = {"id": "a/asked", "question": training, "solution": "It is 7."}
    metrics, _ = drawn(tmp_path, {"a": [*rows_of("a", 3), row]}, [{"question": benchmark}], rows=9)
    assert metrics.get("in_a_benchmark", 0) == left_out


def test_an_empty_pool_is_an_error_that_counts_why(tmp_path: Path) -> None:
    with pytest.raises(TooFewRows, match="overlong"):
        drawn(tmp_path, {"a": [{"id": "a/1", "question": "What?", "solution": "one " * 500}]}, rows=1, max_tokens=20)
