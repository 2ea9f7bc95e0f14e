"""The lineage drawn in layers from corpora and backbone (top) to what was made of them (bottom), as inline SVG."""

from itertools import pairwise

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch, PathPatch
from matplotlib.path import Path as Curve

from tasks.report.figures.chart import ROLES, panels, svg
from tasks.report.lineage.layers import Place, layout
from tasks.report.lineage.lineage import Group, collapse, subtitle, title
from tasks.report.schema.lineage_data import Graph

BOX, HEIGHT, STEP = 142, 40, 76  # pixels: width and height of a node, layer distance
MAX_DRAWN = 120  # groups; a larger lineage is listed, not drawn


def lineage_figure(graph: Graph) -> Markup | None:
    """The graph with siblings merged; None where there is nothing, or too much, to draw."""
    groups, edges = collapse(graph)
    if not groups or len(groups) > MAX_DRAWN:
        return None
    places, lines = layout(len(groups), edges, BOX + 16)
    # Shift to 0 and measure.
    left = min(x for x, _ in places) - BOX / 2 - 16
    width = max(x for x, _ in places) - left + BOX / 2 + 16
    height = (max(layer for _, layer in places) + 1) * STEP - (STEP - HEIGHT) + 16
    figure, [ax] = panels(round(width), round(height))
    ax.set_position((0, 0, 1, 1))
    ax.axis("off")
    ax.set_xlim(0, width)
    ax.set_ylim(height, 0)

    def at(place: Place) -> tuple[float, float]:
        return place[0] - left, 8 + HEIGHT / 2 + place[1] * STEP

    for line in lines:
        stops = [at(place) for place in line]
        for (x, y), (to_x, to_y) in pairwise(stops):
            start, end = (x, y + HEIGHT / 2), (to_x, to_y - HEIGHT / 2)
            middle = (start[1] + end[1]) / 2
            curve = Curve(
                [start, (x, middle), (to_x, middle), end], [Curve.MOVETO, Curve.CURVE4, Curve.CURVE4, Curve.CURVE4]
            )
            ax.add_patch(PathPatch(curve, fill=False, edgecolor=ROLES["muted"], linewidth=1.1, alpha=0.7))
        for x, y in stops[1:-1]:
            ax.plot([x, x], [y - HEIGHT / 2, y + HEIGHT / 2], color=ROLES["muted"], lw=1.1, alpha=0.7)
    for v, group in enumerate(groups):
        _box(ax, *at(places[v]), group)
    return svg(figure, "lineage", f"Lineage: {len(graph.nodes)} artifacts and what each was made from")


def _box(ax: Axes, x: float, y: float, group: Group) -> None:
    edge = ROLES["vermillion" if group.missing else "green" if len(group.keys) > 1 else "blue"]
    corner = (x - BOX / 2, y - HEIGHT / 2)
    box = FancyBboxPatch(corner, BOX, HEIGHT, boxstyle="round,pad=0,rounding_size=5", linewidth=1.2)
    box.set(facecolor=ROLES["surface"], edgecolor=edge)
    ax.add_patch(box)
    middle = {"ha": "center", "va": "center"}
    ax.text(x, y - 7, title(group), fontsize=12, weight="bold", color=ROLES["ink"], **middle)  # type: ignore[arg-type]
    ax.text(x, y + 9, subtitle(group, 22), fontsize=10.5, color=ROLES["muted"], **middle)  # type: ignore[arg-type]
