"""kill -9 at random moments of a rewrite in two shards: no row is lost or doubled, no finished block is made again.

Rewriting alone is killed, every second time within a moment after a block was written, else from its engines' first
second on; then again in another store, until so many kills were made. Blocks in float32 on a CPU: the bytes are those
of the undisturbed run.
"""

import random
import subprocess
import time
from pathlib import Path

import pytest

from tasks.rows.jsonl import read_rows
from tasks.runtime.store import Store
from tests.faults.conftest import Figure
from tests.faults.runs import all_gone, copy_without, digests, engines_of, of_kind, start
from tests.faults.test_kills import blocks, kill_one

pytestmark = [pytest.mark.faults, pytest.mark.timeout(3600)]

KILLS, SEED = 20, 12
ONLY = frozenset({"rewrite"})
ENGINE = "-m tasks.rewrite"


def wait_for_rewriting(run: subprocess.Popen[bytes], store: Store) -> bool:
    """Whether an engine rewrites; False once all shards are published, or the run has ended."""
    while run.poll() is None and len(of_kind(store, "rewrite")) < 2:
        if engines_of(store.root, ENGINE):
            return True
        time.sleep(0.1)
    return False


def wait_for_moment(draw: random.Random, after_a_block: bool, longest: float, root: Path) -> None:
    """A random moment of rewriting; it ends at once where rewriting does."""
    before, end = blocks(root).keys(), time.monotonic() + (10 * longest if after_a_block else draw.uniform(0, longest))
    while time.monotonic() < end and engines_of(root, ENGINE):
        if after_a_block and blocks(root).keys() - before:
            end = min(end, time.monotonic() + draw.uniform(0, 0.5))
        time.sleep(0.02)


def test_kill_9_at_twenty_random_moments_of_a_sharded_rewrite(
    undisturbed: Store, tmp_path: Path, figure: Figure
) -> None:
    draw, kills, rounds = random.Random(SEED), 0, 0
    shards = of_kind(undisturbed, "rewrite")
    longest = max(one.timings["seconds"] for one in shards) / 2
    while kills < KILLS:
        root = tmp_path / f"run{rounds}" / "store"
        store = copy_without(["rewrite"], undisturbed, root)
        run, done = start(root), blocks(root)
        while len(of_kind(store, "rewrite")) < len(shards):
            if wait_for_rewriting(run, store) and kills < KILLS:
                wait_for_moment(draw, kills % 2 == 1, longest, root)
                if engines_of(root, ENGINE):
                    kill_one(draw, run, root)
                    kills += 1
            if run.poll() is not None and len(of_kind(store, "rewrite")) < len(shards):
                assert all_gone(root)
                run = start(root)
            now = blocks(root)
            assert all(now[path] == when for path, when in done.items() if path in now), "a block was made twice"
            done = now
            time.sleep(0.1)
        run.kill()
        run.wait()
        assert all_gone(root)
        assert digests(store, ONLY) == digests(undisturbed, ONLY), "the bytes are not those of the undisturbed run"
        files = [store.path(one.key) / "rewrites.jsonl" for one in of_kind(store, "rewrite")]
        ids = [row["id"] for file in files for row in read_rows(file)]
        assert len(ids) == len(set(ids))
        rounds += 1
    how = f"{rounds} rewrites of {len(shards)} shards, byte-equal to the undisturbed ones; no finished block made again"
    figure("kill -9 at a random moment of a sharded rewrite", tried=KILLS, held=kills, how=how)
