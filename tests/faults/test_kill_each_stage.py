"""kill -9 of the flow or of an engine, in every stage that has one: nothing survives, nothing is lost, nothing changes.

One undisturbed run is the reference. For each stage its store is copied without that stage's artifacts and what
hangs on them, a run is killed there, and a rerun must end with the same rows, each once. From the published adapter on
everything is byte-equal: greedy decoding in float32 on CPU, in fixed blocks.
"""

import time
from pathlib import Path

import psutil
import pytest

from tasks.runtime.store.store import Store
from tests.faults.runs import SAME, all_gone, copy_without, digests, each_row_once, engines_of, start

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

ENGINES = {
    "train_agent": "tasks.train_agent.trl.engine",
    "rewrite": "tasks.rewrite.vllm_engine",
    "finetune": "tasks.finetune.llamafactory",
    "evaluate": "tasks.evaluate.lm_eval_engine",
    "score": "tasks.score.engine",
    "measure": "tasks.measure.engine",
}


def wait_for_engine(root: Path, module: str) -> psutil.Process:
    """The engine itself, once it has been at work for a moment."""
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        engines = engines_of(root, module)
        if engines and time.time() - engines[0].create_time() > 1:
            return engines[0]
        time.sleep(0.2)
    raise AssertionError(f"{module} did not start")


@pytest.mark.parametrize("victim", ["flow", "engine"])
@pytest.mark.parametrize("kind", ENGINES)
def test_kill_9_in_any_stage(kind: str, victim: str, undisturbed: Store, tmp_path: Path) -> None:
    root = tmp_path / "store"
    store = copy_without([kind], undisturbed, root)
    kept = digests(store)
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

    assert kept.items() <= digests(store).items(), "published artifacts do not change"
    assert each_row_once(store)
    if kind != "train_agent":
        assert digests(store, SAME) == digests(undisturbed, SAME)
    assert not list((root / "partial").iterdir())
