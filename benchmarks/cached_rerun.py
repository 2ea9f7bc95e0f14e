"""Two figures of the workflow itself, from one run of a small nano experiment and its repetitions.

cached_rerun:   a fully cached `pipeline` flow on a warm server, in seconds and against the run that built everything
stage_overhead: that run's wall time over the critical path of its engine processes, spawn to exit

Builds into a store of its own with a small nano experiment, so it takes some minutes the first time.
"""

import logging
import os
import tempfile
import time
from pathlib import Path

from benchmarks._beside import tell

REPEATS = 7
SMALL = {
    "sample.rows": 120,
    "split.sft_rows": 40,
    "split.held_out_rows": 10,
    "split.agent_rows": 70,
    "train_agent.steps": 2,
    "evaluate.limit": 20,
}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.environ["REWRITING_AGENT_STORE"] = str(Path(folder) / "store")
        os.environ["PREFECT_HOME"] = str(Path(folder) / "prefect")
        os.environ["PREFECT_LOGGING_LEVEL"] = "ERROR"
        from prefect.testing.utilities import prefect_test_harness

        from flows.experiment import load_experiment
        from flows.pipeline import pipeline

        logging.getLogger("prefect").setLevel(logging.ERROR)
        experiment = load_experiment("nano", SMALL)
        with prefect_test_harness(server_startup_timeout=180):
            start = time.perf_counter()
            pipeline(experiment=experiment)
            first = time.perf_counter() - start
            times = []
            for _ in range(REPEATS):
                start = time.perf_counter()
                pipeline(experiment=experiment)
                times.append(time.perf_counter() - start)
        tell("cached_rerun", "s", "first run, 120 rows", times, [first] * REPEATS, better="lower")
        overhead(first)


def overhead(wall: float) -> None:
    """Also prints `stage_overhead`: the first run's wall time over the critical path of its engine processes."""
    from benchmarks._critical_path import critical_path
    from tasks.runtime.stage import store

    engines = critical_path(list(store().manifests()))
    tell("stage_overhead", "s", "critical path of the engines, spawn to exit", [wall], [engines], better="lower")


if __name__ == "__main__":
    main()
