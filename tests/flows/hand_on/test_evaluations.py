"""Every model of a report leaves the store in the files of lm-eval and of CapTrack."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flows import cli
from flows.hand_on.evaluations import write_evaluations
from flows.hand_on.provenance import HandOnError
from tasks.evaluate import benchmark
from tasks.rows.jsonl import write_rows
from tasks.rows.prompts import prompts_digest
from tasks.runtime import stage
from tasks.runtime.store.store import Artifact, Manifest, Store

NAMES = ("nano_words", "nano_seen_kinds")
SAMPLED = "nano_seen_kinds"


def _report(home: Store, prompts: str) -> Manifest:
    inputs: dict[str, Artifact] = {}

    def publish(kind: str, key: str, **said: object) -> Artifact:
        with home.lock(key):
            return home.publish(Manifest(kind=kind, key=key, timings={"started": 9.0, "seconds": 2.0}, **said))  # type: ignore[arg-type]

    for number, run in enumerate(("base", "sft/0")):
        for name in NAMES:
            key = f"{name}{number}".ljust(32, "0")
            answers = [
                {"id": row["id"], "correct": bool(number), "text": f"so it is {row['answer']}"}
                for row in benchmark.rows(name, limit=5)
            ]
            home.partial(key).mkdir(parents=True)
            write_rows(home.partial(key) / "answers.jsonl", answers)
            metrics = {}
            if name == SAMPLED:
                samples = [one | {"sample": number, "correct": number == 1} for one in answers for number in (0, 1)]
                write_rows(home.partial(key) / "samples.jsonl", samples)
                metrics = {"samples": 2, "temperature": 0.8}
            config = {"benchmarks": [name], "max_new_tokens": 96, "limit": 5}
            identity = {"prompts": prompts}
            inputs[f"scores.{run}.{name}"] = publish("evaluate", key, config=config, identity=identity, metrics=metrics)
    home.partial("r" * 32).mkdir(parents=True)
    publish("report", "r" * 32, config={"backbone": "nano"}, inputs=inputs)
    return home.manifest("r" * 32)


def test_each_run_of_a_report_has_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = Store(tmp_path / "store")
    _report(home, prompts_digest())
    monkeypatch.setattr(stage, "store", lambda: home)
    run = CliRunner(env={"COLUMNS": "200"})
    done = run.invoke(cli.app, ["export", "--as", "lm-eval", "--out", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["nano-base", "nano-sft-seed0"]
    [results] = (tmp_path / "out" / "nano-sft-seed0").glob("results_*.json")
    found = json.loads(results.read_text())["results"]
    sampled = found.pop(f"{benchmark.TASK_PREFIX}{SAMPLED}_sampled")
    assert (sampled["pass@1,none"], sampled["pass@2,none"]) == (0.5, 1.0)
    right = {task: one["correct,none"] for task, one in found.items()}
    assert right == {benchmark.TASK_PREFIX + name: 1.0 for name in NAMES}
    done = run.invoke(cli.app, ["export", "--as", "captrack", "--out", str(tmp_path / "more")])
    assert sorted(path.name for path in (tmp_path / "more" / "model_responses" / "nano-base").iterdir()) == sorted(
        f"{name}.jsonl" for name in NAMES
    )
    done = run.invoke(cli.app, ["export", "--as", "helm", "--out", str(tmp_path / "no")])
    assert done.exit_code == 2 and "lm-eval or captrack" in done.output


def test_answers_to_other_prompts_are_refused(tmp_path: Path) -> None:
    home = Store(tmp_path / "store")
    with pytest.raises(HandOnError, match="other prompts than today's"):
        write_evaluations(home, _report(home, "old"), "lm-eval", tmp_path / "out")
    assert not (tmp_path / "out").exists()
