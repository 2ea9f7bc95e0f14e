"""A row reads back the same from every kind of file and every shape; what cannot be used is told with its place."""

import bz2
import csv
import gzip
import json
import lzma
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.rows.jsonl import Row
from tasks.rows.reader.bad_row import UnreadableFile
from tasks.rows.reader.placed import SetAside, none_usable
from tasks.rows.reader.reader import Demonstration, Reader

SHAPES: dict[str, Callable[[str, str], Row]] = {
    "problem": lambda q, s: {"problem": q, "solution": s},
    "question": lambda q, s: {"question": q, "answer": s},
    "alpaca": lambda q, s: {"instruction": q, "input": "", "output": s},
    "prompt": lambda q, s: {"prompt": q, "completion": s},
    "query": lambda q, s: {"query": q, "response": s},
    "input": lambda q, s: {"input": q, "target": s},
    "capitals": lambda q, s: {"Problem": q, "Generated Solution": s},
    "messages": lambda q, s: {"messages": [{"role": "user", "content": q}, {"role": "assistant", "content": s}]},
    "sharegpt": lambda q, s: {"conversations": [{"from": "human", "value": q}, {"from": "gpt", "value": s}]},
    "trl": lambda q, s: {
        "prompt": [{"role": "user", "content": q}],
        "completion": [{"role": "assistant", "content": s}],
    },
}


def _lines(path: Path, rows: list[Row], encoding: str = "utf-8") -> None:
    path.write_bytes("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode(encoding))


def _packed(path: Path, rows: list[Row], pack: Callable[[bytes], bytes]) -> None:
    _lines(path, rows)
    path.write_bytes(pack(path.read_bytes()))


def _zstd(path: Path, rows: list[Row]) -> None:
    _lines(path, rows)
    text = path.read_bytes()
    with pa.output_stream(str(path), compression="zstd") as file:
        file.write(text)


def _arrow(path: Path, rows: list[Row], new: Callable[..., Any]) -> None:
    table = pa.Table.from_pylist(rows)
    with pa.OSFile(str(path), "wb") as file, new(file, table.schema) as writer:
        writer.write_table(table)


def _csv(path: Path, rows: list[Row], delimiter: str = ",") -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)


KINDS: dict[str, Callable[[Path, list[Row]], object]] = {
    "a.jsonl": _lines,
    "mark.jsonl": lambda path, rows: _lines(path, rows, "utf-8-sig"),
    "mark.jsonl.gz": lambda path, rows: _packed(path, rows, lambda text: gzip.compress(b"\xef\xbb\xbf" + text)),
    "wide.jsonl": lambda path, rows: _lines(path, rows, "utf-16"),
    "no_mark.jsonl": lambda path, rows: _lines(path, rows, "utf-16-le"),
    "a.jsonl.gz": lambda path, rows: _packed(path, rows, gzip.compress),
    "named_wrongly.jsonl": lambda path, rows: _packed(path, rows, gzip.compress),
    "plain.jsonl.gz": _lines,
    "a.jsonl.bz2": lambda path, rows: _packed(path, rows, bz2.compress),
    "a.jsonl.xz": lambda path, rows: _packed(path, rows, lzma.compress),
    "a.jsonl.zst": _zstd,
    "array.json": lambda path, rows: path.write_text(json.dumps(rows)),
    "indented.json": lambda path, rows: path.write_text(json.dumps(rows, indent=2)),
    "objects.json": lambda path, rows: path.write_text("\n".join(json.dumps(row, indent=1) for row in rows)),
    "held.json": lambda path, rows: path.write_text(json.dumps({"version": 1, "data": rows})),
    "a.parquet": lambda path, rows: parquet.write_table(pa.Table.from_pylist(rows), path),
    "file.arrow": lambda path, rows: _arrow(path, rows, pa.ipc.new_file),
    "stream.arrow": lambda path, rows: _arrow(path, rows, pa.ipc.new_stream),
    "a.csv": _csv,
    "a.tsv": lambda path, rows: _csv(path, rows, "\t"),
}
FLAT = ("problem", "question", "alpaca", "prompt", "query", "input", "capitals")
# No carriage returns: CSV's own line ends. Some letters, LaTeX, other scripts, quotes, commas and line ends.
TEXT = st.text(st.sampled_from('abcXYZ 0123456789+-=\\{}$",;|\n\tπ数é'), min_size=1, max_size=40).filter(
    lambda text: (
        text == text.strip() and any(char.isalpha() for char in text) and "\t" not in text and "\na" not in text
    )
)


def read(path: Path, **reading: Any) -> tuple[list[Demonstration], list[SetAside]]:
    rows = list(Reader(path, **reading))
    return [row for row in rows if isinstance(row, Demonstration)], [row for row in rows if isinstance(row, SetAside)]


@settings(max_examples=150)
@given(
    st.sampled_from([(kind, shape) for kind in KINDS for shape in SHAPES if shape in FLAT or not kind.endswith("sv")]),
    st.lists(st.tuples(TEXT, TEXT), min_size=2, max_size=4),
)
def test_a_row_in_any_shape_and_kind_of_file_reads_back_as_the_same_row(
    tmp_path_factory: pytest.TempPathFactory, form: tuple[str, str], pairs: list[tuple[str, str]]
) -> None:
    kind, shape = form
    path = tmp_path_factory.mktemp("kinds") / kind
    KINDS[kind](path, [SHAPES[shape](*pair) for pair in pairs])
    rows, bad = read(path)
    assert bad == []
    assert [(row.question, row.solution) for row in rows] == pairs
    assert len({row.id for row in rows}) == len(pairs)


def test_repeated_missing_and_odd_ids_become_unique_and_are_counted(tmp_path: Path) -> None:
    ids: list[Any] = [1, 1, "1", None, "", " ", ["a"], {"b": 1}, True, 2.5, "line 5", "1#2"]
    _lines(tmp_path / "a.jsonl", [{"id": one, "question": f"q{n}", "solution": "s"} for n, one in enumerate(ids)])
    reader = Reader(tmp_path / "a.jsonl")
    found = [row.id for row in reader if isinstance(row, Demonstration)]
    assert found[:4] == ["1", "1#2", "1#3", "line 4"]
    assert len(set(found)) == len(ids)
    assert reader.counts.repeated_ids == 4
    assert [row.id for row in reader if isinstance(row, Demonstration)] == found, "the same again"


def test_one_odd_line_costs_its_row_alone(tmp_path: Path) -> None:
    good = '{"question": "q", "solution": "s"}'
    odd = {
        '{"question": "q", "solution": "s", "n": ' + "9" * 5000 + "}": "thousands of digits",
        "[" * 100_000 + "]" * 100_000: "nested too deep",
        '{"question": "q", "solution": "s", "n": ' + '{"a":' * 50_000 + "1" + "}" * 50_001: "nested too deep",
        '{"question": "q", "solu': "is not JSON: Unterminated string starting at character 19",
        "[1, 2]": "is not a JSON object",
        '{"question": "half \\ud800", "solution": "s"}': "no text in UTF-8",
        '{"question": "q", "solution": null}': "is missing or empty",
        '{"question": "q", "messages": "s"}': "The row has question, messages: --map solution=FIELD names it",
    }
    (tmp_path / "a.jsonl").write_text("\n".join([good, *odd, good]))
    rows, bad = read(tmp_path / "a.jsonl")
    assert [row.id for row in rows] == ["line 1", f"line {len(odd) + 2}"]
    assert [one.where for one in bad] == [f"line {number}" for number in range(2, len(odd) + 2)]
    for one, reason in zip(bad, odd.values(), strict=True):
        assert reason in one.describe()


def test_a_first_line_that_is_cut_off_costs_itself_alone(tmp_path: Path) -> None:
    good = '{"question": "q", "solution": "s"}'
    for first in ('{"question": "q",', "[", '{"question": {'):
        (tmp_path / "a.jsonl").write_text(f"{first}\n{good}\n{good}")
        rows, _ = read(tmp_path / "a.jsonl")
        assert len(rows) == 2, first


def test_bytes_of_another_encoding_cost_their_row_and_a_named_encoding_reads_them(tmp_path: Path) -> None:
    _lines(tmp_path / "a.jsonl", [{"question": "q", "solution": "s"}, {"question": "café", "solution": "s"}], "cp1252")
    [bad] = read(tmp_path / "a.jsonl")[1]
    assert bad.where == "line 2" and "--encoding" in bad.describe()
    assert [row.question for row in read(tmp_path / "a.jsonl", encoding="cp1252")[0]] == ["q", "café"]
    with pytest.raises(UnreadableFile, match="there is no encoding"):
        read(tmp_path / "a.jsonl", encoding="latin-99")


def test_a_header_in_another_encoding_is_told_as_that(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("问题,回答\n如何退货,请联系客服\n", encoding="gb18030")
    with pytest.raises(UnreadableFile, match=r"a\.csv: its header .* --encoding .* gb18030"):
        read(tmp_path / "a.csv")
    mapped = read(tmp_path / "a.csv", encoding="gb18030", mapping={"question": "问题", "solution": "回答"})[0]
    assert [row.question for row in mapped] == ["如何退货"]


def test_an_array_that_breaks_is_told_with_its_line_and_what_came_before_is_kept(tmp_path: Path) -> None:
    rows = [{"question": f"q{n}", "solution": "s"} for n in range(3)]
    (tmp_path / "cut.json").write_text(json.dumps(rows, indent=1)[:-40])
    (tmp_path / "typo.json").write_text(json.dumps(rows, indent=1).replace('"q2"', "q2") + " " * 200)
    (tmp_path / "long.json").write_text('[{"question": "q", "solution": "s", "n": ' + "9" * 5000 + "}, ")
    for name in ("cut.json", "typo.json"):
        kept, (bad,) = read(tmp_path / name)
        assert len(kept) == 2
        assert bad.where == "line 10" and "what follows in the file cannot be read" in bad.reason
    assert "thousands of digits" in read(tmp_path / "long.json")[1][0].reason


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("empty.parquet", b"", "is empty (0 bytes)"),
        ("empty.jsonl.gz", b"", "is empty (0 bytes)"),
        ("cut.jsonl.gz", gzip.compress(b'{"question": "q", "solution": "s"}\n' * 9999)[:60], "is cut off or broken"),
        ("cut.parquet", b"PAR1 and nothing", "is no whole Parquet file"),
        ("cut.arrow", b"ARROW1\0\0and nothing", "is no whole Arrow file"),
        ("text.parquet", b"question,solution\n", "is no .parquet file"),
        ("pointer.jsonl", b"version https://git-lfs.github.com/spec/v1\noid sha256:1", "git lfs pull"),
        ("page.json", b"<!DOCTYPE html><html>", "is a web page"),
        ("a.json", b"\x80\x04\x95", "is a pickle"),
        ("sheet.csv", b"PK\x03\x04...", "zip archive"),
        ("headless.csv", b"one column\n1\n", "no header"),
    ],
)
def test_a_file_that_holds_no_rows_is_refused_with_what_to_do(
    tmp_path: Path, name: str, content: bytes, says: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UnreadableFile) as refused:
        read(tmp_path / name)
    assert says in str(refused.value) and name in str(refused.value)


def test_a_csv_row_that_does_not_fit_costs_itself(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('problem,solution\n"a\nb",c\nd,e,f\n"g"h,i\nj,k\nl\n')
    rows, bad = read(tmp_path / "a.csv")
    assert [(row.id, row.question) for row in rows] == [("line 2", "a\nb"), ("line 6", "j")]
    assert [(one.where, one.field) for one in bad] == [
        ("line 4", "(behind the last column)"),
        ("line 5", "(whole line)"),
        ("line 7", "solution"),
    ]


def test_a_folder_is_its_files_of_rows(tmp_path: Path) -> None:
    _lines(tmp_path / "b.jsonl", [{"question": "2", "solution": "s"}])
    parquet.write_table(pa.Table.from_pylist([{"question": "1", "solution": "s"}]), tmp_path / "a.parquet")
    for other in (".DS_Store", "README.md", "dataset_info.json", "._b.jsonl"):
        (tmp_path / other).write_text("{}")
    assert [(row.id, row.question) for row in read(tmp_path)[0]] == [
        ("a.parquet, row 1", "1"),
        ("b.jsonl, line 1", "2"),
    ]
    (tmp_path / "none").mkdir()
    with pytest.raises(UnreadableFile, match="no file of rows"):
        Reader(tmp_path / "none")


def test_columns_that_no_row_is_made_of_are_not_read(tmp_path: Path) -> None:
    row = {"id": 1, "Problem": "q", "solution": "s", "picture": "x", "data": {"q": "mapped"}}
    parquet.write_table(pa.Table.from_pylist([row]), tmp_path / "a.parquet")
    (found,), _ = read(tmp_path / "a.parquet", whole=False, mapping={"question": "data.q"})
    assert found.original == {name: value for name, value in row.items() if name != "picture"}
    assert found.question == "mapped"


@pytest.mark.parametrize("kind", ["a.jsonl", "array.json", "a.parquet"])
def test_memory_does_not_grow_with_the_file(tmp_path: Path, kind: str) -> None:
    def peak(count: int) -> int:
        KINDS[kind](tmp_path / kind, [{"question": "q" * 1000, "solution": f"{n}" * 200} for n in range(count)])
        tracemalloc.start()
        for _ in Reader(tmp_path / kind):
            pass
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    small, large = peak(4000), peak(16000)
    assert large - small < 3_000_000, "12,000 more rows of 2 kB; ids are all that is kept"


def test_tables_and_objects_that_hold_no_rows_say_what_to_type(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("question^solution\nq^s\n")
    with pytest.raises(
        UnreadableFile, match=r"with a comma, semicolon, tab or \| between them: 'question\^solution'\. Write"
    ):
        read(file)
    file.write_text("What is 3 + 4?,7\nWhat is 4 + 4?,8\n")
    assert "line 1 was taken for the columns' names" in none_usable(file, read(file)[1])
    file = tmp_path / "a.json"
    for indent in (None, 1):
        file.write_text(json.dumps({"train": [{"question": "q", "solution": "s"}], "test": []}, indent=indent))
        (bad,) = read(file)[1]
        assert "holds train and test, each a list of rows" in bad.reason
        assert "jq -c '.train[]' FILE > train.jsonl" in bad.reason
