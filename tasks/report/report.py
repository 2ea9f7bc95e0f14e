"""The stage's result: report.html for people, report.json for machines, side by side."""

from pathlib import Path

from tasks.report.schema.data import ReportData, to_json
from tasks.runtime.files.whole_file import whole

PAGE, FIGURES = "report.html", "report.json"


def build_report(data: ReportData, out: Path) -> None:
    """Write `out`/report.html and `out`/report.json, each whole or not at all. The same data give the same bytes."""
    from tasks.report.views.page import render  # with matplotlib: a second, at the start of every command

    for name, text in ((PAGE, render(data)), (FIGURES, to_json(data))):
        with whole(out / name) as file:
            file.write(text)


def read_report(folder: Path) -> ReportData:
    """The data of a report that was built. Raises FileNotFoundError or pydantic's ValidationError."""
    return ReportData.model_validate_json((folder / FIGURES).read_bytes())
