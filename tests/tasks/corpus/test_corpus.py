"""Corpora are read in their own schemas; every row keeps its identity, bad ones are set aside with their reason."""

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from tasks.corpus.corpus import CorpusConfig, Format, corpus
from tasks.corpus.formats import kept_columns
from tasks.rows.jsonl import read_rows
from tasks.rows.source import SourceError
from tasks.runtime.progress.progress import Progress, handled_by
from tasks.runtime.settings import Settings

NUMINA = {"source": "gsm8k", "problem": "What is 2 + 2?", "solution": "2 + 2 = 4\n\\boxed{4}", "messages": []}
REASONING = {
    "problem": "What is 3 + 3?",
    "generated_solution": "3 + 3 = 6, so \\boxed{6}",
    "expected_answer": "6",
    "problem_source": "aops",
    "inference_mode": "cot",
}


def imported(tmp_path: Path, lines: list[Any], form: Format = "numinamath_cot", **settings: Any) -> tuple[Any, Path]:
    path = tmp_path / "corpus.jsonl"
    path.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines))
    out = tmp_path / "out"
    out.mkdir(exist_ok=True)
    return corpus.plain(CorpusConfig(name="tested", format=form, path=str(path), **settings), out), out


def test_a_numinamath_row_keeps_its_text_and_gets_a_stable_id(tmp_path: Path) -> None:
    _, out = imported(tmp_path, [NUMINA])
    (row,) = read_rows(out / "rows.jsonl")
    assert row["id"].startswith("tested/")
    assert (row["question"], row["solution"], row["source"]) == ("What is 2 + 2?", NUMINA["solution"], "gsm8k")
    assert row["answer"] is None
    assert row["verifiable"] is True
    (again,) = read_rows(imported(tmp_path, [NUMINA | {"source": "elsewhere"}])[1] / "rows.jsonl")
    assert again["id"] == row["id"]


def test_open_math_reasoning_gives_the_reference_answer_and_leaves_out_tool_use(tmp_path: Path) -> None:
    lines = [REASONING, REASONING | {"problem": "tool", "inference_mode": "tir"}]
    metrics, out = imported(tmp_path, lines, "open_math_reasoning")
    (row,) = read_rows(out / "rows.jsonl")
    assert row["answer"] == "6"
    assert metrics["other_mode"] == 1


def test_the_other_fields_are_carried_along_and_the_modes_counted_apart(tmp_path: Path) -> None:
    more = {"problem_type": "has_answer_extracted", "pass_rate_72b_tir": "0.5", "used_in_kaggle": False}
    lines = [REASONING | more, *(REASONING | {"inference_mode": mode} for mode in ("tir", "tir", "genselect"))]
    metrics, out = imported(tmp_path, lines, "open_math_reasoning")
    (row,) = read_rows(out / "rows.jsonl")
    assert row["fields"] == more | {"inference_mode": "cot"}
    assert {name: metrics[name] for name in metrics if name.startswith("mode_")} == {
        "mode_cot": 1,
        "mode_tir": 2,
        "mode_genselect": 1,
    }
    (row,) = read_rows(imported(tmp_path, lines, "open_math_reasoning", carry=False)[1] / "rows.jsonl")
    assert "fields" not in row


@pytest.mark.parametrize("none", ["NaN", "proof", "N/A", "n/a", None, float("nan"), ["7", "8"]])
def test_a_generated_solution_without_an_expected_answer_is_no_reference(tmp_path: Path, none: Any) -> None:
    _, out = imported(
        tmp_path, [REASONING, REASONING | {"problem": "p", "expected_answer": none}], "open_math_reasoning"
    )
    _, row = read_rows(out / "rows.jsonl")
    assert (row["answer"], row["verifiable"]) == (None, False)
    assert row["why_not"] == "no expected_answer: the solution was generated"


def test_a_list_of_one_answer_is_that_answer(tmp_path: Path) -> None:
    _, out = imported(tmp_path, [REASONING | {"expected_answer": ["6"]}], "open_math_reasoning")
    assert [(row["answer"], row["verifiable"]) for row in read_rows(out / "rows.jsonl")] == [("6", True)]


def test_auto_reads_other_shapes_and_a_mapping_the_rest(tmp_path: Path) -> None:
    alpaca = {"id": 5, "instruction": "Mean?", "input": "4, 8", "output": "It is \\boxed{6}", "level": 2}
    talk = {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "\\boxed{1}"}]}
    metrics, out = imported(tmp_path, [alpaca, talk], "auto")
    first, second = read_rows(out / "rows.jsonl")
    assert (first["question"], first["fields"]) == (
        "Mean?\n\n4, 8",
        {"id": 5, "instruction": "Mean?", "input": "4, 8", "level": 2},
    )
    assert (second["question"], second["solution"]) == ("q", "\\boxed{1}") and "fields" not in second
    assert metrics["shapes"] == {"instruction + input → output": 1, "messages: the last assistant turn": 1}
    given = {"question": "data.q", "solution": "data.s"}
    _, out = imported(tmp_path, [{"data": {"q": "1 + 1?", "s": "\\boxed{2}"}}], "auto", map=given)
    assert next(read_rows(out / "rows.jsonl"))["question"] == "1 + 1?"


def test_the_row_behind_a_byte_order_mark_is_read_and_lost_backslashes_are_put_back(tmp_path: Path) -> None:
    (out := tmp_path / "out").mkdir()
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(NUMINA | {"solution": "$\frac12$ \\boxed{\frac12}"}).encode())
    metrics = corpus.plain(CorpusConfig(name="a", format="numinamath_cot", path=str(path)), out)
    assert (metrics["rows"], metrics["quarantined"], metrics["mended"]) == (1, 0, 1)
    assert next(read_rows(out / "rows.jsonl"))["solution"] == r"$\frac12$ \boxed{\frac12}"


def test_a_proof_can_be_learned_from_but_is_flagged(tmp_path: Path) -> None:
    proof = (
        "Suppose that there are only finitely many primes. Multiply them all and add one. No prime on the list divides "
    )
    proof += (
        "the result, since each leaves a remainder of one, so its prime factors are not on the list, a contradiction. "
    )
    proof += "Therefore there are infinitely many primes, as we wished to show."
    _, out = imported(tmp_path, [NUMINA, NUMINA | {"problem": "Prove it.", "solution": proof}])
    assert [row["verifiable"] for row in read_rows(out / "rows.jsonl")] == [True, False]


def test_bad_rows_are_quarantined_with_line_field_and_reason(tmp_path: Path) -> None:
    bad = [{"problem": "no solution"}, NUMINA | {"problem": "  "}, NUMINA | {"solution": 5}, "{not json", "[1]"]
    good = [NUMINA | {"problem": f"What is {n} + 1?"} for n in range(5)]
    metrics, out = imported(tmp_path, [*good, *bad], max_bad_share=0.5)
    found = [(row["where"], row["field"], row["reason"]) for row in read_rows(out / "quarantine.jsonl")]
    assert found == [
        ("line 6", "solution", "is missing"),
        ("line 7", "problem", "is empty"),
        ("line 8", "solution", "is a int, not a string"),
        ("line 9", "(whole line)", found[3][2]),
        ("line 10", "(whole line)", "is not a JSON object"),
    ]
    assert found[3][2].startswith("is not JSON")
    assert (metrics["rows"], metrics["quarantined"]) == (5, 5)


def test_bytes_and_halves_of_characters_that_are_no_text_cost_their_row(tmp_path: Path) -> None:
    file = tmp_path / "corpus.jsonl"
    good, half = json.dumps(NUMINA), json.dumps(NUMINA | {"problem": "half \ud800"})
    file.write_bytes(f"{good}\n{half}\n".encode() + good.encode().replace(b"2", b"\xff"))
    (out := tmp_path / "out").mkdir()
    config = CorpusConfig(name="a", format="numinamath_cot", path=str(file), max_bad_share=0.9)
    assert corpus.plain(config, out)["rows"] == 1
    found = [(row["where"], row["field"]) for row in read_rows(out / "quarantine.jsonl")]
    assert found == [("line 2", "problem"), ("line 3", "problem")]


def test_too_many_bad_rows_fail_and_the_error_names_the_first(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"1 of 2 rows are unusable.*corpus.jsonl, line 2, problem: is missing"):
        imported(tmp_path, [NUMINA, {"solution": "x"}])


def test_duplicates_are_dropped_and_counted(tmp_path: Path) -> None:
    metrics, _ = imported(tmp_path, [NUMINA, NUMINA])
    assert (metrics["rows"], metrics["duplicates"]) == (1, 1)


def test_gzip_and_parquet_hold_the_same_rows(tmp_path: Path) -> None:
    _, plain = imported(tmp_path, [NUMINA])
    folder = tmp_path / "files"
    folder.mkdir()
    parquet.write_table(pa.Table.from_pylist([NUMINA | {"messages": None}]), folder / "a.parquet")
    with gzip.open(folder / "b.jsonl.gz", "wt") as file:
        file.write(json.dumps(NUMINA | {"problem": "another?"}) + "\n")
    (out := tmp_path / "both").mkdir()
    corpus.plain(CorpusConfig(name="tested", format="numinamath_cot", path=str(folder)), out)
    rows = list(read_rows(out / "rows.jsonl"))
    assert rows[0] == next(iter(read_rows(plain / "rows.jsonl")))
    assert rows[1]["question"] == "another?"


def test_a_changed_file_changes_the_identity_and_a_repository_must_be_pinned(tmp_path: Path) -> None:
    imported(tmp_path, [NUMINA])
    config = CorpusConfig(name="tested", format="numinamath_cot", path=str(tmp_path / "corpus.jsonl"))
    before = config.source()
    (tmp_path / "corpus.jsonl").write_text(json.dumps(NUMINA | {"problem": "changed"}))
    assert config.source() != before
    with pytest.raises(SourceError, match="full commit"):
        CorpusConfig(name="tested", format="numinamath_cot", path="AI-MO/NuminaMath-CoT", revision="main").source()
    with pytest.raises(SourceError, match="no such file"):
        CorpusConfig(name="tested", format="numinamath_cot", path="./nowhere.jsonl").source()


def test_the_real_corpora_are_read_without_a_bad_row(tmp_path: Path, data_folder: Path) -> None:
    path = data_folder / "corpora" / "numinamath_cot_subset.jsonl.gz"
    metrics = corpus.plain(CorpusConfig(name="subset", format="numinamath_cot", path=str(path)), tmp_path)
    assert metrics["read"] == 14973
    assert metrics["quarantined"] == 0
    assert metrics["verifiable"] / metrics["rows"] > 0.99


def test_the_rows_are_the_same_whatever_the_number_of_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [NUMINA | {"problem": f"What is {n % 70} + 1?", "solution": f"\\boxed{{{n % 70 + 1}}}"} for n in range(100)]
    lines[5], lines[93] = {"problem": "no solution"}, NUMINA | {"problem": 5}
    told: list[Progress] = []
    found = []
    for block, processes in ((500, 1), (9, 1), (7, 3)):
        monkeypatch.setattr("tasks.corpus.corpus.BLOCK", block)
        monkeypatch.setattr("tasks.corpus.corpus.settings", lambda cores=processes: Settings(cores=cores))
        with handled_by(told.append):
            metrics, out = imported(tmp_path, lines, max_bad_share=0.5)
        found.append((metrics, *((out / name).read_text() for name in ("rows.jsonl", "quarantine.jsonl"))))
    assert found[0] == found[1] == found[2]
    assert (found[0][0]["rows"], found[0][0]["duplicates"], found[0][0]["quarantined"]) == (70, 28, 2)
    assert [json.loads(line)["where"] for line in found[0][2].splitlines()] == ["line 6", "line 94"]
    assert told[-1].done == told[-1].total and told[-1].values["rows"] == 100


def test_progress_is_told_within_a_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.corpus.corpus.BLOCK", 100)
    (out := tmp_path / "out").mkdir()
    rows = [{name: NUMINA[name] for name in NUMINA if name != "messages"} | {"problem": f"{n}?"} for n in range(300)]
    parquet.write_table(pa.Table.from_pylist(rows), path := tmp_path / "a.parquet")
    told: list[Progress] = []
    with handled_by(told.append):
        corpus.plain(CorpusConfig(name="a", format="numinamath_cot", path=str(path)), out)
    assert [one.values["rows"] for one in told] == [100, 200, 300]
    assert told[-1].done == told[-1].total


def test_conversations_that_repeat_a_known_formats_texts_are_not_read() -> None:
    keep = kept_columns("numinamath_cot", {}, carry=True)
    assert keep is not None and [*filter(keep, ["problem", "solution", "level", "messages"])] == [
        "problem",
        "solution",
        "level",
    ]
    assert kept_columns("auto", {}, carry=True) is None
