"""Pictures of artifacts as files of their own, for pages that are not the dashboard's: Prefect's artifacts show them.

GET /figure?name=curves&key=5f0c…   the curves of a training
GET /figure?name=lineage&key=9a31…  what an artifact was made from
"""

import re
from collections.abc import Callable
from functools import cache

from markupsafe import escape

from infra.dashboard.curves import HEIGHT, WIDTH, curves
from infra.dashboard.graph import graph
from infra.dashboard.lineage import lineage
from infra.dashboard.site import HERE, Site, method_class
from tasks.report.figures.style import PAGE_CSS

COLUMNS, TITLE, GAP = 2, 24, 16  # curves side by side; pixels of a curve's title, and between curves


def curves_of(site: Site, key: str) -> str:
    """All curves of an artifact in one picture. Raises LookupError where it has none."""
    drawn = curves(site.index.folder(key))
    if not drawn:
        raise LookupError(f"{site.entry(key).name} {key} has no curves")
    parts = []
    for number, (title, curve) in enumerate(drawn):
        x, y = number % COLUMNS * (WIDTH + GAP), number // COLUMNS * (HEIGHT + TITLE + GAP)
        placed = str(curve).replace("<svg", f'<svg x="{x}" y="{y + TITLE}"', 1)
        parts.append(f'<text class="title" x="{x}" y="{y + 15}">{escape(title)}</text>{placed}')
    width = min(COLUMNS, len(drawn)) * (WIDTH + GAP) - GAP
    height = -(-len(drawn) // COLUMNS) * (HEIGHT + TITLE + GAP) - GAP
    return _file("".join(parts), width, height)


def lineage_of(site: Site, key: str) -> str:
    """What an artifact was made from. Raises LookupError where there is too much to draw."""
    drawn = graph(lineage(site.index, [key], site.index.above([key])), lambda box: "", method_class)
    if drawn is None:
        raise LookupError(f"the lineage of {key} is too large to draw")
    width, height = (float(number) for number in re.findall(r' (?:width|height)="(\d+)"', str(drawn))[:2])
    return _file(str(drawn), width, height)


FIGURES: dict[str, Callable[[Site, str], str]] = {"curves": curves_of, "lineage": lineage_of}


def _file(drawn: str, width: float, height: float) -> str:
    """A whole SVG with the pages' own styles, light and dark; `drawn` is what the dashboard's own drawings gave."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-12 -12 {width + 24:.0f} {height + 24:.0f}" '
        f'width="{width + 24:.0f}" height="{height + 24:.0f}"><style><![CDATA[{_style()}]]></style>'
        f'<rect x="-12" y="-12" width="100%" height="100%" fill="var(--surface)"/>{drawn}</svg>'
    )


@cache
def _style() -> str:
    files = [PAGE_CSS, HERE / "assets" / "dashboard.css"]
    return "\n".join(file.read_text(encoding="utf-8") for file in files) + "svg .title { fill: var(--ink); }"
