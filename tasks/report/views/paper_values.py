"""What the paper prints in its Tables 1 to 7 (paper_values.yaml), and where it may stand beside a report's figures.

values()["table_2"]["Llama-3.2-1B-Instruct"] -> {"sdft": 53.39, "mind_the_gap": 53.47, "rewriting_agent": 60.19}
"""

from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tasks.report.schema.data import ReportData

FILE = Path(__file__).with_name("paper_values.yaml")


@cache
def values() -> dict[str, Any]:
    """What the paper prints, by table, backbone and method."""
    read: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return read


def on_its_benchmarks(data: ReportData) -> bool:
    """Whether averages are over the paper's benchmarks: else its values say nothing beside ours."""
    return all(set(names) == set(values()["benchmarks"][group]) for group, names in data.benchmarks.items())


def remarks(data: ReportData) -> list[str]:
    """What must be said beside the paper's values of this backbone: where they disagree with each other."""
    if not on_its_benchmarks(data):
        return []
    return values()["remarks"].get(data.backbone.name, [])  # type: ignore[no-any-return]
