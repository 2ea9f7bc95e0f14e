"""Every row of the split has exactly one target, and says where it comes from (eq. 14, Appendix D)."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import maximum_bipartite_matching

from tasks.assemble.assemble import AssembleConfig, assemble
from tasks.assemble.matched import NothingMatches, Text, as_large, matched, paired
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


def run(folder: Folders, config: AssembleConfig | None = None, **inputs: Any) -> tuple[Any, dict[str, Row]]:
    split = [{"id": one, "question": f"{one}?", "solution": f"expert {one}"} for one in "abc"]
    out = folder("nothing", [])
    metrics = assemble.plain(config or AssembleConfig(), out, rows=folder("rows.jsonl", split), **inputs)
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
    _, rows = run(folder, AssembleConfig(fallback=False), **rewrites(folder))
    assert set(rows) == {"a"}
    assert rows["a"]["target"] == "rewritten a"


def test_the_control_of_success_only_has_its_rows_with_the_experts_text(folder: Folders) -> None:
    metrics, rows = run(folder, AssembleConfig(fallback=False, text="expert"), **rewrites(folder))
    assert {key: (row["target"], row["kind"]) for key, row in rows.items()} == {"a": ("expert a", "expert")}
    assert metrics["yield_passed"] == 1, "the yield is of the rewrites, whatever is trained on"
    with pytest.raises(ValidationError, match="plain SFT"):
        AssembleConfig(text="expert")


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


def test_self_sft_is_the_rows_that_the_backbone_solves(folder: Folders) -> None:
    passed = {"a": True, "b": False, "c": True}
    solved = {
        "self_solutions": {"000": folder("rewrites.jsonl", [text(one, f"solved {one}") for one in "abc"])},
        "self_verdicts": {"000": folder("verdicts.jsonl", [verdict(key, ok) for key, ok in passed.items()])},
    }
    metrics, rows = run(folder, AssembleConfig(fallback=False), **solved)
    assert {key: row["target"] for key, row in rows.items()} == {"a": "solved a", "c": "solved c"}
    assert metrics["fallback_reasons"] == {"wrong": 1} and "yield" not in metrics


def samples(folder: Folders, nll: dict[str, dict[str, float]] | None) -> dict[str, Any]:
    """Two samples in two shards each; of row a both pass, of b the second, of c none."""
    passed = {"00": {"a": True, "b": False, "c": False}, "01": {"a": True, "b": True, "c": False}}
    given: dict[str, dict[str, Path]] = {"rewrites": {}, "rewrite_verdicts": {}, "rewrite_nll": {}}
    for sample, of in passed.items():
        for shard, ids in (("000", "ab"), ("001", "c")):
            name = f"{sample}-{shard}"
            given["rewrites"][name] = folder("rewrites.jsonl", [text(one, f"{sample} of {one}") for one in ids])
            given["rewrite_verdicts"][name] = folder("verdicts.jsonl", [verdict(one, of[one]) for one in ids])
            if nll is not None:
                scores = [{"id": one, "nll": nll[sample][one], "tokens": 3} for one in ids if one in nll[sample]]
                given["rewrite_nll"][name] = folder("scores.jsonl", scores)
    return given


def test_of_several_samples_the_likeliest_that_passes_is_the_target(folder: Folders) -> None:
    nll = {"00": {"a": 0.9, "b": 0.1, "c": 0.1}, "01": {"a": 0.4, "b": 0.8, "c": 0.2}}
    metrics, rows = run(folder, **samples(folder, nll))
    assert [row["target"] for row in rows.values()] == ["01 of a", "01 of b", "expert c"]
    assert (metrics["yield_passed"], metrics["yield_of"]) == (2, 3)
    _, rows = run(folder, **samples(folder, {"00": nll["00"], "01": {}}))
    assert rows["a"]["target"] == "00 of a", "a text that could not be scored goes last"
    _, rows = run(folder, **samples(folder, None))
    assert [row["target"] for row in rows.values()] == ["00 of a", "01 of b", "expert c"], "without NLL the first"


def test_of_several_samples_the_one_that_adds_most_to_their_diversity_may_be_the_target(folder: Folders) -> None:
    added = [{"id": "a", "sample": "00", "contribution": 0.1}, {"id": "a", "sample": "01", "contribution": 0.2}]
    added += [{"id": "b", "sample": "01", "contribution": 0.0}]
    _, rows = run(folder, **samples(folder, None), rewrite_diversity=folder("contributions.jsonl", added))
    assert [row["target"] for row in rows.values()] == ["01 of a", "01 of b", "expert c"]
    added[1]["contribution"] = 0.1
    _, rows = run(folder, **samples(folder, None), rewrite_diversity=folder("contributions.jsonl", added))
    assert rows["a"]["target"] == "00 of a", "of two that add the same the first"


def test_of_several_samples_all_that_pass_and_differ_may_be_kept(folder: Folders) -> None:
    metrics, rows = run(folder, AssembleConfig(keep=8), **samples(folder, None))
    expected = {"a": "00 of a", "a/2": "01 of a", "b": "01 of b", "c": "expert c"}
    assert {key: row["target"] for key, row in rows.items()} == expected
    assert metrics["kinds"] == {"rewrite": 3, "expert": 1} and metrics["yield_passed"] == 2
    assert {row["question"] for key, row in rows.items() if key.startswith("a")} == {"a?"}
    inputs = samples(folder, None)
    inputs["rewrites"]["01-000"] = folder("rewrites.jsonl", [text("a", "00 of a"), text("b", "01 of b")])
    _, rows = run(folder, AssembleConfig(keep=8), **inputs)
    assert set(rows) == {"a", "b", "c"}, "the same text twice is one target"


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


LENGTHS = {"a": (41.0, 40.0), "b": (40.0, 44.5), "c": (36.0, 40.0)}


@pytest.mark.parametrize("text", ["passing", "expert"])
def test_arms_matched_in_length_train_on_the_same_rows_where_the_two_texts_are_as_long(
    folder: Folders, text: Text
) -> None:
    passing, expert = (
        folder("scores.jsonl", [{"id": one, "nll": 1.0, "tokens": of[arm]} for one, of in LENGTHS.items()])
        for arm in (0, 1)
    )
    config = AssembleConfig(fallback=False, text=text, match="length")
    made = rewrites(folder) | {"passing_nll": passing, "expert_nll": expert}
    made["rewrite_verdicts"] = {"000": folder("verdicts.jsonl", [verdict(one, True) for one in "abc"])}
    _, rows = run(folder, config, **made)
    kind = "expert" if text == "expert" else "rewrite"
    assert {key: row["kind"] for key, row in rows.items()} == dict.fromkeys("ac", kind)


def test_an_arm_is_matched_only_without_fallback_and_names_what_matches_nothing(folder: Folders) -> None:
    with pytest.raises(ValidationError, match="match nll is of rows whose rewrite passes"):
        AssembleConfig(match="nll")
    far = [folder("scores.jsonl", [{"id": "a", "nll": nll, "tokens": 9}]) for nll in (0.2, 1.6)]
    with pytest.raises(NothingMatches, match="of 1 rows that pass none is as large"):
        matched("nll", "passing", *far)


sizes = st.lists(st.floats(0.05, 3), min_size=1, max_size=12)


@given(sizes, sizes)
def test_pairs_of_equal_nll_are_as_many_as_there_can_be(first: list[float], second: list[float]) -> None:
    ours, theirs = ({f"{number}": one for number, one in enumerate(values)} for values in (first, second))
    pairs = paired(ours, theirs)
    assert all(as_large(ours[one], theirs[other]) for one, other in pairs)
    assert len({one for one, _ in pairs}) == len({other for _, other in pairs}) == len(pairs)
    fits = csr_matrix([[as_large(one, other) for other in second] for one in first])
    assert len(pairs) == (maximum_bipartite_matching(fits) >= 0).sum()
