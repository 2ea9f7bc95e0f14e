"""The stage's result: report.html for people, report.json for machines, side by side."""

import os
from pathlib import Path

from tasks.report.data import ReportData, to_json
from tasks.report.page import render

PAGE, FIGURES = "report.html", "report.json"


def build_report(data: ReportData, out: Path) -> None:
    """Write `out`/report.html and `out`/report.json, each whole or not at all. The same data give the same bytes."""
    out.mkdir(parents=True, exist_ok=True)
    _write(out / PAGE, render(data))
    _write(out / FIGURES, to_json(data))


def read_report(folder: Path) -> ReportData:
    """The data of a report that was built. Raises FileNotFoundError or pydantic's ValidationError."""
    return ReportData.model_validate_json((folder / FIGURES).read_bytes())


def _write(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)
