"""What `push` sends, told by a server that speaks the hub's protocol: create, preupload, LFS, commit. Xet is off."""

import logging
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flows.cli import app
from flows.hand_on.dataset import DATA, write_dataset
from flows.hand_on.provenance import HandOnError
from flows.hand_on.push import files_of, push
from tests.flows.hand_on.made import training_set
from tests.flows.hub import TOKEN, Hub


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    server = Hub()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("HF_ENDPOINT", server.url)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)  # read from the environment at import
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    home, made = training_set(tmp_path / "store")
    write_dataset(home, made, tmp_path / "out")
    return tmp_path / "out"


def test_every_file_arrives_in_a_private_repository_and_no_second_time(hub: Hub, folder: Path) -> None:
    assert push(folder, "me/rewritten").endswith("/commit/1")
    made = hub.repositories["me/rewritten"]
    assert (made["asked"]["visibility"], made["asked"]["type"]) == ("private", "dataset")
    assert made["files"] == {name: (folder / name).read_bytes() for name in files_of(folder)}
    assert DATA in made["files"] and "PUT lfs" in hub.requests
    with pytest.raises(HandOnError, match="there already: --update"):
        push(folder, "me/rewritten")
    (folder / "README.md").write_text("changed", encoding="utf-8")
    push(folder, "me/rewritten", update=True)
    assert made["files"]["README.md"] == b"changed"


def test_a_dry_run_lists_and_sends_nothing_and_the_token_is_never_shown(
    hub: Hub, folder: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    dry = CliRunner().invoke(app, ["push", str(folder), "me/rewritten", "--dry-run"])
    assert dry.exit_code == 0 and hub.requests == []
    assert all(name in dry.output for name in files_of(folder)) and "private" in dry.output
    refused = CliRunner().invoke(app, ["push", str(folder), "me/unknown", "--update"])
    assert refused.exit_code == 1 and "no such repository" in refused.output
    sent = CliRunner().invoke(app, ["push", str(folder), "me/rewritten", "--public"])
    assert sent.exit_code == 0 and hub.repositories["me/rewritten"]["asked"]["visibility"] == "public"
    assert TOKEN not in dry.output + refused.output + sent.output + caplog.text
    monkeypatch.setenv("HF_TOKEN", "hf_other")
    wrong = CliRunner().invoke(app, ["push", str(folder), "me/third"])
    assert wrong.exit_code == 1 and "not valid (HTTP 401)" in wrong.output and "hf_other" not in wrong.output


def test_links_and_other_folders_are_refused_and_pi_0_stays(folder: Path, tmp_path: Path) -> None:
    (folder / "sft" / "backbone").mkdir(parents=True)
    (folder / "sft" / "backbone" / "model.safetensors").write_bytes(b"x")
    (folder / ".env").write_text("secret")
    assert not any("backbone" in name or ".env" in name for name in files_of(folder))
    (folder / "leak.txt").symlink_to("/etc/hostname")
    with pytest.raises(HandOnError, match="symbolic link"):
        files_of(folder)
    with pytest.raises(HandOnError, match="is no folder that"):
        push(tmp_path / "store", "me/store")
