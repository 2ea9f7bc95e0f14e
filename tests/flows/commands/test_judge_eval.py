"""`judge-eval`: what it reads as every command does, what it writes, and what it does not start."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from flows.cli import app
from tasks.rows.jsonl import read_rows, write_rows
from tasks.runtime.settings import settings
from tasks.verify.judges.judge import load_config
from tests.tasks.verify.judges.judge_server import Answer, judge_server


def _write(path: Path, rows: list[Any]) -> Path:
    path.write_text("".join(row if isinstance(row, str) else json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def _row(solution: str, correct: Any, **more: Any) -> dict[str, Any]:
    return {"question": "How many?", "solution": solution, "reasoning_correct": correct, **more}


def told(*words: str | Path) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["judge-eval", *map(str, words)], env={"COLUMNS": "600"})
    return done.exit_code, " ".join(done.output.replace("│", "").split())


def test_the_command_reports_per_source_and_writes_figures_and_verdicts(tmp_path: Path) -> None:
    rows = [
        _row("3 + 4 = 7", True, source="a", id="r1"),
        _row("3 + 4 = 8", False, source="a"),
        _row("no step", True, source="b", gold=7),
        "nonsense\n",
    ]
    file, figures, verdicts = (tmp_path / name for name in ("rows.jsonl", "out.json", "verdicts.jsonl"))
    _write(file, rows)
    result = CliRunner().invoke(
        app, ["judge-eval", str(file), "--kind", "arithmetic", "--json", str(figures), "--verdicts", str(verdicts)]
    )
    assert result.exit_code == 1, "a row was lost"
    assert "arithmetic/" in result.output and "1 rows set aside in" in result.output
    assert "@progress" not in result.output
    assert [row["where"] for row in read_rows(tmp_path / "verdicts.quarantine.jsonl")] == ["line 4"]
    found = json.loads(figures.read_text())
    assert [one["source"] for one in found["measures"]] == ["all", "a", "b"]
    assert found["measures"][1]["precision"]["value"] == 1.0
    assert found["measures"][2]["recall"]["value"] == 0.0
    assert found["cost_per_1000"]["seconds"] >= 0
    lines = [json.loads(line) for line in verdicts.read_text().splitlines()]
    assert [(line["id"], line["valid"]) for line in lines] == [("r1", True), ("2", False), ("3", False)]


def test_a_model_judge_is_measured_with_its_cost(tmp_path: Path) -> None:
    rows = [_row(f"{n} + 1 = {n + 1}, row {n}", n % 2 == 0, source="a") for n in range(10)]
    file = _write(tmp_path / "rows.jsonl", rows)

    def script(call: int, body: dict[str, Any]) -> Answer:
        user = body["messages"][1]["content"]
        return Answer(status=400) if "row 7" in user else Answer(valid="row 3" not in user)

    with judge_server(script) as server:
        options = ["--kind", "openai", "--url", server.url, "--model", "model", "--json", str(tmp_path / "out.json")]
        options += ["--dollars-per-million-input", "1", "--dollars-per-million-output", "10"]
        result = CliRunner().invoke(app, ["judge-eval", str(file), *options])
    assert result.exit_code == 0, result.output
    found = json.loads((tmp_path / "out.json").read_text())
    total = found["measures"][0]
    assert total["undecided"] == 1
    assert (total["true_pass"], total["false_pass"], total["true_stop"]) == (5, 3, 1)
    cost = found["cost_per_1000"]
    calls = 11  # nine rows that were answered, and the two of the health check
    assert cost["calls"] == 100 * calls
    assert cost["dollars"] == pytest.approx(100 * calls * (100 * 1e-6 + 10 * 10e-6))


def test_a_bad_configuration_is_named(tmp_path: Path) -> None:
    config = tmp_path / "judge.yaml"
    config.write_text("kind: openai\nvotes: 4\n", encoding="utf-8")
    with pytest.raises(ValueError, match="can tie"):
        load_config(config, {})
    assert load_config(config, {"votes": 3}).votes == 3
    result = CliRunner().invoke(
        app, ["judge-eval", str(_write(tmp_path / "rows.jsonl", [_row("1", True)])), "--config", str(config)]
    )
    assert result.exit_code == 2


def test_files_are_read_as_by_every_command(tmp_path: Path) -> None:
    """With a byte-order mark, as CSV, as a folder; bytes that are no UTF-8 cost their row, not the verdicts."""
    verdicts, folder = tmp_path / "verdicts.jsonl", tmp_path / "rows"
    folder.mkdir()
    lines = b'{"id": "x", "question": "q", "solution": "3 + 4 = 7", "reasoning_correct": true}\n'
    bad = b'{"id": "caf\xe9", "question": "q", "solution": "3 + 4 = 7", "reasoning_correct": true}\n'
    (folder / "a.jsonl").write_bytes(b"\xef\xbb\xbf" + lines + bad)
    (folder / "b.csv").write_text("id,question,text,reasoning_correct\nx,q,3 + 4 = 8,False\n", encoding="utf-8")
    code, said = told(folder, "--kind", "arithmetic", "--verdicts", verdicts)
    assert code == 1 and "a.jsonl, line 2: field 'id': holds bytes" in said
    assert [(row["id"], row["valid"]) for row in read_rows(verdicts)] == [("x", True)]
    code, said = told(folder / "b.csv", "--kind", "arithmetic", "--map", "solution=text", "--verdicts", verdicts)
    assert code == 0, said
    assert [(row["id"], row["reasoning_correct"], row["valid"]) for row in read_rows(verdicts)] == [("x", False, False)]
    code, said = told(folder / "b.csv", "--kind", "arithmetic")
    assert code == 2 and "The row has id, question, text, reasoning_correct: --map solution=FIELD names it" in said
    code, said = told(tmp_path / "none.jsonl", "--kind", "arithmetic")
    assert code == 2 and "none.jsonl is no file or folder" in said


def test_what_cannot_be_asked_for_is_told_before_any_row_is_judged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "rows.jsonl"
    write_rows(file, [_row("3 + 4 = 7", True)])
    monkeypatch.setenv("REWRITING_AGENT_DEVICE", "cpu")
    settings.cache_clear()
    both = tmp_path / "out.json"
    for words, says in (
        (["--kind", "self"], "kind self needs --model FOLDER"),
        (["--kind", "self", "--model", "nosuch"], "nosuch is no folder of a model"),
        (["--kind", "openai"], "there is no GPU here: give --kind openai --url http://"),
        (["--kind", "local"], "there is no GPU here"),
        (["--kind", "arithmetic", "--dollars-per-hour", "-1"], "--dollars-per-hour"),
        (["--kind", "arithmetic", "--json", both, "--verdicts", both], "is named for --verdicts too"),
    ):
        code, said = told(file, *words)
        assert code == 2 and says in said, said
    settings.cache_clear()
