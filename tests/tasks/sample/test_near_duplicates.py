"""Rows that say nearly the same are found among thousands; which one stays depends on the draw alone."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.rows.jsonl import Row, read_rows
from tasks.sample.near_duplicates import LEAST, NearDuplicates, counted, shingles
from tests.tasks.sample.test_sample import drawn, rows_of

LONG = (
    "Tom buys three red pens and two blue notebooks in the shop on the corner, pays with a note of twenty and asks how "
    "much change he will get back if each pen costs two dollars and each notebook costs four."
)
SOLVED = (
    "Pens cost 3 times 2, which is 6. Notebooks cost 2 times 4, which is 8. Together 14, so the change is 20 - 14 = 6."
)


def row(name: str, question: str, solution: str = SOLVED) -> Row:
    return {"id": name, "question": question, "solution": solution}


def jaccard(a: Row, b: Row) -> float:
    one, other = (set(shingles(f"{each['question']}\n{each['solution']}")) for each in (a, b))
    return len(one & other) / len(one | other)


def test_a_copy_with_another_word_is_left_out_and_another_solution_is_not() -> None:
    known = NearDuplicates(0.8)
    assert known.near(row("a", LONG)) is None
    copied = known.near(row("b", LONG.replace("red", "green")))
    assert copied is not None and copied.left_out and copied.partner == "a"
    assert copied.score == pytest.approx(jaccard(row("a", LONG), row("b", LONG.replace("red", "green"))), abs=0.12)
    other = known.near(row("c", LONG, "Let x be what is left; then x + 3 * 2 + 2 * 4 = 20, from which x = 6 follows."))
    assert other is None or not other.left_out, "a question may be solved in several ways"


def test_of_a_chain_the_first_of_the_draw_stays() -> None:
    """b is like a, c like b, c hardly like a: the pairs that chain them are found though b is left out."""
    words = LONG.split()
    texts = [" ".join([*words[: 6 * n], *(["instead"] * 2 if n else []), *words[6 * n :]]) for n in range(3)]
    known = NearDuplicates(0.6)
    found = [known.near(row(str(n), text)) for n, text in enumerate(texts)]
    assert found[0] is None and all(one is not None and one.left_out for one in found[1:])


@settings(max_examples=40)
@given(st.lists(st.integers(0, 30), min_size=30, max_size=60), st.integers(0, 59), st.integers(0, 8))
def test_the_estimate_is_near_the_similarity(numbers: list[int], at: int, count: int) -> None:
    said = [f"w{number}" for number in numbers]
    changed = [*said[: at % len(said)], *(f"n{n}" for n in range(count)), *said[at % len(said) + count :]]
    a, b = (row(name, " ".join(text), "") for name, text in (("a", said), ("b", changed)))
    known = NearDuplicates(0.5)
    known.near(a)
    found, true = known.near(b), jaccard(a, b)
    if found is None:
        assert true < LEAST + 0.25, "what is alike is found"
    else:
        assert found.score == pytest.approx(true, abs=0.16), "five standard errors at a half"


def test_a_sample_leaves_them_out_lists_them_and_counts_what_each_threshold_would(tmp_path: Path) -> None:
    same = [row("a/one", LONG), row("a/two", LONG.replace("red", "green")), row("b/three", LONG + " Show it.")]
    corpora = {"a": [*rows_of("a", 4), *same[:2]], "b": [*rows_of("b", 4), same[2]]}
    metrics, rows = drawn(tmp_path, corpora, rows=100, near_duplicates=0.6)
    kept = {one["id"] for one in rows} & {one["id"] for one in same}
    assert len(kept) == 1 and metrics["near_duplicates"] == 2, "across corpora too"
    listed = list(read_rows(next(tmp_path.rglob("near_duplicates.jsonl"))))
    assert {one["id"] for one in listed if one["left_out"]} | kept == {one["id"] for one in same}
    assert all(one["reason"] == "near duplicate" and 0.6 <= one["score"] <= 1 and one["partner"] for one in listed)
    assert drawn(tmp_path, corpora, rows=100, near_duplicates=0.6) == (metrics, rows), "the same rows and scores again"
    metrics, rows = drawn(tmp_path, corpora, rows=100, near_duplicates=None)
    assert len(rows) == 11 and "near_duplicates_listed" not in metrics
    metrics, rows = drawn(tmp_path, corpora, rows=100, near_duplicates=1)
    assert len(rows) == 11 and metrics["near_duplicates_listed"] == 2 and "near_duplicates" not in metrics


def test_thresholds_are_counted_of_what_was_listed() -> None:
    found = [{"left_out": score >= 0.8, "score": score} for score in (0.55, 0.65, 0.85, 1.0)]
    assert counted(found) == {
        "near_duplicates": 2,
        "near_duplicates_listed": 4,
        "near_duplicates_at_0.6": 3,
        "near_duplicates_at_0.7": 2,
        "near_duplicates_at_0.8": 2,
        "near_duplicates_at_0.9": 1,
        "near_duplicates_at_1": 1,
    }
    assert counted([]) == {}


def test_the_near_duplicates_of_real_rationales_are_found(data_folder: Path) -> None:
    """The table of docs/your_data.md."""
    file = data_folder / "corpora" / "aqua_rat_train_cot.jsonl.gz"
    rows = {(one["question"], one["chain_of_thought"]): None for one in read_rows(file)}
    known = NearDuplicates(0.8)
    found = [known.near(row(str(n), *texts)) for n, texts in enumerate(rows)]
    counts = counted([one._asdict() for one in found if one is not None])
    assert (counts["near_duplicates"], counts["near_duplicates_at_0.9"], counts["near_duplicates_at_1"]) == (72, 8, 3)
