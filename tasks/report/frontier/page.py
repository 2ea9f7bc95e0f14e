"""The frontier as one HTML file, in the report's clothes: no scripts, no network, figures inline."""

from pathlib import Path

from markupsafe import Markup

from tasks.report.figures.chart import NARROW, WIDE
from tasks.report.figures.figures import method_label
from tasks.report.figures.style import PAGE_CSS
from tasks.report.frontier.data import RISES, SHOWN, Frontier
from tasks.report.frontier.figure import frontier_figure
from tasks.report.frontier.tables import tables
from tasks.report.views.page import environment

_MARKS = ("circle", "square", "triangle", "diamond", "triangle downwards", "plus", "cross", "star")
_FOLDER = Path(__file__).parent


def render(data: Frontier) -> str:
    """The page."""
    marks = ", ".join(f"{_MARKS[place % len(_MARKS)]} {rate:g}" for place, rate in enumerate(data.rates))
    page = (
        environment(_FOLDER)
        .get_template("page.html.j2")
        .render(
            data=data,
            against=method_label(data.against),
            css=Markup(PAGE_CSS.read_text(encoding="utf-8")),
            figures=[
                (
                    f"{data.called(one)}, {SHOWN[one][1]}{'; lower has moved less' * (one in RISES)}",
                    *(frontier_figure(data, width, one) for width in (WIDE, NARROW)),
                )
                for one in data.outcomes
            ],
            tables=tables(data),
            marks=marks,
            drawn=_drawn(data),
            strengths=any(one.strength is not None for one in data.points),
        )
    )
    return page + "\n"


def _drawn(data: Frontier) -> str:
    """What the replicates are drawn over. Of one seed nobody knows how far others would lie."""
    single = [one.seeds == 1 for one in data.points]
    if all(single):
        return "questions alone: every point is one seed, and how far others would lie is in no interval"
    return "questions and seeds" + ("; of a point with one seed, over questions alone" if any(single) else "")
