"""The dashboard on a store of 1,000 made-up runs and 20,000 artifacts.

dashboard_open:    the first page of a server that has read nothing yet: every manifest, every report, the page
dashboard_again:   the same page once more; a new run meanwhile costs reading that run
dashboard_search:  a search among all artifacts
dashboard_compare: two runs: lineage, paired differences with intervals, flipped questions, differing targets
dashboard_lineage: the run's page with its lineage drawn
dashboard_size:    bytes of the first page and all it loads, as sent (gzip)

The baseline of each time is the CPU time of the same request: on a machine that does nothing else the two agree.
"""

import gzip
import re
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from starlette.testclient import TestClient

from benchmarks._beside import tell
from benchmarks._store import make_store
from infra.dashboard.app import create
from infra.dashboard.site import HERE

RUNS, REPEATS = 1000, 5


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "store"
        make_store(root, RUNS)
        first = [_open(root) for _ in range(REPEATS)]
        _tell("dashboard_open", first)
        client = _client(root)
        page = client.get("/").text
        runs = re.findall(r'"href":"(/run\?run=([0-9a-f]+))"', page)
        _tell("dashboard_again", _measure(client, lambda _: "/"))
        _tell("dashboard_search", _measure(client, lambda n: f"/artifacts?q=finetune+sft-seed{n}"))
        pairs = [f"/compare?run={runs[n][1]}&run={runs[n + 1][1]}" for n in range(0, 2 * REPEATS, 2)]
        _tell("dashboard_compare", _measure(client, lambda n: pairs[n]))
        _tell("dashboard_lineage", _measure(client, lambda n: runs[20 + n][0]))
        loaded = [HERE / "assets" / name for name in ("dashboard.css", "table.js", "plot.js")]
        sent = sum(len(gzip.compress(part, 5)) for part in (page.encode(), *(path.read_bytes() for path in loaded)))
        tell("dashboard_size", "B", "before gzip", [sent], [len(page)], better="lower")


def _open(root: Path) -> tuple[float, float]:
    client = _client(root)
    return _one(client, "/")


def _client(root: Path) -> TestClient:
    return TestClient(create(root, login="", prefect=""), base_url="http://127.0.0.1")


def _measure(client: TestClient, address: Callable[[int], str]) -> list[tuple[float, float]]:
    return [_one(client, address(number)) for number in range(REPEATS)]


def _one(client: TestClient, address: str) -> tuple[float, float]:
    """Wall and CPU seconds of a request."""
    wall, cpu = time.perf_counter(), time.process_time()
    answer = client.get(address)
    spent = time.perf_counter() - wall, time.process_time() - cpu
    assert answer.status_code == 200, f"{address}: {answer.status_code}"
    return spent


def _tell(name: str, times: list[tuple[float, float]]) -> None:
    walls, cpus = zip(*times, strict=True)
    tell(name, "s", "CPU time of the same", walls, cpus, better="lower")


if __name__ == "__main__":
    main()
