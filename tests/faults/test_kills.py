"""kill -9 at random moments, of any process of a run: no row is lost or doubled, nothing published changes.

A run is killed, looked at, started again, until it has ended by itself; then another begins, until so many kills were
made. The moments come from a seed and hit every stage, its start, its engine, an engine's children, a supervisor.
Every second run begins with the agent that the reference trained: from there on its bytes are promised.

    FAULTS_LEDGER=kills.jsonl FAULTS_KILLS=40 …    goes on after the runs that the file holds, up to 40 kills in all
"""

import json
import os
import random
import subprocess
from collections import Counter
from pathlib import Path

import psutil
import pytest

from tasks.rows.jsonl import read_rows
from tasks.runtime.store.store import Store
from tests.faults.conftest import Figure
from tests.faults.runs import (
    AFTER_THE_AGENT,
    SAME,
    all_gone,
    copy_without,
    digests,
    each_row_once,
    engines_of,
    line,
    of_kind,
    processes_of,
    start,
    taken_locks,
)

pytestmark = [pytest.mark.faults, pytest.mark.timeout(7200)]

KILLS, SEED = int(os.environ.get("FAULTS_KILLS", "100")), 14
LEDGER = os.environ.get("FAULTS_LEDGER")  # of finished runs, a line each: kills of several sessions add up
OF_A_RUN = 12  # kills at most
SHARE, LONGEST = 12, 5  # kills come in an undisturbed run's twelfth, exponentially; at the latest after five of these
SECRET = "marked-4f0c1d5a9e27"  # stands for a token; must be found nowhere afterwards


def blocks(root: Path) -> dict[str, int]:
    """Finished blocks of rows in unfinished work, by path: when they were written."""
    return {str(path): path.stat().st_mtime_ns for path in root.glob("partial/*/scratch/blocks/*.jsonl")}


def kill_one(draw: random.Random, run: subprocess.Popen[bytes], root: Path) -> str:
    """Kill a process of the run; says which."""
    others = [one for one in processes_of(root) if one.pid != run.pid]
    supervisors = [one for one in others if "supervisor.py" in line(one)]
    engines = engines_of(root)
    children = [one for one in others if one not in supervisors and one not in engines]
    of = {"engine": engines, "child of an engine or stage": children, "supervisor": supervisors}
    [name] = draw.choices(["flow", *of], weights=[4, 3, 2, 1])
    if of.get(name):
        try:
            draw.choice(sorted(of[name], key=lambda one: one.pid)).kill()
            return name
        except psutil.NoSuchProcess:
            pass
    run.kill()
    run.wait()
    return "flow"


def test_kill_9_at_a_hundred_random_moments(undisturbed: Store, tmp_path: Path, figure: Figure) -> None:
    earlier = [*read_rows(Path(LEDGER))] if LEDGER and Path(LEDGER).exists() else []
    killed, stages, number = Counter[str](), Counter[str](), len(earlier)
    for row in earlier:
        killed.update(row["killed"])
    equal = sum(row["equal"] for row in earlier)
    mean = seconds_of(undisturbed) / SHARE
    while sum(killed.values()) < KILLS:
        draw, here = random.Random(f"{SEED}/{number}"), Counter[str]()
        root = tmp_path / f"run{number}" / "store"
        root.mkdir(parents=True)
        from_agent = number % 2 == 1
        store = copy_without(AFTER_THE_AGENT, undisturbed, root) if from_agent else Store(root)
        run, published, done = None, digests(store), blocks(root)
        while True:
            run = run or start(root, HF_TOKEN=SECRET, OPENAI_API_KEY=SECRET)
            left = sum(killed.values()) + here.total() < KILLS and here.total() < OF_A_RUN
            try:
                run.wait(timeout=min(draw.expovariate(1 / mean), LONGEST * mean) if left else 900)
            except subprocess.TimeoutExpired:
                assert left, "the last run did not end"
                stages.update({line(one).partition("-m tasks.")[2].split()[0] for one in engines_of(root)} or {"none"})
                here[kill_one(draw, run, root)] += 1
                if run.poll() is not None:
                    assert all_gone(root), f"left: {[line(one) for one in processes_of(root)]}, {taken_locks(root)}"
                    run = None
                assert published.items() <= digests(store).items(), "something published has changed"
                now = blocks(root)
                assert all(now[path] == when for path, when in done.items() if path in now), "a block was made twice"
                published, done = digests(store), now
                print(sum(killed.values()) + here.total(), dict(here), len(published), flush=True)
                continue
            if run.returncode == 0:
                break
            run = None  # its engine was killed too often, or a worker of its own: it says so and is started again
        assert all_gone(root)
        assert each_row_once(store)
        assert not list((root / "partial").iterdir())
        assert {one: len(of_kind(store, one)) for one in SAME} == {one: len(of_kind(undisturbed, one)) for one in SAME}
        for agent in of_kind(store, "train_agent"):
            steps = [row["step"] for row in read_rows(store.path(agent.key) / "steps.jsonl")]
            assert steps == sorted(set(steps)), "a step was kept twice"
        if from_agent:
            assert digests(store, SAME) == digests(undisturbed, SAME)
            equal += 1
        assert not holding(tmp_path / f"run{number}", SECRET), "a secret was written down"
        killed.update(here)
        number += 1
        if LEDGER:
            with Path(LEDGER).open("a") as lines:
                lines.write(json.dumps({"run": number, "killed": dict(here), "equal": from_agent}) + "\n")
    who = ", ".join(f"{count} × {name}" for name, count in killed.most_common())
    what = f"{number} runs, {equal} of them byte-equal to the undisturbed one from the agent on; killed {who}"
    figure("kill -9 of a process of a run at a random moment", tried=killed.total(), held=killed.total(), how=what)
    print(stages)


def seconds_of(store: Store) -> float:
    """How long a run worked, from its first stage's beginning to its last one's end."""
    timings = [one.timings for one in store.manifests()]
    return max(one["started"] + one["seconds"] for one in timings) - min(one["started"] for one in timings)


def holding(folder: Path, text: str) -> list[Path]:
    """Files below `folder` whose bytes hold `text`."""
    return [path for path in folder.rglob("*") if path.is_file() and text.encode() in path.read_bytes()]
