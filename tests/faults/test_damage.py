"""A bit that has turned, a file that is cut: found at the next look-up, by name, before anything is made from it."""

import json
import os
import random
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from safetensors.numpy import save_file

from tasks.rows.jsonl import write_rows
from tasks.runtime.store.manifest import MANIFEST, manifest_text, read
from tasks.runtime.store.store import Manifest, Store
from tests.faults.conftest import Figure, Times

KEY = "0123456789abcdef0123456789abcdef"
ROWS = [{"id": f"n/{n}", "question": f"What is {n} + {n}?", "answer": str(2 * n)} for n in range(20)]

KINDS: dict[str, Callable[[Path], object]] = {
    "rows.jsonl": lambda path: write_rows(path, ROWS),
    "rows.parquet": lambda path: pq.write_table(pa.Table.from_pylist(ROWS), path),
    "model/model.safetensors": lambda path: save_file({"w": np.arange(256, dtype=np.float32)}, path),
    "model/config.json": lambda path: path.write_text(json.dumps({"hidden_size": 64, "dtype": "float32"})),
    "model/chat_template.jinja": lambda path: path.write_text("{% for m in messages %}{{ m.content }}{% endfor %}"),
    "report.html": lambda path: path.write_text("<!doctype html><p>81.4 %</p>"),
    "figure.svg": lambda path: path.write_text('<svg xmlns="http://www.w3.org/2000/svg"/>'),
}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store with one artifact that holds a file of every kind."""
    store = Store(tmp_path / "store")
    (store.partial(KEY) / "model").mkdir(parents=True)
    for name, write in KINDS.items():
        write(store.partial(KEY) / name)
    with store.lock(KEY):
        store.publish(Manifest(kind="test", key=KEY, metrics={"rows": 20, "loss": 0.25}, config={"rate": 1e-5}))
    return store


def turn(path: Path, draw: random.Random) -> None:
    """Turn one bit."""
    content = bytearray(path.read_bytes())
    content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
    path.write_bytes(content)


def cut(path: Path, draw: random.Random) -> None:
    """Cut the file off, its last byte at least."""
    content = path.read_bytes()
    path.write_bytes(content[: draw.randrange(len(content))])


HOW = {"a bit turned": turn, "cut off": cut}


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("name", KINDS)
def test_a_damaged_file_is_named_and_set_aside(store: Store, name: str, how: str, figure: Figure, times: Times) -> None:
    path, draw, found = store.path(KEY) / name, random.Random(14), 0
    whole = path.read_bytes()
    for _ in range(tried := times(4, 100)):
        HOW[how](path, draw)
        said = store.verify(KEY) or ""
        found += name in said and store.find(KEY) is None and len(aside := list((store.root / "broken").iterdir())) == 1
        aside[0].rename(store.path(KEY))
        path.write_bytes(whole)
        assert store.verify(KEY) is None
    figure(f"{Path(name).suffix} {how}", tried=tried, held=found, how="named, set aside, built again")


@pytest.mark.parametrize("how", HOW)
def test_a_damaged_manifest_is_found_or_says_the_same(store: Store, how: str, figure: Figure, times: Times) -> None:
    path, draw, held = store.path(KEY) / MANIFEST, random.Random(14), 0
    whole, said = path.read_bytes(), read(store.path(KEY))
    for _ in range(tried := times(60, 2000)):
        HOW[how](path, draw)
        try:
            held += read(store.path(KEY)) == said
        except ValueError:
            held += not store.manifests() and store.unreadable() == [path] and store.look(KEY) is None
        path.write_bytes(whole)
    HOW["cut off"](path, draw)
    assert store.find(KEY) is None
    figure(f"manifest.json {how}", tried=tried, held=held, how="found by its checksum, or it still says the same")


def test_a_figure_that_was_changed_is_found(store: Store) -> None:
    path = store.path(KEY) / MANIFEST
    path.write_text(path.read_text().replace('"rows": 20', '"rows": 21'))
    assert "another than was written" in (store.verify(KEY) or "")


def test_a_manifest_from_before_there_were_checksums_is_read(store: Store) -> None:
    path = store.path(KEY) / MANIFEST
    said = json.loads(path.read_text())
    del said["checksum"]
    path.write_text(json.dumps(said))
    assert store.verify(KEY) is None and store.find(KEY) is not None


@pytest.fixture
def whole_store(request: pytest.FixtureRequest) -> Store:
    """The store that FAULTS_STORE names, which is only read, else that of one small run."""
    named = os.environ.get("FAULTS_STORE")
    found: Store = Store(Path(named)) if named else request.getfixturevalue("undisturbed")
    return found


@pytest.mark.faults
@pytest.mark.timeout(3600)
def test_every_file_of_a_whole_store(whole_store: Store, tmp_path: Path, figure: Figure) -> None:
    """Each damage is looked up as a run does it: the artifact is set aside, and then put back."""
    store, draw = Store(tmp_path / "store"), random.Random(14)
    tried, found, kinds = Counter[tuple[str, str]](), Counter[tuple[str, str]](), Counter[str]()
    for manifest in whole_store.manifests():
        home = store.path(manifest.key)
        shutil.copytree(whole_store.path(manifest.key), home, copy_function=shutil.copyfile)
        (home / MANIFEST).write_text(manifest_text(manifest))  # one of before there were checksums gets one
        assert store.verify(manifest.key) is None and store.find(manifest.key) is not None
        for entry in [*(one.path for one in manifest.files if one.bytes), MANIFEST]:
            path, kind = home / entry, "manifest" if entry == MANIFEST else "file"
            whole = path.read_bytes()
            kinds[path.suffix] += kind == "file"
            for name, damage in HOW.items():
                damage(path, draw)
                said = store.verify(manifest.key) or ""
                if gone := store.find(manifest.key) is None and not home.exists():
                    [aside] = (store.root / "broken").iterdir()
                    aside.rename(home)
                held = (kind in said or entry in said) and gone
                held = held or (kind == "manifest" and not said and read(home) == manifest)
                tried[kind, name] += 1
                found[kind, name] += held
                if not held:
                    print(f"{name}: {manifest.name} {entry}: {said!r}, set aside: {gone}")
                path.write_bytes(whole)
        shutil.rmtree(home)
    of = {"file": ", ".join(f"{count:,} {kind}" for kind, count in kinds.most_common()) + "; "}
    for kind, name in tried:
        what = f"{of.get(kind, '')}named, and set aside at the next look-up"
        figure(f"every {kind} of a whole store, {name}", tried=tried[kind, name], held=found[kind, name], how=what)
