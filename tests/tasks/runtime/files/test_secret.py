"""What is taken for a secret, and that none gets into an experiment by any way a user has."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flows.cli import app
from flows.experiment import load_experiment
from flows.experiment_files import ExperimentError
from tasks.runtime.files.secret import fields_with_secrets, mask, without_secrets

KEY = "hf_AbCdEfGhIjKlMnOpQrStUvWx"
ENVIRONMENT = "4f0c1d5a9e27b3"  # has no shape: known because a variable holds it

WAYS = {
    "gate.judge.url": f"https://me:{KEY[3:]}@judge/v1",
    "gate.judge.url ": f"https://judge/v1?api_key={KEY[3:]}",
    "gate.judge.extra_body": f"{{api_key: {KEY[3:]}}}",
    "gate.judge.extra_body.api_key": KEY[3:],
    "gate.judge.model": ENVIRONMENT,
    "gate.judge.rubric": f"It is right. Key: {KEY}",
    "corpora.0.path": f"https://u:{KEY[3:]}@huggingface.co/datasets/a/b",
    "corpora.0.map": f"{{question: {KEY}}}",
    "backbone.model": f"sk-proj-1{KEY[3:]}",
}


@pytest.mark.parametrize("field", WAYS)
def test_an_experiment_that_holds_one_is_refused_before_a_server_starts(
    field: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REWRITING_AGENT_JUDGE_API_KEY", ENVIRONMENT)
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path / "prefect"))
    monkeypatch.setenv("COLUMNS", "4000")
    done = CliRunner().invoke(app, ["run", "--backbone", "nano", "--set", f"{field.strip()}={WAYS[field]}"])
    said = " ".join(done.output.split())
    assert done.exit_code == 2 and field.strip() in said and "give it as an environment variable" in said, done.output
    assert KEY[3:] not in said and ENVIRONMENT not in said
    assert not any(path.is_file() for path in tmp_path.rglob("*"))


def test_a_file_that_holds_one_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(json.dumps({"gate": {"judge": {"extra_body": {"headers": {"Token": "abc"}}}}}))
    with pytest.raises(ExperimentError, match=r"gate\.judge\.extra_body\.headers\.Token: looks like a secret"):
        load_experiment("nano", presets=[str(tmp_path / "mine.yaml")])


def test_the_judges_key_in_place_of_its_variables_name_is_refused() -> None:
    for key in (KEY, "sk-abc", "4f0c1d5a9e27b3"):
        with pytest.raises(ExperimentError, match="api_key_env"):
            load_experiment("nano", {"gate.judge.api_key_env": key})
    assert load_experiment("nano", {"gate.judge.api_key_env": "OPENAI_API_KEY"}).gate.judge.api_key_env


def test_what_is_none_is_let_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_AUTHOR_NAME", "Alexandra")
    monkeypatch.setenv("SSH_AUTH_SOCK", "/tmp/agent")
    monkeypatch.setenv("TOKENIZERS_PARALLELISM", "false")
    right = {
        "url": "http://judge:8000/v1?beam=3",
        "max_tokens": 4096,
        "pad_token": "<pad>",
        "tokens": "many",
        "rubric": "Basic arithmetic, and Bearer bonds by Alexandra: false",
        "path": "/tmp/agent/rows.jsonl",
        "model": "/data/hf_llama3_2_1b_instruct_v2/sk-learn-3-of-my-own-models",
        "revision": "9d8d210c9f6a36c8f3cd84045668c9b7800ef517",
    }
    assert [*fields_with_secrets(right)] == []
    assert mask("by Alexandra") == "by Alexandra"


def test_a_text_is_told_without_them() -> None:
    assert without_secrets(f"GET http://u:p@h/v1?x=1&api_key=k Bearer {KEY} sk-9{KEY}") == (
        "GET http://<login>@h/v1?x=1&api_key=<secret> Bearer <secret> <secret>"
    )
