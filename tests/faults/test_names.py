"""Names from users, models, datasets and the hub: none leads out of its folder, by dots, slashes or links.

Elsewhere: files of the dashboard and links out of an artifact (tests/infra/dashboard/test_app.py), members of packages
and weights that are pickles (tests/tasks/backbone), shapes and kinds of rows (tests/tasks/rows/reader).
"""

from pathlib import Path

import pytest

from flows.experiment import load_experiment
from flows.experiment_files import ExperimentError
from tasks.evaluate.benchmark import benchmark
from tasks.rows.source import SourceError
from tasks.runtime.store import by_name
from tasks.runtime.store.names import is_name, readable
from tasks.runtime.store.store import Manifest, Store, StoreError
from tests.faults.conftest import Figure

KEY = "0123456789abcdef0123456789abcdef"
HOSTILE = [
    *("..", "../../escape", "a/../../../escape", "/etc/passwd", "//escape", "a\0b", "x" * 5000, "~root", "-rf", "a\nb"),
    *("..\\..\\escape", "%2e%2e/escape", "$(touch escape)", "${HOME}", ".", "", " ", "\u202egnp.exe", "CON", "a/./b"),
]


def published(root: Path, name: str) -> Store:
    store = Store(root)
    store.partial(KEY).mkdir(parents=True)
    (store.partial(KEY) / "rows.jsonl").write_text('{"id": "a"}\n')
    with store.lock(KEY):
        store.publish(Manifest(kind="corpus", key=KEY, name=name, config={"name": name}, run={"task_run": name}))
    return store


def test_what_a_manifest_calls_itself(tmp_path: Path, figure: Figure) -> None:
    held = 0
    for number, name in enumerate(HOSTILE):
        root = tmp_path / str(number) / "deep" / "store"
        store = published(root, name)
        links = [path for path in (tmp_path / str(number)).rglob("*") if path.is_symlink()]
        inside = all(path.is_relative_to(root / by_name.FOLDER) for path in links)
        held += len(links) == 1 and inside and links[0].resolve() == store.path(KEY)
        called = readable("rewrite", KEY, backbone=name, method=name, part=name)
        assert is_name(called) and ".." not in Path(called).parts and len(called) < 300
    figure("hostile name of an artifact, backbone, method or part", tried=len(HOSTILE), held=held, how="stays inside")


def test_what_a_person_asks_for(tmp_path: Path, figure: Figure) -> None:
    store, held = published(tmp_path / "store", "corpus/a"), 0
    (tmp_path / "escape.yaml").write_text("backbone: 1\n")
    asked = [one for one in HOSTILE if one and len(one) < 200]  # a longer one is the file system's own error
    for name in asked:
        with pytest.raises(StoreError):
            store.resolve(f"../../{name}")
        with pytest.raises(SourceError, match="There are"):
            benchmark(name)
        with pytest.raises(ExperimentError):
            load_experiment(name if "\0" not in name else name.replace("\0", ""), presets=[name])
        held += 1
    figure("hostile name of a key, benchmark or preset", tried=len(asked), held=held, how="refused by a sentence")


@pytest.mark.parametrize("to", ["/etc/hostname", "../../../outside", "../../locks"])
def test_a_link_out_of_an_artifact_is_not_published(tmp_path: Path, to: str) -> None:
    (tmp_path / "outside").write_text("secret")
    store = Store(tmp_path / "store")
    store.partial(KEY).mkdir(parents=True)
    (store.partial(KEY) / "weights").symlink_to(to)
    with store.lock(KEY), pytest.raises(ValueError, match="link to something outside"):
        store.publish(Manifest(kind="corpus", key=KEY))
    assert store.find(KEY) is None
