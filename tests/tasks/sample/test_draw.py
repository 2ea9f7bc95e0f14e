"""The order of the draw is that of a plain sort by the digest of seed and id; whole rows are never held."""

import hashlib
import json
from pathlib import Path

import pytest

from tasks.rows.jsonl import Row, RowError, row_at, write_rows
from tasks.runtime.progress.progress import Progress, handled_by
from tasks.sample.draw import Draw


def corpora(tmp_path: Path, rows: dict[str, list[Row]]) -> dict[str, Path]:
    for name, some in rows.items():
        write_rows(tmp_path / name / "rows.jsonl", some)
    return {name: tmp_path / name for name in rows}


@pytest.mark.parametrize("seed", [0, 17])
def test_the_order_is_a_sort_by_digests_of_seed_and_id(tmp_path: Path, seed: int) -> None:
    ids = {name: [f"{name}/{number}" for number in range(300)] for name in ("b", "a")}
    ids["a"] += ['a/with "quotes"', "a/back\\slash", "a/Ж", "b/7"]  # the last is an id of both
    folders = corpora(tmp_path, {name: [{"id": one, "question": "q\n…"} for one in some] for name, some in ids.items()})
    draw = Draw(folders, seed)
    found = []
    for name, begin in draw.order():
        with (folders[name] / "rows.jsonl").open("rb") as file:
            found.append((name, row_at(file, begin, ("id",))["id"]))
    every = [(name, one) for name, some in ids.items() for one in some]
    assert found == sorted(every, key=lambda row: (hashlib.sha256(f"{seed}\0{row[1]}".encode()).hexdigest(), row[0]))
    assert (draw.read, len(draw)) == ({"a": 304, "b": 300}, 604)


def test_a_line_written_another_way_is_read_too_and_one_without_an_id_is_an_error(tmp_path: Path) -> None:
    folders = corpora(tmp_path, {"a": [{"id": "a/1"}]})
    path = folders["a"] / "rows.jsonl"
    path.write_text(json.dumps({"question": "q", "id": "a/2"}) + "\n\n" + '{"id":"a/1"}\n')
    assert sorted(begin for _, begin in Draw(folders, 0).order()) == [0, 32]
    for line, said in (("[1]", "field 'id': is missing"), ("{no", "is not JSON")):
        path.write_text('{"id": "a/1"}\n' + line)
        with pytest.raises(RowError, match=f"line 2: .*{said}"):
            Draw(folders, 0)


def test_progress_is_told_within_a_file(tmp_path: Path) -> None:
    rows = [{"id": f"a/{number}", "question": "x" * 40} for number in range(120_000)]
    told: list[Progress] = []
    with handled_by(told.append):
        Draw(corpora(tmp_path, {"a": rows}), 0)
    assert [one.values["rows"] for one in told] == [50_000, 100_000, 120_000]
    assert [one.done for one in told] == sorted(one.done for one in told) and told[-1].done == told[-1].total
