"""`rewriting-agent store`: what lies there, whether it is whole, and what may go, told and done."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from flows import cli
from flows.commands import store as command
from tasks.runtime.store import Artifact, Manifest, Store

RUN = CliRunner(env={"COLUMNS": "200"})
KEYS = {"corpus": "a" * 32, "report": "b" * 32, "orphan": "c" * 32}


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    made = Store(tmp_path / "store")
    monkeypatch.setattr(command, "store", lambda: made)
    for kind, key in KEYS.items():
        made.partial(key).mkdir(parents=True)
        (made.partial(key) / "file").write_bytes(b"x" * 100)
        inputs = {"rows": Artifact(kind="corpus", key=KEYS["corpus"], digest="d")} if kind == "report" else {}
        made.publish(Manifest(kind=kind, key=key, inputs=inputs, run={"flow_run": "nano-sft-seed-0"}))
    return made


def told(*arguments: str) -> Result:
    return RUN.invoke(cli.app, ["store", *arguments])


def test_the_list_says_what_a_report_needs(store: Store) -> None:
    lines = [line for line in told("list").output.splitlines() if "nano-sft-seed-0" in line]
    assert {line.split("│")[1].strip(): "yes" in line for line in lines} == {
        "corpus": True,
        "report": True,
        "orphan": False,
    }
    assert "orphan" not in told("list", "--kind", "report").output


def test_what_is_damaged_is_named_and_the_command_fails(store: Store) -> None:
    assert "3 of 3 artifacts are whole" in told("verify").output
    (store.path(KEYS["orphan"]) / "file").write_bytes(b"y" * 100)
    done = told("verify")
    assert done.exit_code == 1
    assert "2 of 3 artifacts are whole" in done.output and "file has another content than was published" in done.output


def test_pruning_only_lists_until_it_is_told_to_remove(store: Store) -> None:
    assert "0 folders" in told("prune").output, "all is new"
    assert "1 folders" in told("prune", "--days", "0").output
    assert store.path(KEYS["orphan"]).exists()
    assert "are gone" in told("prune", "--days", "0", "--remove").output
    assert {one.kind for one in store.manifests()} == {"corpus", "report"}
