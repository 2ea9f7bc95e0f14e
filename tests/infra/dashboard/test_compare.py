"""Two runs side by side: what they share, where they part, what flipped; rows and questions followed to their end."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks._store import make_store
from infra.dashboard import questions, rows
from infra.dashboard.compare import parting
from infra.dashboard.index import Index
from infra.dashboard.runs import Run
from infra.dashboard.scores import Side, compare_scores
from infra.dashboard.site import Site
from tests.infra.dashboard.conftest import HOSTILE

Made = tuple[Path, dict[str, str]]


def run(site: Site, label: str) -> Run:
    return next(one for one in site.runs.by_id.values() if one.label == label)


def test_seeds_of_sft_part_at_the_seed_alone(site: Site) -> None:
    found = parting(site.index, run(site, "sft/0").artifacts, run(site, "sft/1").artifacts)
    assert [point.name for point in found.points] == ["finetune.seed"]
    assert found.said() == f"{found.shared} of {found.ours} artifacts shared; they part at finetune.seed"
    assert found.points[0].differences[0].ours == "42" and found.points[0].differences[0].theirs == "43"


def test_methods_part_where_one_has_an_input_that_the_other_lacks(site: Site) -> None:
    found = parting(site.index, run(site, "sdft/0").artifacts, run(site, "rewriting_agent/0").artifacts)
    assert "rewrite.adapter" in found.said() and "agent" in found.only_theirs
    same = parting(site.index, run(site, "sdft/0").artifacts, run(site, "sdft/0").artifacts)
    assert same.said().startswith("all ") and not same.points


def test_differences_are_paired_and_flips_are_counted_both_ways(site: Site) -> None:
    first, other = Side("base", [run(site, "base")]), Side("SDFT", [run(site, "sdft/0"), run(site, "sdft/1")])
    found = compare_scores(site.index, first, other, resamples=200)
    by_name = {gap.measure: gap for gap in found.gaps}
    assert {"downstream", "general", "nano_words"} <= set(by_name) and by_name["general"].rows == 720
    gap = by_name["nano_words"]
    assert gap.difference.value == pytest.approx(gap.value - gap.first)
    assert gap.difference.low <= gap.difference.value <= gap.difference.high  # type: ignore[operator]
    back = compare_scores(site.index, other, first, resamples=200)
    for there, here in zip(found.flips, back.flips, strict=True):
        assert set(there.lost) >= set(here.gained) - set(there.gained) and there.rows == 240
    alone = compare_scores(site.index, first, Side("one", [run(site, "sdft/0")]), resamples=200).flips[0]
    table = questions.table(site.index, [run(site, "base"), run(site, "sdft/0")], alone.benchmark)
    forgotten = [one for one, _ in questions.choose(table.rows, "forgotten")]
    assert sorted(forgotten) == alone.lost
    assert np.isclose(len(alone.gained) - len(alone.lost), 240 * _gap(site, alone.benchmark))


def _gap(site: Site, benchmark: str) -> float:
    found = compare_scores(site.index, Side("a", [run(site, "base")]), Side("b", [run(site, "sdft/0")]), resamples=100)
    return next(gap.difference.value for gap in found.gaps if gap.measure == benchmark)


def test_another_version_of_a_benchmark_is_not_compared(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    manifest = type(site.index).manifest
    odd = run(site, "sft/0").artifacts["scores/nano_words"]

    def other_data(index: object, key: str) -> dict[str, object]:
        found = manifest(site.index, key)
        return found | {"identity": {"benchmarks": {"nano_words": {"data": "newer"}}}} if key == odd else found

    monkeypatch.setattr(type(site.index), "manifest", other_data)
    found = compare_scores(site.index, Side("a", [run(site, "base")]), Side("b", [run(site, "sft/0")]), resamples=100)
    assert any("nano_words" in note and "different versions" in note for note in found.notes)
    assert "nano_words" not in {gap.measure for gap in found.gaps}


def test_a_row_is_followed_from_its_corpus_to_its_target(site: Site, made: Made) -> None:
    dataset = made[1]["dataset:rewriting_agent/0"]
    fell = next(row for row in rows.dataset_rows(site.index, dataset) if rows.fell_back(row))
    found = rows.story(site.index, fell["id"], dataset)
    assert [entry.kind for entry, _ in found.sources] == ["corpus", "sample", "split"]
    assert found.expert == found.targets[0].row["target"] and found.targets[0].row["fallback_reason"] == "wrong"
    tried = found.attempts[0]
    assert tried.passed is False and tried.verdict is not None and tried.verdict["answer"]["reason"] == HOSTILE
    assert found.targets[0].nll is not None
    everywhere = rows.story(site.index, fell["id"])
    assert len(everywhere.targets) == 8  # one a training set


def test_filters_of_rows_add_up(site: Site, made: Made) -> None:
    whole = rows.dataset_rows(site.index, made[1]["dataset:sdft/0"])
    counts, reasons = rows.counts(whole)
    assert counts["all"] == 200 == counts["rewrite"] + counts["fell back"] and reasons == {"wrong": counts["fell back"]}
    assert rows.choose(whole, "all", text="MADE_UP/00007")[0]["id"] == "made_up/00007"


def test_undecided_rows_are_those_without_a_verdict() -> None:
    assert rows.is_undecided({"verdict": {"passed": None, "answer": {"verdict": "correct"}}})
    assert rows.is_undecided({"verdict": {"passed": False, "answer": {"verdict": "undecided"}}})
    assert not rows.is_undecided({"verdict": None}) and not rows.is_undecided({"verdict": {"passed": False}})


def test_what_is_not_there_is_said_with_what_to_type(site: Site) -> None:
    with pytest.raises(LookupError, match="ids look like"):
        rows.story(site.index, "nobody/1")
    with pytest.raises(LookupError, match="ids look like"):
        questions.question(site.index, site.runs, "nano_words/9999")
    found = questions.question(site.index, site.runs, "nano_words/17")
    assert len(found.answers) == 9 and found.answers[0].made.method == "base"  # eight runs and the base


def test_half_a_line_at_the_end_of_a_file_is_left_for_later(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text('{"id": "a/1", "text": "x"}\n{"id": "a/1", "te')
    assert [row["text"] for row in rows.rows_with(tmp_path / "rows.jsonl", "a/1")] == ["x"]


def test_rewrites_that_were_judged_for_another_seed_have_its_verdicts(tmp_path: Path) -> None:
    """Seed 1's rewrites are those of seed 0, so their verification is looked up: it names seed 0's as its input."""
    root, keys = tmp_path / "store", make_store(tmp_path / "store", runs=8)
    index = Index(root)
    index.refresh()
    dataset = index.entries[keys["dataset:sdft/1"]]
    inputs = {name: key for name, key, _ in dataset.inputs}
    first = {name: key for name, key, _ in index.entries[keys["dataset:sdft/0"]].inputs}
    for shard in ("000", "001"):
        path = root / "artifacts" / inputs[f"rewrite_verdicts.{shard}"] / "manifest.json"
        manifest = json.loads(path.read_text())
        digest = index.entries[inputs[f"rewrites.{shard}"]].digest
        manifest["inputs"]["rewrites"] = {"kind": "rewrite", "key": first[f"rewrites.{shard}"], "digest": digest}
        path.write_text(json.dumps(manifest))
    index = Index(root)
    index.refresh()
    found = rows.story(index, "made_up/00003", dataset.key)
    assert [one.made.key for one in found.attempts] == [inputs["rewrites.000"], inputs["rewrites.001"]]
    assert all(one.judged is not None and one.passed is not None for one in found.attempts)
