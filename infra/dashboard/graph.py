"""A lineage as inline SVG: layers from corpora and backbone (top) to what was made of them, every box a link.

It needs no script and no style attribute, so it shows under the page's content security policy and in a static export;
colours are the page's classes: the method's on the border, the stage's on the bar at the left, the state in the dashes.
"""

from collections.abc import Callable

from markupsafe import Markup, escape

from infra.dashboard.lineage import Box, Lineage
from tasks.report.lineage.layers import layout
from tasks.runtime.files.plain_text import label
from tasks.runtime.progress.durations import duration

WIDTH, HEIGHT, STEP, GAP = 168, 46, 82, 16  # pixels: a box, the distance of layers, between boxes
MAX_BOXES = 250  # more are listed, not drawn

Link = Callable[[Box], str]


def graph(drawn: Lineage, link: Link, method_class: Callable[[str], str]) -> Markup | None:
    """The drawing; None where there is nothing, or too much, to draw."""
    if not drawn.boxes or len(drawn.boxes) > MAX_BOXES:
        return None
    places, lines = layout(len(drawn.boxes), drawn.edges, WIDTH + GAP)
    reach = [x for line in lines for x, _ in line]  # an edge may go round the boxes
    left = min([min(x for x, _ in places) - WIDTH / 2, *reach])
    width = max([max(x for x, _ in places) + WIDTH / 2, *reach]) - left
    height = max(layer for _, layer in places) * STEP + HEIGHT

    def at(x: float, layer: int, below: bool = False) -> tuple[float, float]:
        return x - left + 4, layer * STEP + 4 + (HEIGHT if below else 0)

    parts = [
        f'<svg class="lineage" viewBox="0 0 {width + 8:.0f} {height + 8:.0f}" width="{width + 8:.0f}" '
        f'height="{height + 8:.0f}" role="img" aria-label="Lineage: {drawn.artifacts} artifacts">'
    ]
    for line in lines:
        parts.append(f'<path class="edge" d="{_curve(line, at)}"/>')
    for number, box in enumerate(drawn.boxes):
        x, y = at(*places[number])
        parts.append(_box(box, x - WIDTH / 2, y, link(box), method_class(box.run.split("/")[0])))
    return Markup("".join([*parts, "</svg>"]))


def _curve(line: list[tuple[float, int]], at: Callable[..., tuple[float, float]]) -> str:
    """From the lower edge of the first place, straight through the stops between, to the upper edge of the last."""
    x, y = at(*line[0], below=True)
    said = [f"M{x:.0f} {y:.0f}"]
    for number, place in enumerate(line[1:], 1):
        to_x, to_y = at(*place)
        middle = (y + to_y) / 2
        said.append(f"C{x:.0f} {middle:.0f} {to_x:.0f} {middle:.0f} {to_x:.0f} {to_y:.0f}")
        x, y = at(*place, below=True)
        if number < len(line) - 1:
            said.append(f"L{x:.0f} {y:.0f}")
    return "".join(said)


def _box(box: Box, x: float, y: float, href: str, method: str) -> str:
    many = f" × {len(box.keys)}" if len(box.keys) > 1 else ""
    second = label(" ".join(part for part in (box.run, box.detail) if part) or box.keys[0][:12], 22)
    took = duration(box.seconds) if box.seconds else ""
    whole = f"{box.kind}{many}, {second}: {box.state}{', ' + took if took else ''}"
    focus = " focus" if box.focus else ""
    drawn = (
        f'<g class="node {method} {box.state}{focus}"><title>{escape(whole)}</title>'
        f'<rect class="frame" x="{x:.0f}" y="{y:.0f}" width="{WIDTH}" height="{HEIGHT}" rx="5"/>'
        f'<rect class="bar s-{escape(box.kind)}" x="{x + 4:.0f}" y="{y + 5:.0f}" width="5" height="{HEIGHT - 10}"/>'
        f'<text class="kind" x="{x + 16:.0f}" y="{y + 19:.0f}">{escape(label(box.kind + many, 22))}</text>'
        f'<text class="what" x="{x + 16:.0f}" y="{y + 36:.0f}">{escape(second)}</text></g>'
    )
    return f'<a href="{escape(href)}">{drawn}</a>' if href else drawn
