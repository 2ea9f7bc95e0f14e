"""The frontier drawn: a panel a method, its curve over that of the method it is held against (SFT), downstream accuracy
across, an outcome upwards. Averages of one model with pi_0 share a panel: at each rate a curve from pi_0 over their
shares to the model itself. Of a method at several strengths the front of its own points is a curve; the others are
hollow marks.

`python -m tasks.report.frontier.figure frontier.json > frontier.svg` draws general accuracy as a file of its own, for a
document; with "NLL of own answers, general" behind it that thermometer's rise.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from markupsafe import Markup
from matplotlib.axes import Axes

from tasks.methods.method import Method, methods
from tasks.methods.strength import label_at, shown
from tasks.report.figures.chart import ROLES, WIDE, panels, role_of, standalone, svg, title, x_label
from tasks.report.figures.figures import method_label
from tasks.report.frontier.data import GENERAL, RISES, SHOWN, Frontier, Outcome, Point
from tasks.report.schema.values import Estimate

_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")  # of the rates, lowest first: not told by colour
PANEL = 190  # pixels of height
INTERVALS = 0.2  # of the points' span: room above and below them for intervals, which go on as an arrow

Ends = tuple[float, float, float]  # low, the figure, high


def frontier_figure(data: Frontier, width: int, outcome: Outcome = GENERAL) -> Markup:
    """Every method but the one that all are held against in a panel of its own, all with the same axes."""
    shown = [name for name in data.methods() if name != data.against] or data.methods()
    families = list(dict.fromkeys(tuple(averages_of(name, shown)) for name in shown))
    columns = 4 if width >= 600 else 1
    rows = -(-len(families) // columns)
    figure, axes = panels(width, 40 + rows * PANEL + (rows - 1) * 40, rows, columns, right=10, left=40, gap=62)
    limits = _limits(data, outcome)
    for ax, family in zip(axes, families, strict=False):
        _panel(ax, data, family, outcome, limits)
    for ax in axes[len(families) :]:
        ax.set_visible(False)
    number = list(data.outcomes).index(outcome)
    what = f"{data.called(outcome)} against downstream accuracy of each method over learning rates"
    return svg(figure, f"frontier-{number}-{width}", what[0].upper() + what[1:])


def averages_of(name: str, among: Sequence[str]) -> list[str]:
    """The averages of the same model as this one's, by rising share, and that model; of what is no average itself."""
    own = methods().get(name)
    if own is None or own.share is None:
        return [name]
    same = [one for one in methods().values() if _tuned(one) == _tuned(own)]
    averages = sorted((one for one in same if one.share and one.name in among), key=lambda one: one.share or 0)
    if len(averages) == 1:
        return [name]
    return [one.name for one in (*averages, *(one for one in same if one.share is None))]


def _tuned(method: Method) -> tuple[object, ...]:
    """What trains the model that is averaged: two methods that agree in it differ in their share alone."""
    return method.targets, method.mixture, method.changes, method.rate


def _panel(
    ax: Axes,
    data: Frontier,
    family: Sequence[str],
    outcome: Outcome,
    limits: tuple[tuple[float, float], tuple[float, float]],
) -> None:
    ax.set_xlim(*limits[0])
    ax.set_ylim(*limits[1])
    name, strengths = family[0], data.strengths_of(family[0])
    between = "–".join(map(shown, dict.fromkeys([strengths[0], strengths[-1]]))) if strengths else ""
    label = (strengths and label_at(name, between)) or method_label(name, 26)
    title(ax, label if len(family) == 1 else label.partition(",")[0])
    ax.grid(axis="x", color=ROLES["grid"], linewidth=1)
    _curve(ax, data, data.points_of(data.against), outcome, ROLES["muted"], own=name == data.against)
    colour = ROLES[role_of(name)[0]]
    if strengths:
        points = data.points_of(name)
        _marks(ax, data, points, outcome, colour, own=False)
        _curve(ax, data, front(points, outcome), outcome, colour, own=True)
    elif len(family) == 1:
        _curve(ax, data, data.points_of(name), outcome, colour, own=True)
    else:
        for rate in data.rates:
            at_rate = [one for name in family for one in data.points_of(name) if one.rate == rate]
            _curve(ax, data, at_rate, outcome, colour, own=True)
    scale = SHOWN[outcome][2]
    ax.plot(100 * data.base_math.value, scale * data.base_of(outcome), "+", color=ROLES["ink"], markersize=10)
    x_label(ax, "downstream, %")


def front(points: Sequence[Point], outcome: Outcome) -> list[Point]:
    """Those of one method's points that none of its others betters in both, by rising downstream accuracy."""
    sign = -1 if outcome in RISES else 1  # of a rise less is better
    known = [(one, one.math.value, sign * kept.value) for one in points if (kept := one.of(outcome)) is not None]
    best = [(one, math) for one, math, kept in known if not any(x > math and y > kept for _, x, y in known)]
    return [one for one, _ in sorted(best, key=lambda found: found[1])]


def _curve(ax: Axes, data: Frontier, points: Sequence[Point], outcome: Outcome, colour: str, own: bool) -> None:
    """A line from the backbone over the points in their order; not one's own is dashed, without intervals."""
    scale = SHOWN[outcome][2]
    known = [(one.math, kept) for one in points if (kept := one.of(outcome)) is not None]
    ax.plot(
        [100 * data.base_math.value, *(100 * gained.value for gained, _ in known)],
        [scale * data.base_of(outcome), *(scale * kept.value for _, kept in known)],
        color=colour,
        linewidth=1.8 if own else 1.2,
        linestyle="-" if own else (0, (3, 2)),
    )
    _marks(ax, data, points, outcome, colour, own)


def _marks(ax: Axes, data: Frontier, points: Sequence[Point], outcome: Outcome, colour: str, own: bool) -> None:
    for one in points:
        if (kept := one.of(outcome)) is not None:
            ends = _ends(one.math), _ends(kept, SHOWN[outcome][2])
            _mark(ax, ends, _MARKERS[data.rates.index(one.rate) % len(_MARKERS)], colour, own)


def _mark(ax: Axes, ends: tuple[Ends, Ends], marker: str, colour: str, own: bool) -> None:
    (left, x, right), (low, y, high) = ends
    bottom, top = ax.get_ylim()
    if own:
        ax.plot([left, right], [y, y], color=colour, linewidth=1)
        ax.plot([x, x], [max(low, bottom), min(high, top)], color=colour, linewidth=1)
        arrow = {"arrowstyle": "->", "mutation_scale": 14, "color": colour, "linewidth": 1, "shrinkA": 0, "shrinkB": 0}
        for edge, goes_on in ((bottom, low < bottom), (top, high > top)):
            if goes_on:
                ax.annotate("", (x, edge), (x, y), arrowprops=arrow)
    ax.plot(x, y, marker, color=colour, markersize=7 if own else 5, markerfacecolor=colour if own else "none")


def _ends(found: Estimate, scale: float = 100) -> Ends:
    low, high = (found.value if end is None else end for end in (found.low, found.high))
    return scale * low, scale * found.value, scale * high


def _limits(data: Frontier, outcome: Outcome) -> tuple[tuple[float, float], tuple[float, float]]:
    """The same axes for all panels, with a twentieth of room; upwards by the points, so that one wide interval does not
    hide how they differ."""
    across = [end for one in (data.base_math, *(one.math for one in data.points)) for end in _ends(one)]
    scale = SHOWN[outcome][2]
    kept = [_ends(found, scale) for one in data.points if (found := one.of(outcome)) is not None]
    points = [scale * data.base_of(outcome), *(value for _, value, _ in kept)]
    beyond = INTERVALS * (max(points) - min(points))
    low, high = min(points) - beyond, max(points) + beyond
    upwards = [*points, *(min(max(end, low), high) for ends in kept for end in ends)]
    return _with_room(across), _with_room(upwards)


def _with_room(ends: list[float]) -> tuple[float, float]:
    room = 0.05 * (max(ends) - min(ends)) or 1.0
    return min(ends) - room, max(ends) + room


def main() -> None:
    """Print the SVG of the frontier.json that is named, of the outcome that is named after it."""
    data = Frontier.model_validate_json(Path(sys.argv[1]).read_text(encoding="utf-8"))
    outcome = next((one for one in data.outcomes if one in sys.argv[2:]), GENERAL)
    print(standalone(frontier_figure(data, WIDE, outcome)))


if __name__ == "__main__":
    main()
