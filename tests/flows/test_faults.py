"""kill -9 of the flow or of an engine, in every stage that has one: nothing survives, nothing is lost, nothing changes.

One undisturbed run is the reference. For each stage its store is copied without that stage's artifacts and what
hangs on them, a run is killed there, and a rerun must end with the same rows, each once. From the published adapter on
everything is byte-equal: greedy decoding in float32 on CPU, in fixed blocks.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from prefect.settings import PREFECT_API_URL

from tasks.rows.jsonl import read_rows
from tasks.runtime.store import Manifest, Store
from tests.conftest import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

ENGINES = {
    "train_agent": "tasks.train_agent.trl.engine",
    "rewrite": "tasks.rewrite.vllm_engine",
    "finetune": "tasks.finetune.llamafactory",
    "evaluate": "tasks.evaluate.lm_eval_engine",
    "score": "tasks.score.engine",
    "measure": "tasks.measure.engine",
}


def start(root: Path) -> subprocess.Popen[bytes]:
    environment = os.environ | {"REWRITING_AGENT_STORE": str(root), "PREFECT_API_URL": PREFECT_API_URL.value()}
    with (root.parent / "run.log").open("ab") as log:
        command = [sys.executable, "-m", "tests.flows.small"]
        return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, prefect_server: None) -> Iterator[Store]:
    root = tmp_path_factory.mktemp("undisturbed") / "store"
    root.mkdir()
    assert start(root).wait(timeout=900) == 0
    yield Store(root)


def copy_without(kind: str, whole: Store, root: Path) -> Store:
    """A copy of a store without the artifacts of `kind` and everything made from them."""
    manifests = {manifest.key: manifest for manifest in whole.manifests()}
    gone = {key for key, manifest in manifests.items() if manifest.kind == kind}
    while more := {
        key
        for key, manifest in manifests.items()
        if key not in gone and any(one.key in gone for one in manifest.inputs.values())
    }:
        gone |= more
    for key in set(manifests) - gone:
        shutil.copytree(whole.path(key), root / "artifacts" / key)
    return Store(root)


def processes_of(root: Path, module: str = "") -> list[psutil.Process]:
    """Living processes whose command line names a file of this store: engines, their workers, their supervisors."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        line = " ".join(process.info["cmdline"] or [])
        if str(root) in line and module in line and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(process)
    return found


def wait_for_engine(root: Path, module: str) -> psutil.Process:
    """The engine itself, once it has been at work for a moment."""
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        engines = [one for one in processes_of(root, module) if "supervisor.py" not in " ".join(one.cmdline())]
        if engines and time.time() - engines[0].create_time() > 8:
            return engines[0]
        time.sleep(0.2)
    raise AssertionError(f"{module} did not start")


def all_gone(root: Path) -> bool:
    deadline = time.monotonic() + 20
    while processes_of(root) and time.monotonic() < deadline:
        time.sleep(0.2)
    return not processes_of(root)


def digests(store: Store, kinds: set[str]) -> dict[str, str]:
    return {manifest.key: manifest.digest for manifest in store.manifests() if manifest.kind in kinds}


def one(store: Store, kind: str) -> list[Manifest]:
    return [manifest for manifest in store.manifests() if manifest.kind == kind]


@pytest.mark.parametrize("victim", ["flow", "engine"])
@pytest.mark.parametrize("kind", ENGINES)
def test_kill_9_in_any_stage(kind: str, victim: str, undisturbed: Store, tmp_path: Path) -> None:
    root = tmp_path / "store"
    store = copy_without(kind, undisturbed, root)
    kept = {manifest.key: manifest.digest for manifest in store.manifests()}
    run = start(root)
    engine = wait_for_engine(root, ENGINES[kind])
    if victim == "flow":
        run.kill()
        run.wait()
        assert all_gone(root), "the flow's death must take its engines with it"
        run = start(root)
    else:
        engine.kill()  # the stage tries again and resumes
    assert run.wait(timeout=600) == 0, (tmp_path / "run.log").read_text()[-3000:]
    assert all_gone(root)

    after = {manifest.key: manifest.digest for manifest in store.manifests()}
    assert kept.items() <= after.items(), "published artifacts do not change"
    split = next(manifest for manifest in one(store, "split") if manifest.config["part"] == "sft")
    ids = [row["id"] for row in read_rows(store.path(split.key) / "rows.jsonl")]
    for dataset in one(store, "assemble"):
        assert [row["id"] for row in read_rows(store.path(dataset.key) / "rows.jsonl")] == ids
    if kind != "train_agent":
        same = {"rewrite", "verify", "assemble", "train_agent", "finetune", "score", "measure"}
        assert digests(store, same) == digests(undisturbed, same)
    assert not list((root / "partial").iterdir())
