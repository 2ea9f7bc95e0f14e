"""Figures that are kept: one JSON file a benchmark in benchmarks/results, and what has become worse since.

    results/nll.json   {"commit": "46af3cd", "date": "2026-11-28", "machine": {"cpu": "…", "cores": 2, "load": 0.4},
                        "figures": [{"name": "nll", "value": 812.0, "ratio": 2.7, …}, …]}

Seconds differ from machine to machine; the ratio to a baseline that ran beside them hardly does: ratios are compared.
A figure whose ratio is better when it is small says "better": "lower".
"""

import json
import os
import platform
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tasks.runtime.files.whole_file import write_json
from tasks.runtime.revision import commit

RESULTS = Path(__file__).resolve().parent / "results"
MOST_WORSE = 0.1  # share of the kept ratio by which a ratio may fall

Figure = dict[str, Any]


def figures_in(lines: Sequence[str]) -> list[Figure]:
    """The figures among the lines that a benchmark printed."""
    found = []
    for line in lines:
        try:
            said = json.loads(line)
        except ValueError:
            continue
        if isinstance(said, dict) and "name" in said and "value" in said:
            found.append(said)
    return found


def keep(name: str, figures: Sequence[Figure], folder: Path = RESULTS) -> Path:
    """Write a benchmark's figures over those that were kept before."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.json"
    write_json(
        path, {"commit": commit(), "date": f"{time.strftime('%Y-%m-%d')}", "machine": machine(), "figures": figures}
    )
    return path


def machine() -> dict[str, Any]:
    """What the figures were measured on; `load` over the last minute, of processes that want a core."""
    cpu = next(
        (line.split(":", 1)[1].strip() for line in _lines(Path("/proc/cpuinfo")) if line.startswith("model name")),
        platform.processor(),
    )
    return {"cpu": cpu, "cores": os.cpu_count(), "load": round(os.getloadavg()[0], 1)}


def worse(name: str, figures: Sequence[Figure], folder: Path = RESULTS) -> list[str]:
    """A sentence for each ratio that fell by more than a tenth, or is gone. Raises FileNotFoundError: none are kept."""
    path = folder / f"{name}.json"
    if not path.exists():
        raise FileNotFoundError(f"{path}: no figures are kept; `make bench BENCH={name} KEEP=1` keeps them")
    kept = {one["name"]: one for one in json.loads(path.read_text(encoding="utf-8"))["figures"]}
    now = {one["name"]: one for one in figures}
    said = [f"{one}: was {kept[one].get('ratio')}, is not there any more" for one in kept if one not in now]
    for one, figure in now.items():
        before, ratio = kept.get(one, {}).get("ratio"), figure.get("ratio")
        if before and ratio:
            share = before / ratio if figure.get("better") == "lower" else ratio / before
            if share < 1 - MOST_WORSE:
                said.append(f"{one}: {figure['baseline']['name']}: ratio {ratio:.3g}, was {before:.3g}")
    return said


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8", errors="replace").splitlines() if path.exists() else []
