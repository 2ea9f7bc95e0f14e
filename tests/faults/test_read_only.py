"""Folders that may only be read: input is read all the same, a store that cannot be written says so in a sentence."""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flows.cli import app
from tasks.runtime.settings import settings
from tasks.runtime.store.store import Manifest, Store

KEY = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Callable[[Path], Path]]:
    """Makes a folder read-only, for root as well: mounted over itself."""
    mounted: list[Path] = []

    def make(folder: Path) -> Path:
        for command in (["mount", "--bind"], ["mount", "-o", "remount,ro,bind"]):
            done = subprocess.run([*command, str(folder), str(folder)], capture_output=True)
            if done.returncode:
                pytest.skip(f"nothing can be mounted here: {done.stderr.decode().strip()}")
            mounted.append(folder)
        with pytest.raises(OSError, match="Read-only"):
            (folder / "new").touch()
        return folder

    yield make
    for folder in set(mounted):
        subprocess.run(["umount", str(folder)], check=True)


def test_rows_in_a_folder_that_may_only_be_read_are_verified(tmp_path: Path, read_only: Callable[[Path], Path]) -> None:
    (tmp_path / "rows").mkdir()
    file = tmp_path / "rows" / "rows.jsonl"
    file.write_text(json.dumps({"id": 1, "gold": "72", "solution": "\\boxed{72}"}) + "\n")
    read_only(tmp_path / "rows")
    done = CliRunner().invoke(app, ["verify", str(file), "--processes", "1"])
    assert done.exit_code == 0, done.output
    assert [path.name for path in (tmp_path / "rows").iterdir()] == ["rows.jsonl"]


def test_a_store_that_may_only_be_read_is_shown_and_names_what_it_cannot_write(
    tmp_path: Path, read_only: Callable[[Path], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path / "store")
    store.partial(KEY).mkdir(parents=True)
    (store.partial(KEY) / "rows.jsonl").write_text('{"id": "a"}\n')
    with store.lock(KEY):
        store.publish(Manifest(kind="split", key=KEY))
    read_only(store.root)
    monkeypatch.setenv("REWRITING_AGENT_STORE", str(store.root))
    settings.cache_clear()
    try:
        listed = CliRunner().invoke(app, ["store", "list"])
        assert listed.exit_code == 0 and KEY[:8] in listed.output, listed.output
        whole = CliRunner().invoke(app, ["store", "verify"])
        assert whole.exit_code == 0, whole.output
        pinned = CliRunner().invoke(app, ["store", "pin", KEY[:8]])
        assert pinned.exit_code == 1 and "Read-only file system" in pinned.output and str(store.root) in pinned.output
        with pytest.raises(OSError, match=f"Read-only file system: '{store.root}"), store.lock("f" * 32):
            pass
    finally:
        settings.cache_clear()
