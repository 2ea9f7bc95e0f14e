"""General rows stand beside the targets, with their own answers or with those of pi_0 that passed."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from flows.experiment import load_experiment
from flows.general_rows import ReplayConfig
from infra.nano.general_rows import OUT, rows
from infra.nano.recipe import NanoConfig
from infra.nano.world import World
from tasks.mix.mix import MixConfig, mix
from tasks.rows.jsonl import Row, RowError, read_rows, write_rows


def _folder(root: Path, name: str, lines: list[Row]) -> Path:
    folder = root / f"{name}-{len(list(root.iterdir()))}"
    folder.mkdir()
    write_rows(folder / name, lines)
    return folder


def _general(names: str = "abcd") -> list[Row]:
    return [
        {"id": f"general/{one}", "question": f"{one}?", "solution": f"its {one}", "domain": "general/1"}
        for one in names
    ]


def _run(root: Path, wanted: int, general: list[Row], **given: list[Row]) -> tuple[Any, list[Row]]:
    out = _folder(root, "out", [])
    dataset = [{"id": "r/1", "question": "1+1?", "target": "2", "kind": "expert"}]
    inputs: dict[str, Any] = {}
    if "answers" in given:
        inputs["answers"] = {"000": _folder(root, "rewrites.jsonl", given["answers"])}
    if "verdicts" in given:
        inputs["verdicts"] = {"000": _folder(root, "verdicts.jsonl", given["verdicts"])}
    where = {"dataset": _folder(root, "rows.jsonl", dataset), "general": _folder(root, "rows.jsonl", general)}
    metrics = mix.plain(MixConfig(rows=wanted), out, **where, **inputs)
    return metrics, list(read_rows(out / "rows.jsonl"))


def _answers() -> list[Row]:
    return [{"id": f"general/{one}", "text": f"own {one}", "finished": one != "b", "tokens": 2} for one in "abcd"]


def test_so_many_general_rows_stand_behind_the_targets(tmp_path: Path) -> None:
    metrics, found = _run(tmp_path, 3, _general())
    assert metrics == {"rows": 4, "replayed": 3, "wanted": 3}
    assert [row["target"] for row in found] == ["2", "its a", "its b", "its c"]
    assert {(row["kind"], row["domain"]) for row in found[1:]} == {("replay", "general/1")}


def test_own_answers_that_were_cut_off_or_failed_are_left_out(tmp_path: Path) -> None:
    verdicts = [{"id": f"general/{one}", "passed": one != "c"} for one in "abcd"]
    metrics, found = _run(tmp_path, 3, _general(), answers=_answers(), verdicts=verdicts)
    assert [row["target"] for row in found[1:]] == ["own a", "own d"]
    assert {row["kind"] for row in found[1:]} == {"own_answer"} and metrics["replayed"] == 2 < metrics["wanted"]
    _, found = _run(tmp_path, 3, _general(), answers=_answers())
    assert [row["target"] for row in found[1:]] == ["own a", "own c", "own d"], "without a gate, what came to its end"


def test_what_cannot_be_mixed_is_named(tmp_path: Path) -> None:
    with pytest.raises(RowError, match=r"row r/1: field 'id': is in the dataset too"):
        _run(tmp_path, 1, [{"id": "r/1", "question": "?", "solution": "s"}])
    with pytest.raises(RowError, match="no verdict for this row"):
        _run(tmp_path, 1, _general(), answers=_answers(), verdicts=[{"id": "general/b", "passed": True}])
    with pytest.raises(ValueError, match="no answer that ended"):
        _run(tmp_path, 1, _general("b"), answers=_answers())


def test_nanos_general_rows_are_those_of_its_instruction_tuning_and_of_no_benchmark() -> None:
    world = World(NanoConfig())
    made = rows(world)
    with gzip.open(OUT, "rt", encoding="utf-8") as file:
        assert [json.loads(line) for line in file] == made
    assert len({row["question"] for row in made}) == 800
    assert not any(text in row["question"] for row in made for text in world.held_out)


def test_a_file_of_ones_own_is_asked_as_it_stands() -> None:
    asked = load_experiment("Llama-3.2-1B-Instruct", {"replay.path": "general.jsonl"}).replay
    assert asked is not None and asked.gate is None
    read = asked.reading()
    assert (read.name, read.domain) == ("general", "general") and not isinstance(read, ReplayConfig)
    nano = load_experiment("nano").replay
    assert nano is not None and nano.reading().verifier == "multiple_choice"
