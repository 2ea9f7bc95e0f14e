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
import json
import re
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from starlette.testclient import TestClient

from benchmarks._store import make_store
from infra.dashboard.app import create
from infra.dashboard.site import HERE

RUNS, REPEATS = 1000, 5


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "store"
        make_store(root, RUNS)
        first = [_open(root) for _ in range(REPEATS)]
        _print("dashboard_open", first)
        client = _client(root)
        page = client.get("/").text
        runs = re.findall(r'"href":"(/run\?run=([0-9a-f]+))"', page)
        _print("dashboard_again", _measure(client, lambda _: "/"))
        _print("dashboard_search", _measure(client, lambda n: f"/artifacts?q=finetune+sft-seed{n}"))
        pairs = [f"/compare?run={runs[n][1]}&run={runs[n + 1][1]}" for n in range(0, 2 * REPEATS, 2)]
        _print("dashboard_compare", _measure(client, lambda n: pairs[n]))
        _print("dashboard_lineage", _measure(client, lambda n: runs[20 + n][0]))
        loaded = [HERE / "assets" / name for name in ("dashboard.css", "table.js", "plot.js")]
        sent = sum(len(gzip.compress(part, 5)) for part in (page.encode(), *(path.read_bytes() for path in loaded)))
        figure = {
            "name": "dashboard_size",
            "value": sent,
            "unit": "B",
            "baseline": {"name": "before gzip", "value": len(page)},
        }
        print(json.dumps(figure | {"ratio": len(page) / sent, "spread": [len(page) / sent] * 2, "n": 1}))


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


def _print(name: str, times: list[tuple[float, float]]) -> None:
    walls, cpus = [wall for wall, _ in times], [cpu for _, cpu in times]
    ratios = [wall / cpu for wall, cpu in times]
    figure = {
        "name": name,
        "value": statistics.median(walls),
        "unit": "s",
        "baseline": {"name": "CPU time of the same", "value": statistics.median(cpus)},
        "ratio": statistics.median(ratios),
        "spread": [min(ratios), max(ratios)],
        "n": len(times),
        "better": "lower",
    }
    print(json.dumps(figure))


if __name__ == "__main__":
    main()
