"""The commit that made an artifact is told where there is a clone, and never in the way."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tasks.runtime import revision


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    revision.commit.cache_clear()
    yield
    revision.commit.cache_clear()


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run(["git", "-C", str(folder), *identity, *arguments], check=True, capture_output=True)


def test_the_commit_is_told_and_whether_files_differ_from_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(revision, "ROOT", tmp_path)
    assert revision.commit() == ""  # no clone
    git(tmp_path, "init", "-q")
    (tmp_path / "code.py").write_text("1\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "first")
    revision.commit.cache_clear()
    clean = revision.commit()
    assert len(clean) == 12 and int(clean, 16)
    (tmp_path / "code.py").write_text("2\n")
    revision.commit.cache_clear()
    assert revision.commit() == f"{clean}-dirty"
