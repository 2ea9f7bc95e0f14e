"""A file of the user's is hashed once, and again whenever it could have changed."""

import json
import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tasks.runtime.files import known_digests
from tasks.runtime.files.digest import digest_file, digest_folder
from tasks.runtime.files.known_digests import SMALL, known_folder_digest
from tasks.runtime.settings import settings


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder whose files were last changed longer ago than is racy."""
    monkeypatch.setenv("REWRITING_AGENT_STORE", str(tmp_path / "store"))
    settings.cache_clear()
    monkeypatch.setattr(known_digests, "RACY", 0.2)
    (tmp_path / "model" / "below").mkdir(parents=True)
    (tmp_path / "model" / "weights").write_bytes(os.urandom(SMALL))
    (tmp_path / "model" / "below" / "config.json").write_text("{}")
    time.sleep(0.3)
    yield tmp_path / "model"
    settings.cache_clear()


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that were read and hashed."""
    seen: list[str] = []

    def counted(path: Path) -> str:
        seen.append(path.name)
        return digest_file(path)

    monkeypatch.setattr(known_digests, "digest_file", counted)
    return seen


def kept(model: Path) -> Path:
    (found,) = (model.parent / "store" / "digests").glob("*.json")
    return found


def test_the_second_look_hashes_nothing_and_says_the_same(model: Path, hashed: list[str]) -> None:
    assert known_folder_digest(model) == known_folder_digest(model) == digest_folder(model)
    assert sorted(hashed) == ["config.json", "weights"]


@pytest.mark.parametrize("how", ["appended", "in place", "mtime put back", "another in its place", "swapped"])
def test_what_could_have_changed_is_hashed_again(model: Path, hashed: list[str], how: str) -> None:
    weights, before = model / "weights", known_folder_digest(model)
    stat = weights.stat()
    if how == "appended":
        weights.write_bytes(weights.read_bytes() + b"x")
    elif how in ("in place", "mtime put back"):
        with weights.open("r+b") as file:
            file.write(b"other")
        if how == "mtime put back":
            os.utime(weights, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    elif how == "another in its place":
        (model.parent / "new").write_bytes(os.urandom(SMALL))
        os.utime(model.parent / "new", ns=(stat.st_atime_ns, stat.st_mtime_ns))
        (model.parent / "new").replace(weights)
    else:
        (model / "other").write_bytes(weights.read_bytes()[::-1])
        weights.unlink()
        (model / "other").rename(weights)
    assert known_folder_digest(model) == digest_folder(model) != before
    assert hashed.count("weights") == 2


def test_nothing_is_kept_of_a_file_that_was_just_changed(
    model: Path, hashed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(known_digests, "RACY", 60.0)
    known_folder_digest(model)
    known_folder_digest(model)
    assert hashed.count("weights") == 2


def test_nothing_is_kept_of_a_file_that_changes_while_it_is_hashed(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def changing(path: Path) -> str:
        digest = digest_file(path)
        if path.name == "weights":
            path.write_bytes(os.urandom(SMALL))
        return digest

    with monkeypatch.context() as racing:
        racing.setattr(known_digests, "digest_file", changing)
        known_folder_digest(model)
    assert known_folder_digest(model) == digest_folder(model)


def test_a_part_of_a_folder_forgets_nothing_of_the_rest(model: Path, hashed: list[str]) -> None:
    (model / "tokenizer.json").write_bytes(os.urandom(SMALL))
    time.sleep(0.3)
    for _ in range(2):
        known_folder_digest(model)
        known_digests.known_digests([model / "tokenizer.json"], model)
    assert hashed.count("weights") == hashed.count("tokenizer.json") == 1


@pytest.mark.parametrize("left", [b"", b"{not json", b"[]", b'{"files": {"weights": 3}}', b'{"files": {"weights": 0}}'])
def test_what_is_kept_and_cannot_be_read_is_written_anew(model: Path, hashed: list[str], left: bytes) -> None:
    digest = known_folder_digest(model)
    whole = kept(model).read_bytes()
    kept(model).write_bytes(left)
    assert known_folder_digest(model) == digest and hashed.count("weights") == 2
    assert json.loads(kept(model).read_bytes()) == json.loads(whole)


def test_a_store_that_cannot_be_written_is_said_once_and_stops_nothing(
    model: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (model.parent / "store").mkdir()
    (model.parent / "store" / "digests").write_text("a file lies there")
    with caplog.at_level(logging.WARNING):
        assert known_folder_digest(model) == known_folder_digest(model) == digest_folder(model)
    assert sum("hashed at each run" in record.getMessage() for record in caplog.records) == 1


def test_of_small_files_nothing_is_kept(model: Path) -> None:
    (model / "weights").write_bytes(b"small")
    assert known_folder_digest(model) == digest_folder(model)
    assert not (model.parent / "store").exists()
