"""An agent is shown by where its training began and ended."""

from pathlib import Path

from tasks.runtime.store import Manifest, Store
from tasks.train_agent.step_log import summary
from tasks.train_agent.view import FIGURES, view


def test_every_figure_of_the_manifest_has_its_line(tmp_path: Path) -> None:
    rows = [dict.fromkeys(FIGURES, float(step)) | {"seconds": 2.0} for step in range(1, 11)]
    metrics = summary(rows) | {"kept": 56}
    shown = view({"": Manifest(kind="train_agent", key="a" * 32, metrics=metrics)}, Store(tmp_path))
    lines = [line for line in shown.splitlines() if line.startswith("|")]
    assert len(lines) == 2 + len(FIGURES) and all(line.endswith("| 2 | 9 |") for line in lines[2:])
    assert "10 steps on 56 rows, 20 s." in shown
