"""The parts of a split share no row, and the agent sees only rows that can be verified."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.rows.jsonl import read_rows, write_rows
from tasks.sample.sample import TooFewRows
from tasks.split.split import Part, SplitConfig, split

PARTS: tuple[Part, ...] = ("agent", "held_out", "sft")


def parts(folder: Path, verifiable: list[bool], **sizes: int) -> dict[Part, list[str]]:
    rows = [
        {"id": str(number), "question": f"What is {number}?", "verifiable": able}
        for number, able in enumerate(verifiable)
    ]
    write_rows(folder / "rows.jsonl", rows)
    found: dict[Part, list[str]] = {}
    for part in PARTS:
        (out := folder / part).mkdir(exist_ok=True)
        split.plain(SplitConfig(part=part, **sizes), out, sample=folder)
        found[part] = [row["id"] for row in read_rows(out / "rows.jsonl")]
    return found


@settings(max_examples=25)
@given(st.lists(st.booleans(), min_size=30, max_size=60), st.integers(1, 10), st.integers(1, 5))
def test_no_row_is_in_two_parts(
    tmp_path_factory: pytest.TempPathFactory, able: list[bool], sft: int, held: int
) -> None:
    able[-10:] = [True] * 10
    found = parts(tmp_path_factory.mktemp("split"), able, sft_rows=sft, held_out_rows=held, agent_rows=30)
    together = [row for part in found.values() for row in part]
    assert len(together) == len(set(together))
    assert len(found["sft"]) == sft
    assert len(found["held_out"]) == held
    assert all(able[int(row)] for part in ("agent", "held_out") for row in found[part])  # type: ignore[index]


def test_held_out_rows_stay_the_same_when_the_agent_gets_fewer(tmp_path: Path) -> None:
    sizes = {"sft_rows": 5, "held_out_rows": 4}
    many = parts(tmp_path, [True] * 30, agent_rows=20, **sizes)
    few = parts(tmp_path, [True] * 30, agent_rows=10, **sizes)
    assert many["held_out"] == few["held_out"]
    assert many["agent"][:6] == few["agent"]


def test_a_held_out_question_is_asked_nowhere_in_the_agents_rows(tmp_path: Path) -> None:
    questions = ["sft", "held out", "Held  out!", "another", "and another"]
    rows = [{"id": str(n), "question": text, "verifiable": True} for n, text in enumerate(questions)]
    write_rows(tmp_path / "rows.jsonl", rows)
    sizes = {"sft_rows": 1, "held_out_rows": 1, "agent_rows": 9}
    (out := tmp_path / "agent").mkdir()
    metrics = split.plain(SplitConfig(part="agent", **sizes), out, sample=tmp_path)
    assert [row["id"] for row in read_rows(out / "rows.jsonl")] == ["3", "4"]
    assert metrics["held_out_questions_left_out"] == 1


def test_several_solutions_of_a_question_stand_in_one_part(tmp_path: Path) -> None:
    rows = [
        {"id": f"{question}/{solution}", "question": f"What is {question} + 1?", "verifiable": True}
        for solution in range(4)
        for question in range(20)
    ]
    write_rows(tmp_path / "rows.jsonl", rows)
    asked = {}
    for part in PARTS:
        (out := tmp_path / part).mkdir()
        split.plain(SplitConfig(part=part, sft_rows=30, held_out_rows=3, agent_rows=30), out, sample=tmp_path)
        asked[part] = {row["id"].split("/")[0] for row in read_rows(out / "rows.jsonl")}
    assert asked["sft"].isdisjoint(asked["agent"] | asked["held_out"]) and asked["held_out"].isdisjoint(asked["agent"])
    assert [len(asked[part]) for part in PARTS] == [11, 1, 8], "30 rows answer 8 questions, 3 rows answer one"


def test_questions_of_any_script_are_told_apart(tmp_path: Path) -> None:
    words = ["сумму", "разность", "корень", "площадь", "объём", "угол", "длину", "высоту"]
    rows = [{"id": word, "question": f"Найдите {word}.", "verifiable": True} for word in words]
    write_rows(tmp_path / "rows.jsonl", rows)
    (out := tmp_path / "agent").mkdir()
    config = SplitConfig(part="agent", sft_rows=2, held_out_rows=1, agent_rows=9)
    assert split.plain(config, out, sample=tmp_path)["rows"] == 5


def test_a_sample_that_does_not_fill_the_parts_is_an_error_with_the_sizes(tmp_path: Path) -> None:
    with pytest.raises(TooFewRows, match="a sample of 10 rows gives"):
        parts(tmp_path, [True] * 10, sft_rows=20, held_out_rows=1, agent_rows=5)
