"""What docs/measured holds gives the tables that the docs tell."""

import pytest

from tasks.report.frontier.build import build
from tasks.report.frontier.measured import load
from tasks.report.frontier.tables import tables
from tests.conftest import ROOT

PAGES = [("nano_world6.parquet", "nano_worlds.md"), ("nano.parquet", "every_method.md")]


@pytest.mark.parametrize(("file", "page"), PAGES)
def test_every_point_of_a_published_file_stands_in_its_page(file: str, page: str) -> None:
    """By its means: the intervals are drawn with fewer replicates here."""
    backbone, measured = load(ROOT / "docs" / "measured" / file)
    made = build(backbone, True, measured, confidence=0.95, resamples=20, seed=0)
    told = (ROOT / "docs" / page).read_text(encoding="utf-8")
    points = next(one for one in tables(made) if one.title.startswith("Every point"))
    for name, rate, seeds, *figures in points.rows:
        means = [figure.partition(" (")[0] for figure in figures]
        row = next(line for line in told.splitlines() if line.startswith(f"| {name} | {rate} | {seeds} | {means[0]} ("))
        assert [cell.strip().partition(" (")[0] for cell in row.split("|")[4:-1]] == means
