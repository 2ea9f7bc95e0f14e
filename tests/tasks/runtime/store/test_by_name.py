"""by-name/ leads to every artifact by its name, whoever writes it at once, and stops nothing where it cannot be."""

import errno
import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tasks.runtime.store import by_name
from tasks.runtime.store.names import names_of
from tasks.runtime.store.prune import leftovers, remove
from tasks.runtime.store.store import Manifest, Store
from tests.conftest import ROOT

KEYS = [f"{number:08x}" * 4 for number in range(1, 4)]


def publish(root: Path, key: str, kind: str = "count", name: str = "") -> Store:
    store = Store(root)
    store.partial(key).mkdir(parents=True)
    (store.partial(key) / "file").write_text(key)
    with store.lock(key):
        store.publish(Manifest(kind=kind, key=key, name=name))
    return store


def tree(root: Path) -> dict[str, str]:
    """Name → what the link leads to."""
    folder = root / "by-name"
    return {
        str(path.relative_to(folder)): (path / "file").read_text() for path in folder.rglob("*") if path.is_symlink()
    }


def test_a_published_artifact_lies_under_its_name(tmp_path: Path) -> None:
    publish(tmp_path, KEYS[0], name="finetune/nano/sft-seed0/00000001")
    publish(tmp_path, KEYS[1])
    assert tree(tmp_path) == {"finetune/nano/sft-seed0/00000001": KEYS[0], "count/00000002": KEYS[1]}
    shutil.move(tmp_path / "artifacts", tmp_path / "moved" / "artifacts")
    shutil.move(tmp_path / "by-name", tmp_path / "moved" / "by-name")
    assert len(tree(tmp_path / "moved")) == 2, "links are relative"


def test_pruning_takes_links_and_empty_folders_and_mends_what_lacks(tmp_path: Path) -> None:
    store = publish(tmp_path, KEYS[0], name="finetune/nano/sft-seed0/00000001")
    publish(tmp_path, KEYS[1], "report")
    shutil.rmtree(tmp_path / "by-name" / "report")  # as before there were names
    (tmp_path / "by-name" / "report").mkdir()
    (tmp_path / "by-name" / "report" / ".00000002.17.4").symlink_to(f"../../artifacts/{KEYS[1]}")  # a killed process's
    remove(store, leftovers(store, {"report"}, days=0))
    assert tree(tmp_path) == {"report/00000002": KEYS[1]}
    assert [path.name for path in (tmp_path / "by-name").iterdir()] == ["report"]


def test_what_is_published_while_the_tree_is_mended_keeps_its_link(tmp_path: Path) -> None:
    store = publish(tmp_path, KEYS[0])
    known = names_of(store.manifests())
    publish(tmp_path, KEYS[1])
    by_name.refresh(tmp_path, known)
    assert tree(tmp_path) == {"count/00000001": KEYS[0], "count/00000002": KEYS[1]}


def test_processes_that_link_and_mend_at_once_lose_nothing(tmp_path: Path) -> None:
    for key in KEYS:
        (tmp_path / "artifacts" / key).mkdir(parents=True)
        (tmp_path / "artifacts" / key / "file").write_text(key)
    code = (
        "import sys\nfrom pathlib import Path\nfrom tasks.runtime.store import by_name\n"
        "root, key = Path(sys.argv[1]), sys.argv[2]\n"
        "for n in range(300):\n"
        "    by_name.refresh(root, {key: f'a/{n % 7}/{key[:8]}'})\n"  # its folder goes as the last link leaves it
        "by_name.refresh(root, {key: f'a/b/{key[:8]}'})\n"
    )
    workers = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path), key], cwd=ROOT, stderr=subprocess.PIPE)
        for key in KEYS
    ]
    assert [worker.communicate(timeout=60)[1] for worker in workers] == [b""] * 3
    assert tree(tmp_path) == {f"a/b/{key[:8]}": key for key in KEYS}


@pytest.mark.parametrize("how", ["no links", "a file lies there"])
def test_without_links_everything_else_works_and_it_is_said_once(
    tmp_path: Path, how: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    if how == "no links":  # as FAT answers

        def refuse(*_: object, **__: object) -> None:
            raise OSError(errno.EPERM, "Operation not permitted")

        monkeypatch.setattr(os, "symlink", refuse)
    else:
        (tmp_path / "by-name").write_text("mine")
    with caplog.at_level(logging.WARNING):
        store = publish(tmp_path, KEYS[0])
        publish(tmp_path, KEYS[1])
        by_name.refresh(tmp_path, names_of(store.manifests()))
    assert store.find(KEYS[0]) and store.find(KEYS[1])
    (said,) = [record.getMessage() for record in caplog.records]
    assert "names are not linked there" in said and "`rewriting-agent store list` has them all" in said
