"""The dashboard's commands on a made-up store: a row, a question, the list of artifacts, an export."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from benchmarks._store import make_store
from flows.cli import app
from tasks.runtime.settings import settings


@pytest.fixture(autouse=True)
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    monkeypatch.setenv("REWRITING_AGENT_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("COLUMNS", "200")
    settings.cache_clear()
    yield make_store(tmp_path / "store", runs=4, text="a \x1b[31mred\x1b[0m [bold]text[/]")
    settings.cache_clear()


def told(*arguments: str, code: int = 0) -> str:
    result: Result = CliRunner().invoke(app, arguments)
    assert result.exit_code == code, result.output
    return result.output


def test_a_row_is_told_from_its_source_to_its_target(keys: dict[str, str], tmp_path: Path) -> None:
    rows = tmp_path / "store" / "artifacts" / keys["dataset:sdft/0"] / "rows.jsonl"
    fell = next(row for row in map(json.loads, rows.read_text().splitlines()) if row["fallback_reason"])
    said = told("row", fell["id"], "--dataset", keys["dataset:sdft/0"][:10])
    assert "rewrite failed (rewrite/tiny/sdft-seed0/shard0/" in said and "fell back: wrong, NLL" in said
    assert "\x1b[31m" not in said and "␛[31mred" in said and "[bold]text[/]" in said  # shown as it was written
    assert "target in assemble/tiny/rewriting_agent-seed0" in told("row", fell["id"])


def test_a_question_is_told_with_every_models_answer() -> None:
    said = told("question", "nano_words/17")
    assert all(f"{run}: " in said for run in ("base", "sft/0", "sdft/0", "mind_the_gap/0", "rewriting_agent/0"))
    assert "ids look like" in told("question", "nano_words/9999", code=1)


def test_the_list_of_artifacts_is_in_the_order_in_which_they_were_made(keys: dict[str, str], tmp_path: Path) -> None:
    manifest = tmp_path / "store" / "artifacts" / keys["corpus"] / "manifest.json"
    manifest.touch()  # what is made first stays so, whatever touches its files
    lines = [line for line in told("lineage").splitlines() if "│" in line]
    assert "report" in lines[0] and "corpus/made_up" in lines[-1]
    name = f"finetune/tiny/sft-seed0/nll/{keys['model:sft/0'][:8]}"
    model = next(line for line in lines if name in line)
    assert [cell.strip() for cell in model.split("│")[1:5]] == [name, "sft", "0", ""]
    assert any(f"│ {one} " in line for line in lines for one in ("nano_facts",))


def test_a_lineage_is_asked_for_by_name_and_told_by_names(keys: dict[str, str]) -> None:
    said = told("lineage", "finetune/tiny/sdft-seed0")
    assert f"dataset: assemble/tiny/sdft-seed0/{keys['dataset:sdft/0'][:8]}" in said
    assert "did you mean finetune/tiny/sdft-seed0" in told("lineage", "finetune/tiny/sdft-sed0", code=1)


def test_an_export_says_where_to_open_it(tmp_path: Path) -> None:
    said = told("dashboard", "--export", str(tmp_path / "pages"), "--rows", "1")
    assert str(tmp_path / "pages" / "index.html") in said and (tmp_path / "pages" / "index.html").exists()
