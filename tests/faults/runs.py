"""Small runs that tests kill: start one, know its processes, see that nothing of it is left."""

import fcntl
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Collection
from pathlib import Path

import psutil
from prefect.settings import PREFECT_API_URL

from tasks.rows.jsonl import read_rows
from tasks.runtime.store.store import Manifest, Store
from tests.conftest import ROOT

# Of stages whose bytes are promised once the adapter is there: greedy decoding in float32 on CPU, in fixed blocks.
SAME = frozenset({"rewrite", "verify", "assemble", "train_agent", "finetune", "score", "measure"})

AFTER_THE_AGENT = ("measure", "rewrite", "finetune", "evaluate", "score", "read_base", "drift")


def start(root: Path, *changes: str, **variables: str) -> subprocess.Popen[bytes]:
    """A small run in a store, against this session's server; its output in run.log beside the store."""
    named = {"REWRITING_AGENT_STORE": str(root), "PREFECT_API_URL": str(PREFECT_API_URL.value())}
    with (root.parent / "run.log").open("ab") as log:
        command = [sys.executable, "-m", "tests.flows.small", *changes]
        return subprocess.Popen(
            command, cwd=ROOT, env=os.environ | named | variables, stdout=log, stderr=log, start_new_session=True
        )


def copy_without(kinds: Collection[str], whole: Store, root: Path) -> Store:
    """A copy of a store without the artifacts of `kinds` and everything made from them."""
    manifests = {manifest.key: manifest for manifest in whole.manifests()}
    gone = {key for key, manifest in manifests.items() if manifest.kind in kinds}
    while more := {
        key
        for key, manifest in manifests.items()
        if key not in gone and any(one.key in gone for one in manifest.inputs.values())
    }:
        gone |= more
    for key in set(manifests) - gone:
        shutil.copytree(whole.path(key), root / "artifacts" / key)
    return Store(root)


def processes_of(root: Path) -> list[psutil.Process]:
    """Living processes that were told to use this store: a run, its engines, their supervisors, their workers."""
    named = f"REWRITING_AGENT_STORE={root}".encode()
    found = []
    for process in psutil.process_iter():
        try:
            mine = named in Path(f"/proc/{process.pid}/environ").read_bytes().split(b"\0")
            if mine and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (OSError, psutil.Error):
            continue
    return found


def line(process: psutil.Process) -> str:
    """A process's command line; "" where it has just ended."""
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def engines_of(root: Path, module: str = "-m tasks.") -> list[psutil.Process]:
    """The first processes of the engines at work in this store."""
    return [one for one in processes_of(root) if module in line(one) and "supervisor.py" not in line(one)]


def all_gone(root: Path, seconds: float = 20) -> bool:
    """Whether no process of the run is left and none of its locks is taken, at the latest after `seconds`.

    (A process that ends gives up its memory, by which it is known here, some milliseconds before it closes its files.)
    """
    deadline = time.monotonic() + seconds
    while (left := processes_of(root) or taken_locks(root)) and time.monotonic() < deadline:
        time.sleep(0.2)
    return not left


def taken_locks(root: Path) -> list[str]:
    """Locks and slots of the store that somebody holds."""
    taken = []
    for path in [*root.glob("locks/*"), *root.glob("slots/*/*")]:
        with path.open("r+b") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                taken.append(path.name)
    return taken


def digests(store: Store, kinds: frozenset[str] | None = None) -> dict[str, str]:
    """Key → digest of what is published, of `kinds` alone where they are given."""
    return {one.key: one.digest for one in store.manifests() if kinds is None or one.kind in kinds}


def of_kind(store: Store, kind: str) -> list[Manifest]:
    return [manifest for manifest in store.manifests() if manifest.kind == kind]


def each_row_once(store: Store) -> bool:
    """Whether every assembled dataset holds the ids of the SFT split, in its order, each once."""
    [split] = [manifest for manifest in of_kind(store, "split") if manifest.config["part"] == "sft"]
    ids = [row["id"] for row in read_rows(store.path(split.key) / "rows.jsonl")]
    datasets = of_kind(store, "assemble")
    return bool(datasets) and all(
        [row["id"] for row in read_rows(store.path(dataset.key) / "rows.jsonl")] == ids for dataset in datasets
    )
