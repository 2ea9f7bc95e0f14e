"""The benchmarks' definitions and data."""

import gzip
import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tasks.evaluate import benchmark
from tasks.evaluate.benchmark_data import Data, Source, raw
from tasks.evaluate.config import PAPER_GENERAL, PAPER_MATH
from tasks.evaluate.readers import LETTERS
from tasks.evaluate.understood import understood
from tasks.rows.reader.bad_row import RawRow
from tasks.rows.source import SourceError

OTHER_MATH = ("nano_seen_kinds", "nano_new_kinds", "gsm8k", "sat_math_220", "imo_numeric", "imo_answerbench_v1")
SIZES = {
    "math500": 500,
    "minerva_math": 272,
    "amc23": 40,
    "agieval_math": 220 + 254 + 351 + 118 + 1000,
    "imo_answerbench": 400,
    "mmlu": 14042 - 100 - 100 - 378 - 270 - 216,  # without the five math subjects
    "mmlu_pro": 12032 - 1351,
    "agieval": 8269 - (220 + 254 + 351 + 118 + 1000) - 1,  # one jec-qa row has no label
}


def test_every_definition_is_complete_and_its_data_are_pinned() -> None:
    for name in benchmark.names():
        chosen = benchmark.benchmark(name)
        assert chosen.name == name
        assert chosen.group == ("math" if name in PAPER_MATH + OTHER_MATH else "general")
        assert chosen.reader in benchmark.READERS
        if chosen.path is None:
            assert chosen.source is not None and len(chosen.source.revision) == 40 and chosen.source.files
        assert benchmark._parsed(benchmark.FOLDER / f"{name}.yaml")["task"] == benchmark.TASK_PREFIX + name
    assert set(PAPER_MATH + PAPER_GENERAL) <= set(benchmark.names())


@pytest.mark.parametrize("name", [name for name in benchmark.names() if name.endswith("_likelihood")])
def test_options_are_compared_by_likelihood_on_the_questions_that_are_answered_in_writing(name: str) -> None:
    compared, written = (benchmark.benchmark(one) for one in (name, name.removesuffix("_likelihood")))
    own = {"name": written.name, "version": written.version, "likelihood": False}
    assert compared.likelihood and compared.model_copy(update=own) == written


@pytest.mark.parametrize("name", sorted(SIZES))
def test_the_papers_benchmarks_are_whole(name: str, data_folder: Path) -> None:
    rows = benchmark.rows(name, data_folder / "benchmarks")
    assert len(rows) == SIZES[name]
    assert len({row["id"] for row in rows}) == len(rows)
    for row in rows:
        assert row["question"] and row["answer"], row["id"]
        if row["options"]:
            assert set(row["answer"]) <= set(LETTERS[: len(row["options"])]), row["id"]
    if name == "mmlu":
        assert not any("mathematics" in row["subset"] or row["subset"] == "abstract_algebra" for row in rows)
        assert len({row["subset"] for row in rows}) == 52
        assert all(row["cluster"] == row["subset"] for row in rows)
    if name == "agieval":
        passages = [row["cluster"] for row in rows if row["subset"] == "lsat-rc"]
        assert (len(passages), len(set(passages))) == (269, 40) and all(passages)


def test_the_two_parts_of_agieval_share_no_row(data_folder: Path) -> None:
    math, general = (benchmark.rows(name, data_folder / "benchmarks") for name in ("agieval_math", "agieval"))
    assert not {row["id"] for row in math} & {row["id"] for row in general}
    assert len({row["subset"] for row in math}) == 5 and len({row["subset"] for row in general}) == 16
    several = [row for row in math + general if row["options"] and len(row["answer"]) > 1]
    assert Counter(row["subset"] for row in several)["gaokao-mathqa"] == 7


def test_a_limit_takes_the_same_rows_every_time_and_meets_all_subsets(data_folder: Path) -> None:
    few = benchmark.rows("mmlu", data_folder / "benchmarks", limit=1000)
    assert few == benchmark.rows("mmlu", data_folder / "benchmarks", limit=1000)
    assert len({row["subset"] for row in few}) == 52


def test_the_hubs_mmlu_and_the_released_one_read_alike() -> None:
    released = {"subject": "anatomy", "split": "test", "question": "q", "A": "a", "B": "b", "C": "c", "D": "d"}
    hub = {"subject": "anatomy", "question": "q", "choices": ["a", "b", "c", "d"], "answer": 2}
    assert list(benchmark.READERS["mmlu"]([released | {"answer": "C"}])) == list(benchmark.READERS["mmlu"]([hub]))
    assert list(benchmark.READERS["mmlu"]([released | {"answer": "C", "split": "dev"}])) == []


def test_gsm8ks_reference_is_the_number_behind_its_solution() -> None:
    row = {"question": "How many altogether?", "answer": "48+24 = <<48+24=72>>72 clips in April and May.\n#### 1,072"}
    assert list(benchmark.READERS["gsm8k"]([row])) == [
        {
            "id": "gsm8k/0",
            "question": "How many altogether?",
            "answer": "1,072",
            "options": [],
            "subset": "",
            "cluster": "",
        }
    ]


def downloaded(folder: Path, *files: str) -> Iterator[RawRow]:
    """The files' rows as those of a repository on the hub, which a folder stands for."""
    return raw(Data(name="mine", source=Source(hub=str(folder), revision="0" * 40, files=files)), None)


def test_the_row_of_imo_answerbench_with_a_lost_quotation_mark_is_repaired(tmp_path: Path) -> None:
    (tmp_path / "v2.csv").write_text(
        "Problem ID,Problem,Short Answer,Category,Subcategory,Source\n"
        'x-035,"Find all $f$.\n","$f(x)=-1, f(x)=0$",Algebra,Polynomial,Iran 2002\n'
        'x-036,"Find all $Y$:\n\\[ a \\]\n,"$Y(x)=A+\\frac{B}{x}-x$",Algebra,Functional Equation,Iran 2002\n'
    )
    first, second = understood(benchmark.READERS["imo_answerbench"], "imo", downloaded(tmp_path, "v2.csv"))
    assert first["answer"] == "$f(x)=-1, f(x)=0$"
    assert (second["question"], second["answer"], second["subset"]) == (
        "Find all $Y$:\n\\[ a \\]",
        "$Y(x)=A+\\frac{B}{x}-x$",
        "Algebra",
    )


def test_downloaded_files_of_every_kind_read_alike_and_name_their_task(tmp_path: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    row = {"question_id": 70, "options": ["x", "y"], "answer": "B", "question": "q", "category": "law"}
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist([row, row]), tmp_path / "a.parquet")
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(f"{json.dumps(row)}\n".encode() * 2))
    (tmp_path / "c.json").write_text(json.dumps({"canary": "no training", "examples": [row, row | {"task": "own"}]}))
    found = [*downloaded(tmp_path, "a.parquet", "b.jsonl.gz", "c.json")]
    places = ("a.parquet, row", "b.jsonl.gz, line", "c.json, row")
    assert [one.where for one in found] == [f"{place} {number}" for place in places for number in (1, 2)]
    tasks = ("a", "a", "b.jsonl", "b.jsonl", "c", "own")
    assert [one.content for one in found] == [row | {"task": task} for task in tasks]


def test_a_file_that_came_broken_says_which_and_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(b'{"question": "q"}\n')[:-9])
    with pytest.raises(SourceError, match=r"mine: a\.jsonl\.gz came broken .*a\.jsonl\.gz: delete it, so that"):
        list(downloaded(tmp_path, "a.jsonl.gz"))


def test_other_data_or_another_definition_make_another_identity(tmp_path: Path) -> None:
    for number, folder in enumerate((tmp_path / "a", tmp_path / "b")):
        folder.mkdir()
        with gzip.open(folder / "amc23.jsonl.gz", "wt") as file:
            file.write(json.dumps({"id": number, "problem": "p", "answer": 27.0}) + "\n")
    identities = [benchmark.identity("amc23", folder) for folder in (tmp_path / "a", tmp_path / "b", None)]
    assert len({json.dumps(one, sort_keys=True) for one in identities}) == 3
    assert benchmark.rows("amc23", tmp_path / "a")[0]["answer"] == "27"


def test_a_comment_is_no_part_of_a_benchmarks_identity_and_what_it_says_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = benchmark.FOLDER

    def identity_with(file: str, change: Callable[[str], str]) -> str:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        shutil.copytree(original, folder)
        (folder / file).write_text(change((folder / file).read_text()))
        monkeypatch.setattr(benchmark, "FOLDER", folder)
        return str(benchmark.identity("mmlu")["definition"])

    before = identity_with("mmlu.yaml", lambda text: text)
    for file in ("mmlu.yaml", "_base.yaml"):
        assert identity_with(file, lambda text: "# said anew\n" + text) == before
    assert identity_with("mmlu.yaml", lambda text: text.replace("    - college_mathematics\n", "")) != before
    assert identity_with("_base.yaml", lambda text: text.replace("num_fewshot: 0", "num_fewshot: 1")) != before


def test_an_unknown_benchmark_and_missing_data_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"no benchmark 'mmlux'.*There are: agieval,"):
        benchmark.benchmark("mmlux")
    with pytest.raises(
        SourceError, match=r"mmlu\.jsonl\.gz does not exist: another folder \(--data FOLDER; of an experiment ev"
    ):
        benchmark.rows("mmlu", tmp_path)
