"""`make run` the second time: the command in processes of its own, where all that it asks for is in the store.

cached_rerun:        seconds of `rewriting-agent run --backbone nano --preset smoke`, beside `import prefect` alone
cached_rerun/cores:  its seconds of cores, beside those of the import
cached_rerun/flow:   seconds of cores of the flow's graph in it: every stage is asked for and looked up
stage_overhead:      seconds of the first run, its server's start among them, over the critical path of its engines

The first run builds into a store of its own, which takes some minutes; with REWRITING_AGENT_STORE into that one, where
all may be made already, and `stage_overhead` is left out.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks._alone import alone, cores_used
from benchmarks._beside import tell
from benchmarks._critical_path import critical_path
from tasks.runtime.settings import ROOT
from tasks.runtime.store.store import Store

REPEATS = 5
ASKED = {"backbone": "nano", "preset": ["smoke"]}
COMMAND = ["-m", "flows", "run", "--backbone", "nano", "--preset", "smoke"]
IMPORT = ["-c", "import prefect"]


def main() -> None:
    given = "REWRITING_AGENT_STORE" in os.environ
    with tempfile.TemporaryDirectory() as folder:
        store = os.environ.setdefault("REWRITING_AGENT_STORE", str(Path(folder) / "store"))
        os.environ["PREFECT_HOME"] = str(Path(folder) / "prefect")
        first, _ = timed(COMMAND)
        engines = critical_path(list(Store(Path(store)).manifests()))
        ours, theirs, graphs = [], [], []
        for _ in range(REPEATS):
            theirs.append(timed(IMPORT))
            ours.append(timed(COMMAND))
            graphs.append(alone(graph)[1])
    (walls, cores), (imports, import_cores) = zip(*ours, strict=True), zip(*theirs, strict=True)
    tell("cached_rerun", "s", "import prefect", walls, imports, better="lower")
    tell("cached_rerun/cores", "s of cores", "import prefect", cores, import_cores, better="lower")
    tell("cached_rerun/flow", "s of cores", "import prefect", graphs, import_cores, better="lower")
    if not given:
        tell("stage_overhead", "s", "critical path of the engines, spawn to exit", [first], [engines], better="lower")


def timed(arguments: list[str]) -> tuple[float, float]:
    """Seconds and seconds of cores of an interpreter with these arguments, from its start to its end."""
    began, used = time.perf_counter(), cores_used()
    subprocess.run([sys.executable, *arguments], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began, cores_used() - used


def graph() -> float:
    """Seconds of cores of what the command does between its imports and its table."""
    from flows.finished import finished
    from flows.pipeline import pipeline

    began = time.process_time()
    if not finished(pipeline, ASKED):
        raise RuntimeError("the first run left something to be made")
    return time.process_time() - began


if __name__ == "__main__":
    main()
