"""kill -9 at random moments of a rewrite by two engines: no row is lost or doubled, nothing finished is made again.

Rewriting alone is killed, every second time within a moment after something was written, else from its engines' first
second on: the flow, the process that deals, an engine, a supervisor; then again in another store, until so many kills
were made. In float32 on a CPU rows are dealt in blocks, and the bytes are those of the undisturbed run; in bfloat16
eight samples of each row are one queue, and each has the ids of the split once.

    FAULTS_KILLS=4 …    so many kills each, instead of 20
"""

import os
import random
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tasks.rows.jsonl import read_rows
from tasks.runtime.store.store import Store
from tests.faults.conftest import Figure
from tests.faults.runs import all_gone, copy_without, digests, engines_of, of_kind, start
from tests.faults.test_kills import blocks, kill_one

pytestmark = [pytest.mark.faults, pytest.mark.timeout(7200)]

KILLS, SEED = int(os.environ.get("FAULTS_KILLS", "20")), 12
ONLY = frozenset({"rewrite"})
ENGINE = "-m tasks.rewrite"
SAMPLES = ("first_of_n", "rewrite.dtype=bfloat16")


def durable(root: Path) -> dict[str, Any]:
    """What of unfinished rewrites is there to stay: blocks by when they were written, a queue's rows by their lines.

    Fails where a queue's file has an id twice.
    """
    found: dict[str, Any] = dict(blocks(root))
    for path in root.glob("partial/*/scratch/finished.jsonl"):
        whole = path.read_bytes().rpartition(b"\n")[0].splitlines()
        rows = {f"{path} {line[: line.index(b',')].decode()}": line for line in whole}
        assert len(rows) == len(whole), f"{path}: a row was made twice"
        found |= rows
    return found


def wait_for_rewriting(run: subprocess.Popen[bytes], store: Store, expected: int) -> bool:
    """Whether an engine rewrites; False once all artifacts are published, or the run has ended."""
    while run.poll() is None and len(of_kind(store, "rewrite")) < expected:
        if engines_of(store.root, ENGINE):
            return True
        time.sleep(0.1)
    return False


def wait_for_moment(draw: random.Random, after_a_write: bool, longest: float, root: Path) -> None:
    """A random moment of rewriting; it ends at once where rewriting does."""
    before, end = durable(root).keys(), time.monotonic() + (10 * longest if after_a_write else draw.uniform(0, longest))
    while time.monotonic() < end and engines_of(root, ENGINE):
        if after_a_write and durable(root).keys() - before:
            end = min(end, time.monotonic() + draw.uniform(0, 0.5))
        time.sleep(0.02)


@pytest.mark.parametrize(("mode", "changes", "expected"), [("float32", (), 1), ("bfloat16", SAMPLES, 8)])
def test_kill_9_at_twenty_random_moments_of_a_rewrite_by_two_engines(
    mode: str, changes: tuple[str, ...], expected: int, undisturbed: Store, tmp_path: Path, figure: Figure
) -> None:
    draw, kills, rounds = random.Random(f"{SEED}/{mode}"), 0, 0
    longest = of_kind(undisturbed, "rewrite")[0].timings["seconds"] / 2
    [split] = [one for one in of_kind(undisturbed, "split") if one.config["part"] == "sft"]
    ids = sorted(row["id"] for row in read_rows(undisturbed.path(split.key) / "rows.jsonl"))
    while kills < KILLS:
        root = tmp_path / f"run{rounds}" / "store"
        store = copy_without(["rewrite"], undisturbed, root)
        run, done = start(root, *changes), durable(root)
        while len(of_kind(store, "rewrite")) < expected:
            if wait_for_rewriting(run, store, expected) and kills < KILLS:
                wait_for_moment(draw, kills % 2 == 1, longest, root)
                if engines_of(root, ENGINE):
                    kill_one(draw, run, root)
                    kills += 1
            if run.poll() is not None and len(of_kind(store, "rewrite")) < expected:
                assert all_gone(root)
                run = start(root, *changes)
            done = kept(done, durable(root))
            time.sleep(0.1)
        run.kill()
        run.wait()
        assert all_gone(root)
        if mode == "float32":
            assert digests(store, ONLY) == digests(undisturbed, ONLY), "the bytes are not those of the undisturbed run"
        for one in of_kind(store, "rewrite"):
            assert one.metrics["dtype"] == mode
            assert [row["id"] for row in read_rows(store.path(one.key) / "rewrites.jsonl")] == ids
        rounds += 1
    promise = "byte-equal to the undisturbed ones; no finished block" if mode == "float32" else "each id once; no row"
    how = f"{rounds} rewrites, {promise} made again"
    figure(f"kill -9 at a random moment of a rewrite by two engines, {mode}", tried=KILLS, held=kills, how=how)


def kept(before: Mapping[str, Any], now: dict[str, Any]) -> dict[str, Any]:
    """What is there now. Fails where something that was there before was made again."""
    assert all(now[name] == value for name, value in before.items() if name in now), "it was made twice"
    return now
