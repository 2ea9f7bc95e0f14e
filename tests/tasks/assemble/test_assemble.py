"""Every row of the split has exactly one target, and says where it comes from (eq. 14, Appendix D)."""

from pathlib import Path
from typing import Any

import pytest

from tasks.assemble.assemble import AssembleConfig, assemble
from tasks.rows.jsonl import Row, RowError, read_rows, write_rows


def verdict(row_id: str, passed: bool, answer: str = "correct") -> Row:
    return {"id": row_id, "passed": passed, "answer": {"verdict": answer if passed else "wrong"}, "reasoning": None}


def text(row_id: str, text: str, finished: bool = True) -> Row:
    return {"id": row_id, "text": text, "finished": finished, "tokens": 3}


class Folders:
    """Artifacts' folders with the rows a test gives them."""

    def __init__(self, root: Path) -> None:
        self.root, self.count = root, 0

    def __call__(self, name: str, rows: list[Row]) -> Path:
        self.count += 1
        (folder := self.root / str(self.count)).mkdir()
        write_rows(folder / name, rows)
        return folder


@pytest.fixture
def folder(tmp_path: Path) -> Folders:
    return Folders(tmp_path)


def run(folder: Folders, fallback: bool = True, **inputs: Any) -> tuple[Any, dict[str, Row]]:
    split = [{"id": one, "question": f"{one}?", "solution": f"expert {one}"} for one in "abc"]
    out = folder("nothing", [])
    metrics = assemble.plain(AssembleConfig(fallback=fallback), out, rows=folder("rows.jsonl", split), **inputs)
    return metrics, {row["id"]: row for row in read_rows(out / "rows.jsonl")}


def test_without_rewrites_every_target_is_the_experts(folder: Folders) -> None:
    metrics, rows = run(folder)
    assert [row["target"] for row in rows.values()] == ["expert a", "expert b", "expert c"]
    assert metrics["kinds"] == {"expert": 3}
    assert all(row["fallback_reason"] is None for row in rows.values())


def rewrites(folder: Folders) -> dict[str, Any]:
    return {
        "rewrites": {
            "000": folder("rewrites.jsonl", [text("b", "rewritten b"), text("a", "rewritten a")]),
            "001": folder("rewrites.jsonl", [text("c", "rewritten c", finished=False)]),
        },
        "rewrite_verdicts": {
            "000": folder("verdicts.jsonl", [verdict("a", True), verdict("b", False)]),
            "001": folder("verdicts.jsonl", [verdict("c", False)]),
        },
    }


def test_a_rewrite_that_passes_is_the_target_and_the_others_fall_back_with_their_reason(folder: Folders) -> None:
    metrics, rows = run(folder, **rewrites(folder))
    assert [row["target"] for row in rows.values()] == ["rewritten a", "expert b", "expert c"]
    assert [row["kind"] for row in rows.values()] == ["rewrite", "expert", "expert"]
    assert [row["fallback_reason"] for row in rows.values()] == [None, "wrong", "cut off"]
    assert (metrics["yield_passed"], metrics["yield_of"]) == (1, 3)


def test_success_only_leaves_out_what_would_fall_back(folder: Folders) -> None:
    _, rows = run(folder, fallback=False, **rewrites(folder))
    assert set(rows) == {"a"}


def test_mind_the_gap_keeps_a_self_solution_before_a_rewrite(folder: Folders) -> None:
    solved = {
        "self_solutions": {"000": folder("rewrites.jsonl", [text(one, f"solved {one}") for one in "abc"])},
        "self_verdicts": {
            "000": folder("verdicts.jsonl", [verdict("a", False), verdict("b", True), verdict("c", False)])
        },
    }
    _, rows = run(folder, **rewrites(folder), **solved)
    assert [row["target"] for row in rows.values()] == ["rewritten a", "solved b", "expert c"]
    assert [row["kind"] for row in rows.values()] == ["rewrite", "self_solution", "expert"]


def test_a_row_without_a_verdict_is_an_error_that_names_it(folder: Folders) -> None:
    inputs = rewrites(folder) | {"rewrite_verdicts": {"000": folder("verdicts.jsonl", [verdict("a", True)])}}
    with pytest.raises(RowError, match=r"row b: field 'id': no verdict"):
        run(folder, **inputs)


def test_a_row_twice_over_the_shards_is_an_error(folder: Folders) -> None:
    inputs = rewrites(folder)
    inputs["rewrites"]["002"] = folder("rewrites.jsonl", [text("a", "again")])
    with pytest.raises(RowError, match="appears twice"):
        run(folder, **inputs)


def test_a_row_whose_prompt_was_set_aside_falls_back_and_says_why(folder: Folders) -> None:
    short = folder("rewrites.jsonl", [text("a", "rewritten a")])
    write_rows(
        short / "quarantine.jsonl",
        [
            {"id": "b", "reason": "3012 tokens, 2048 allowed"},
            {"id": "c", "reason": "holds the special token <|end|>"},
        ],
    )
    inputs = {"rewrites": {"000": short}, "rewrite_verdicts": {"000": folder("verdicts.jsonl", [verdict("a", True)])}}
    _, rows = run(folder, **inputs)
    assert [row["fallback_reason"] for row in rows.values()] == [None, "prompt too long", "special token"]
