"""Two hosts, each with a folder and a worker of its own, one bucket: a stage is built there and gone on with here.

A "host" is a store's folder, and a worker in a process of its own; the bucket is moto's S3 server.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from prefect import flow
from prefect.settings import PREFECT_API_URL

from infra.api import client as client_of
from infra.work_pools.pool import register
from infra.work_pools.template import template
from tasks.corpus.corpus import CorpusConfig, corpus
from tasks.runtime.futures import finish
from tasks.runtime.placement import placement
from tasks.runtime.placement.placement import Place
from tasks.runtime.placement.placement_check import check
from tasks.runtime.settings import ROOT as PROJECT
from tasks.runtime.settings import settings
from tasks.runtime.stage import store
from tasks.runtime.store.store import Artifact, Store
from tasks.sample.sample import SampleConfig, sample
from tests.conftest import ROOT
from tests.tasks.runtime.store.test_shared_store import s3, server, url

__all__ = ["s3", "server", "url"]  # fixtures
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]
NANO = PROJECT / "infra" / "nano" / "model"
POOLS = ("host_a", "host_b")


@pytest.fixture
def hosts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, prefect_server: None, url: str
) -> Iterator[dict[str, Store]]:
    """Pools `host_a` and `host_b`, a worker each; this process is on host_a."""
    monkeypatch.setenv("REWRITING_AGENT_SHARED_STORE", url)
    monkeypatch.setenv("REWRITING_AGENT_STORE", str(tmp_path / "host_a"))
    settings.cache_clear()
    api = str(PREFECT_API_URL.value())
    workers = []
    with client_of(api) as client:
        for pool in POOLS:
            register(client, pool, "process", template("process", gpus=0), runs=1)
            given = {"PREFECT_API_URL": api, "PREFECT_WORKER_QUERY_SECONDS": "1"}
            given["REWRITING_AGENT_STORE"] = str(tmp_path / pool)
            serve = [sys.executable, "-m", "infra.work_pools", "serve", pool]
            workers.append(subprocess.Popen(serve, cwd=ROOT, env=os.environ | given))
        for pool, worker in zip(POOLS, workers, strict=True):
            _wait_for(client, pool, worker)
    yield {pool: Store(tmp_path / pool) for pool in POOLS}
    for worker in workers:
        worker.terminate()
    for worker in workers:
        worker.wait(timeout=60)
    settings.cache_clear()


def _wait_for(client: httpx.Client, pool: str, worker: subprocess.Popen[bytes]) -> None:
    online = {"workers": {"status": {"any_": ["ONLINE"]}}}
    until = time.monotonic() + 240
    while not client.post(f"/work_pools/{pool}/workers/filter", json=online).json():
        assert worker.poll() is None and time.monotonic() < until
        time.sleep(0.5)


def test_stages_of_a_run_are_built_on_two_hosts_and_each_once(tmp_path: Path, hosts: dict[str, Store]) -> None:
    files = {}
    for number, name in enumerate(("a", "b")):
        files[name] = tmp_path / f"{name}.jsonl"
        rows = [
            {"source": "x", "problem": f"What is {n} + {number}?", "solution": f"\\boxed{{{n + number}}}"}
            for n in range(20)
        ]
        files[name].write_text("".join(json.dumps(row) + "\n" for row in rows))
    table = {"corpus": Place(pool="host_b"), "sample": Place(pool="host_a")}

    @flow
    def study() -> tuple[dict[str, Artifact], Artifact]:
        check(table, {"corpus": 0, "sample": 0})
        placement.use(table)
        configs = {n: CorpusConfig(name=n, format="numinamath_cot", path=str(path)) for n, path in files.items()}
        futures = {name: corpus.submit(config) for name, config in configs.items()}
        corpora = {name: finish(future) for name, future in futures.items()}
        tokenizers = {"nano": _tokenizer()}
        drawn = sample.submit(SampleConfig(rows=30), corpora=corpora, tokenizers=tokenizers)
        return corpora, finish(drawn)

    corpora, drawn = study()
    a, b = hosts["host_a"], hosts["host_b"]
    for one in corpora.values():
        assert b.find(one.key) == one  # built there …
        assert a.find(one.key) == one  # … and fetched here, where the sample was drawn from it
        assert "stage" in store().manifest(one.key).run["flow"]
    assert a.find(drawn.key) == drawn
    assert b.find(drawn.key) is None  # host_b had no use for it
    started = {one.key: one.timings.get("started") for home in (a, b) for one in home.manifests()}
    again = study()
    assert again == (corpora, drawn)  # found; nothing is sent anywhere
    assert {one.key: one.timings.get("started") for home in (a, b) for one in home.manifests()} == started


def _tokenizer() -> Artifact:
    """nano's folder as an artifact of this host, as its import would leave it."""
    import shutil

    from tasks.runtime.store.store import Manifest

    home, key = store(), "7" * 32
    with home.lock(key):
        if found := home.find(key):
            return found
        shutil.copytree(NANO, home.partial(key))
        return home.publish(Manifest(kind="backbone", key=key))
