"""`rewriting-agent init`: five answers, by flags or at a terminal, become a file that runs."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flows.cli import app
from flows.experiment import load_experiment
from flows.init.answers import AnswerError, Answers, drafted, model_values
from flows.init.fit import bad_share, fitted, with_lengths
from flows.init.rows import Found, Lengths
from flows.init.written import as_yaml
from tests.conftest import ROOT
from tests.flows.test_other_domain import choices

NANO = ["--model", "nano", "--size", "smoke", "--gpus", "0"]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    choices(tmp_path / "Exam 2.jsonl")
    with (tmp_path / "Exam 2.jsonl").open("a") as file:
        file.write('{"question": "no answer"}\n')
    return tmp_path / "Exam 2.jsonl"


def init(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["init", *arguments], env={"COLUMNS": "400"})
    return done.exit_code, " ".join(done.output.replace("│", " ").split())


def test_the_file_is_planned_as_it_was_written_and_never_written_over(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REWRITING_AGENT_STORE", str(tmp_path / "store"))
    out = tmp_path / "exam.yaml"
    told = ["init", str(out), *NANO, "--data", str(data), "--domain", "multiple_choice"]
    done = subprocess.run([sys.executable, "-m", "flows", *told], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for said in ("90 rows read as question + options → explanation", "A. plums", "1 rows are set aside; first: line 91",
                 "of 91 rows: 90 are used, 0 duplicates; multiple_choice can verify 90",
                 "train_agent seed 0", f"next: rewriting-agent run --backbone {out}"):  # fmt: skip
        assert said in done.stdout
    made = load_experiment(str(out))
    (corpus,) = made.corpora
    assert (corpus.name, corpus.path, corpus.domain) == ("exam_2", str(data.resolve()), "general")
    assert 1 / 91 < corpus.max_bad_share < 0.05, "one row of 91 is bad: the import would stop at the default's 1 %"
    assert (made.gate.verifier, made.gate.answers.reasoning) == ("multiple_choice", False)
    assert (made.sample.rows, made.split.sft_rows + made.split.agent_rows) == (90, 81)
    assert made.rewrite.max_prompt_tokens >= 250, "nano reads the general prompt word by word"
    assert out.read_text().count("# ") > 12
    code, said = init(*told[1:])
    assert code == 2 and "--force" in said and load_experiment(str(out)) == made


def test_without_a_terminal_the_missing_flags_are_named(data: Path) -> None:
    code, said = init("--data", str(data), "--size", "smoke")
    assert code == 2 and "give --model --domain --gpus as well" in said


def test_at_a_terminal_the_questions_are_asked_and_explained(data: Path, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "flows", "init", str(tmp_path / "mine.yaml")]
    environment = os.environ | {"REWRITING_AGENT_STORE": str(tmp_path / "store")}
    os.write(ours, f"nani\nnano\nnone.csv\n{data}\nmultiple\nmultiple_choice\ntiny\nsmoke\n0\n".encode())
    done = subprocess.run(
        command, cwd=ROOT, env=environment, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    os.close(ours)
    os.close(theirs)
    assert done.returncode == 0, done.stdout
    said = " ".join(done.stdout.split())
    for refused in (
        "no backbone is called so",
        "none.csv is no file or folder",
        "mean multiple_choice?",
        "--size tiny",
    ):
        assert refused in said, "asked again at once, not after the last question"
    assert "the chosen letters are the reference's" in said and "Does everything start?" in said
    assert load_experiment(str(tmp_path / "mine.yaml")).gate.verifier == "multiple_choice"


@pytest.mark.parametrize(
    ("domain", "more", "says"),
    [
        ("json_schema", (), "--option schema_file=answer.schema.json"),
        ("python", (), "--option function=path/to/file.py:function"),
        ("judge", (), "--rubric"),
        ("multiple_choise", (), "Invalid value for --domain"),
        ("multiple_choise", (), "did you mean multiple_choice?"),
        ("exact", ("--option", "tolerance=1"), "does not read options.tolerance"),
        ("exact", ("--model", "no/where/is"), "no folder or file lies there"),
        ("exact", ("--size", "tiny"), "there are night, small, smoke, whole"),
        ("exact", ("--data", "none.jsonl"), "none.jsonl is no file or folder"),
        ("exact", ("--map", "target=x"), "write part=field"),
    ],
)
def test_an_answer_that_cannot_be_used_is_told_and_nothing_is_written(
    data: Path, tmp_path: Path, domain: str, more: tuple[str, ...], says: str
) -> None:
    out = tmp_path / "mine.yaml"
    code, said = init(str(out), *NANO, "--data", str(data), "--domain", domain, *more)
    assert code == 2 and says in said and not out.exists()


def test_a_judge_alone_gets_the_rubric_and_a_model_of_ones_own_the_settings_of_its_gpus(tmp_path: Path) -> None:
    model = tmp_path / "my-model"
    model.mkdir()
    with pytest.raises(AnswerError, match=r"holds no config\.json"):
        model_values(str(model))
    (model / "config.json").write_text("{}")
    answers = Answers(str(model), tmp_path / "a.csv", "judge", "small", 0, rubric="It is polite.")
    alone = drafted(answers)
    assert alone["gate"] == {"verifier": "judge", "judge": {"rubric": "It is polite."}}
    assert alone["train_agent"]["engine"] == "trl" and alone["backbone"]["name"] == "my-model"
    three = drafted(Answers(str(model), tmp_path / "a.csv", "math", "whole", 3))
    assert three["train_agent"]["verl"]["gpus"] == 3 and "shards" not in three["rewrite"] and "gate" not in three
    for values in (alone, three):
        (tmp_path / "it.yaml").write_text(as_yaml(values, "head: of it", {"gate.verifier": "why: #1"}))
        assert load_experiment(str(tmp_path / "it.yaml")).model_dump(mode="json", exclude_unset=True) == json.loads(
            json.dumps(values)
        )


def test_files_of_a_verifier_are_named_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "answer.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    options = {"schema_file": "answer.json", "same_fields": ["intent"]}
    made = drafted(Answers("nano", tmp_path / "a.csv", "json_schema", "smoke", 0, options=options))["gate"]
    assert made["options"] == {"schema_file": str(tmp_path / "answer.json"), "same_fields": ["intent"]}
    assert made["answers"] == {"reasoning": False}, "nano is too small to judge"


def test_a_model_on_the_hub_needs_its_commit_where_the_hub_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    made = model_values(f"Qwen/Qwen3-0.6B@{'c' * 40}")["backbone"]
    assert made == {"name": "Qwen3-0.6B", "model": "Qwen/Qwen3-0.6B", "revision": "c" * 40}
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(AnswerError, match=r"--model Qwen/Qwen3-0\.6B@COMMIT"):
        model_values("Qwen/Qwen3-0.6B")


@pytest.mark.parametrize("rows", [40, 90, 999, 5_000, 1_000_000])
@pytest.mark.parametrize("size", ["smoke", "small", "whole"])
def test_the_sizes_are_never_more_than_there_is(tmp_path: Path, rows: int, size: str) -> None:
    from flows.experiment import Experiment
    from flows.experiment_files import merged

    values = drafted(Answers("nano", tmp_path / "a.csv", "math", size, 0))
    values = merged(values, fitted(values, Found(read=rows, rows=rows, verifiable=rows)))
    values = merged(values, with_lengths(values, Lengths(500, 700, 90), 512))
    made = Experiment.model_validate(values)
    parts = made.split
    assert parts.sft_rows + parts.agent_rows <= rows and 0 < parts.held_out_rows < parts.agent_rows
    assert made.train_agent.prompts_per_step <= parts.agent_rows - parts.held_out_rows
    assert made.rewrite.max_prompt_tokens + made.rewrite.max_new_tokens <= 512
    with pytest.raises(AnswerError, match=r"51 of 100 rows cannot be used: .* --map"):
        bad_share(Found(read=100, rows=49, bad=51))
    with pytest.raises(AnswerError, match="needs at least 40"):
        fitted(values, Found(read=39, rows=39, verifiable=39))
