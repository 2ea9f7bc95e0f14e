"""The lineage drawn in layers from corpora and backbone (top) to what was made of them (bottom), as inline SVG.

A layered drawing after Sugiyama: layers by longest path, long edges led through invisible stops, the order within a
layer by the mean position of the neighbours, then positions by the same means under a least distance.
"""

from collections import defaultdict
from itertools import pairwise

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch, PathPatch
from matplotlib.path import Path as Curve

from tasks.report.chart import ROLES, panels, svg
from tasks.report.data import Graph
from tasks.report.lineage import Group, collapse, subtitle, title

BOX, STOP, HEIGHT, STEP = 142, 14, 40, 76  # pixels: width of a node and of a long edge's stop, height, layer distance
MAX_DRAWN = 120  # groups; a larger lineage is listed, not drawn

Edges = list[tuple[int, int]]
Neighbours = dict[int, list[int]]


def lineage_figure(graph: Graph) -> Markup | None:
    """The graph with siblings merged; None where there is nothing, or too much, to draw."""
    groups, edges = collapse(graph)
    if not groups or len(groups) > MAX_DRAWN:
        return None
    above, below, rows = _with_stops(len(groups), edges, _layers(len(groups), edges))
    _order(rows, above, below)
    x = _positions(rows, above, below, len(groups))
    # Shift to 0 and measure.
    left = min(x[v] - _width(v, len(groups)) / 2 for v in x)
    x = {v: value - left + 8 for v, value in x.items()}
    width = max(x[v] + _width(v, len(groups)) / 2 for v in x) + 8
    height = len(rows) * STEP - (STEP - HEIGHT) + 16
    figure, [ax] = panels(round(width), round(height))
    ax.set_position((0, 0, 1, 1))
    ax.axis("off")
    ax.set_xlim(0, width)
    ax.set_ylim(height, 0)
    y = {v: 8 + HEIGHT / 2 + number * STEP for number, row in enumerate(rows) for v in row}
    for v, targets in below.items():
        for w in targets:
            start, end = (x[v], y[v] + HEIGHT / 2), (x[w], y[w] - HEIGHT / 2)
            middle = (start[1] + end[1]) / 2
            curve = Curve(
                [start, (start[0], middle), (end[0], middle), end],
                [Curve.MOVETO, Curve.CURVE4, Curve.CURVE4, Curve.CURVE4],
            )
            ax.add_patch(PathPatch(curve, fill=False, edgecolor=ROLES["muted"], linewidth=1.1, alpha=0.7))
            if v >= len(groups):  # the stop itself
                ax.plot([x[v]] * 2, [y[v] - HEIGHT / 2, y[v] + HEIGHT / 2], color=ROLES["muted"], lw=1.1, alpha=0.7)
    for v, group in enumerate(groups):
        _box(ax, x[v], y[v], group)
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


def _width(v: int, groups: int) -> float:
    return BOX + 16 if v < groups else STOP


def _layers(n: int, edges: Edges) -> list[int]:
    """Longest path from an input; then inputs without inputs move down to just above their first use."""
    inputs: dict[int, list[int]] = defaultdict(list)
    for a, b in edges:
        inputs[b].append(a)
    layer = [0] * n
    for v in range(n):  # groups come inputs first
        layer[v] = max((layer[u] + 1 for u in inputs[v] if u < v), default=0)
    for v in range(n):
        if not inputs[v]:
            layer[v] = min((layer[b] for a, b in edges if a == v), default=1) - 1
    return layer


def _with_stops(n: int, edges: Edges, layer: list[int]) -> tuple[Neighbours, Neighbours, list[list[int]]]:
    """Neighbours above and below, and the layers, with a stop on every layer that a long edge crosses."""
    above: dict[int, list[int]] = defaultdict(list)
    below: dict[int, list[int]] = defaultdict(list)
    rows: list[list[int]] = [[] for _ in range(max(layer) + 1)]
    for v in range(n):
        rows[layer[v]].append(v)
    stops: dict[tuple[int, int], int] = {}  # one stop a source and layer: its long edges run together
    following = n
    for a, b in sorted(edges):
        if layer[b] <= layer[a]:
            continue  # a cycle: only a damaged store has one
        last = a
        for depth in range(layer[a] + 1, layer[b]):
            if (a, depth) not in stops:
                stops[a, depth] = following
                rows[depth].append(following)
                below[last].append(following)
                above[following].append(last)
                following += 1
            last = stops[a, depth]
        below[last].append(b)
        above[b].append(last)
    return above, below, rows


def _order(rows: list[list[int]], above: Neighbours, below: Neighbours) -> None:
    """Fewer crossings: each layer sorted by its neighbours' mean place, down and up a few times."""
    for sweep in range(12):
        neighbours = above if sweep % 2 == 0 else below
        for row in rows if sweep % 2 == 0 else reversed(rows):
            place = {v: number for other in rows for number, v in enumerate(other)}
            middle = {
                v: sum(place[u] for u in neighbours[v]) / len(neighbours[v]) if neighbours[v] else place[v] for v in row
            }
            row.sort(key=middle.__getitem__)


def _positions(rows: list[list[int]], above: Neighbours, below: Neighbours, groups: int) -> dict[int, float]:
    """x of every node and stop: near the mean of its neighbours, in order, and not on another's place."""
    x: dict[int, float] = {}
    for row in rows:
        total = sum(_width(v, groups) for v in row)
        left = -total / 2
        for v in row:
            x[v] = left + _width(v, groups) / 2
            left += _width(v, groups)
    for sweep in range(24):
        for row in rows if sweep % 2 == 0 else reversed(rows):
            wanted = []
            for v in row:
                near = above[v] + below[v]
                wanted.append(sum(x[u] for u in near) / len(near) if near else x[v])
            apart = [(_width(a, groups) + _width(b, groups)) / 2 for a, b in pairwise(row)]
            right, left_side = wanted[:], wanted[:]
            for i in range(1, len(row)):
                right[i] = max(right[i], right[i - 1] + apart[i - 1])
            for i in range(len(row) - 2, -1, -1):
                left_side[i] = min(left_side[i], left_side[i + 1] - apart[i])
            for i, v in enumerate(row):
                x[v] = (right[i] + left_side[i]) / 2
    return x
