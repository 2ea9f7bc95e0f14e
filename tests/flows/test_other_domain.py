"""A multiple-choice domain from a file of one's own to the report, on nano with every engine for real."""

import json
from pathlib import Path

import pytest

from flows.experiment import load_experiment
from flows.pipeline import pipeline
from tasks.rows.jsonl import Row, read_rows
from tasks.rows.prompts import GENERAL
from tasks.runtime.settings import settings
from tasks.runtime.stage import store
from tests.flows.small import SMALL

QUESTION = "Which of the two is more, the boxes of plums or the boxes of figs? There are {} of plums and {} of figs."


def choices(path: Path) -> None:
    """90 questions with options in a field of their own, an explanation, and a letter."""
    rows = [
        {
            "question": QUESTION.format(plums, figs),
            "options": ["plums", "figs"],
            "explanation": f"{max(plums, figs)} is more than {min(plums, figs)}.\nAnswer: {'AB'[figs > plums]}",
            "answer": "AB"[figs > plums],
        }
        for plums, figs in ((n + 2, 2 * n - 30 if n % 2 else n + 9) for n in range(40, 130))
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_multiple_choice_runs_from_a_file_to_the_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, prefect_server: None
) -> None:
    choices(tmp_path / "choices.jsonl")
    monkeypatch.setenv("REWRITING_AGENT_STORE", str(tmp_path / "store"))
    settings.cache_clear()
    corpus = {"name": "choices", "path": str(tmp_path / "choices.jsonl"), "domain": "general"}
    changes = SMALL | {
        "corpora": [corpus],
        "gate.verifier": "multiple_choice",
        "gate.answers.reasoning": False,
        "train_agent.max_prompt_tokens": 400,
        "measure.max_prompt_tokens": 400,
        "rewrite.max_prompt_tokens": 400,
        "sample.max_tokens": 256,
    }
    try:
        report = pipeline(experiment=load_experiment("nano", changes))
        made = {one.kind: store().path(one.key) for one in store().manifests()}
        assert (store().path(report.key) / "report.html").is_file()
        rows: list[Row] = list(read_rows(made["corpus"] / "rows.jsonl"))
        assert len(rows) == 90 and all(row["verifiable"] and row["domain"] == GENERAL for row in rows)
        assert "A. plums" in rows[0]["question"] or "(A) plums" in rows[0]["question"]
        verdicts = list(read_rows(made["verify"] / "verdicts.jsonl"))
        assert {verdict["answer"]["gold"] for verdict in verdicts} <= {"A", "B"}
        assert {row["domain"] for row in read_rows(made["assemble"] / "rows.jsonl")} == {GENERAL}
    finally:
        settings.cache_clear()
