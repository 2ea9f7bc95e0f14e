"""`rewriting-agent store`: what lies there, whether it is whole, and what may go, told and done."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from flows import cli
from flows.commands import store as command
from tasks.runtime.store.store import Artifact, Manifest, Store, StoreError

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
    assert {line.split("│")[1].strip(): "by a report" in line for line in lines} == {
        "corpus/aaaaaaaa": True,
        "report/bbbbbbbb": True,
        "orphan/cccccccc": False,
    }
    assert "orphan" not in told("list", "--kind", "report").output


def test_a_store_without_artifacts_is_named_and_a_file_is_none(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert f"no artifact of kind finetune in {store.root}" in told("list", "--kind", "finetune").output
    monkeypatch.setattr(command, "store", lambda: Store(tmp_path / "other"))
    assert f"no artifact in {tmp_path / 'other'}" in told("list").output
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"file is no folder: REWRITING_AGENT_STORE"):
        Store(tmp_path / "file")


def test_what_is_damaged_is_named_and_the_command_fails(store: Store) -> None:
    assert "3 of 3 artifacts are whole" in told("verify").output
    (store.path(KEYS["orphan"]) / "file").write_bytes(b"y" * 100)
    done = told("verify")
    assert done.exit_code == 1
    assert "2 of 3 artifacts are whole" in done.output and "file has another content than was published" in done.output


def test_pruning_only_lists_until_it_is_told_to_remove(store: Store) -> None:
    assert "0 folders" in told("prune").output, "all is new"
    assert "may go: --remove takes them away" in told("prune", "--days", "0").output
    assert store.path(KEYS["orphan"]).exists()
    assert "are gone" in told("prune", "--days", "0", "--remove").output
    assert {one.kind for one in store.manifests()} == {"corpus", "report"}


def test_a_pin_keeps_and_a_note_is_shown_as_it_was_written(store: Store) -> None:
    assert "pinned: orphan/cccccccc, with 0 that it was made from" in told("pin", "orphan", "--note", "[red]why").output
    line = next(line for line in told("list").output.splitlines() if "orphan" in line)
    assert "pinned" in line and "[red]why" in line
    assert "0 folders" in told("prune", "--days", "0").output
    assert "no longer pinned" in told("unpin", "cccc").output and "was not pinned" in told("unpin", "cccc").output
    assert "1 folders" in told("prune", "--days", "0").output
    assert "[red]why" in told("list").output, "the note stays"
    assert told("note", "orphan", "").exit_code == 0 and "[red]why" not in told("list").output
    assert "up to 2,000 characters" in str(told("note", "orphan", "x" * 2001).output)


@pytest.mark.parametrize("command", [("pin",), ("unpin",), ("note",), ("du",)])
def test_what_is_not_there_is_told_with_what_is_near(store: Store, command: tuple[str, ...]) -> None:
    more = ("text",) if command == ("note",) else ()
    done = told(*command, "orphans", *more)
    assert done.exit_code == 1 and "did you mean orphan" in done.output


def test_sizes_are_told_by_name_and_what_pruning_would_free(store: Store) -> None:
    store.partial("d" * 32).mkdir(parents=True)
    (store.partial("d" * 32) / "half").write_bytes(b"x" * 7)
    lines = told("du", "--days", "0").output.splitlines()
    found = {cells[1].strip(): cells[3].strip() for line in lines if len(cells := line.split("│")) > 3}
    assert found == {"corpus": "100", "orphan": "100", "report": "100", "partial/": "7"}
    freed = store.path(KEYS["orphan"]) / "manifest.json"
    assert f"would free {107 + freed.stat().st_size:,} bytes of 2 folders" in lines[-1]
    assert "of 1 folders" in told("du", "orphan", "--days", "0").output


def test_the_list_is_sorted_and_mends_the_tree_of_links(store: Store) -> None:
    (store.root / "by-name" / "orphan" / "cccccccc").unlink()
    lines = told("list", "--sort", "name").output.splitlines()
    names = [line.split("│")[1].strip() for line in lines if "-seed-" in line]
    assert names == ["corpus/aaaaaaaa", "orphan/cccccccc", "report/bbbbbbbb"]
    assert (store.root / "by-name" / "orphan" / "cccccccc" / "file").exists()
