"""The frontier drawn: a panel a method, its curve over vanilla SFT's, downstream accuracy across, general upwards.

`python -m tasks.report.frontier.figure frontier.json > frontier.svg` draws it as a file of its own, for a document.
"""

import sys
from pathlib import Path

from markupsafe import Markup
from matplotlib.axes import Axes

from tasks.report.chart import ROLES, WIDE, panels, role_of, standalone, svg, title, x_label
from tasks.report.data import Estimate
from tasks.report.figures import method_label
from tasks.report.frontier.data import Frontier, Point

_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")  # of the rates, lowest first: not told by colour
PANEL = 190  # pixels of height


def frontier_figure(data: Frontier, width: int) -> Markup:
    """Every method but SFT in a panel of its own, all with the same axes."""
    methods = [name for name in data.methods() if name != "sft"] or data.methods()
    columns = 4 if width >= 600 else 1
    rows = -(-len(methods) // columns)
    figure, axes = panels(width, 40 + rows * PANEL + (rows - 1) * 40, rows, columns, right=10, left=40, gap=62)
    limits = _limits(data)
    for ax, method in zip(axes, methods, strict=False):
        _panel(ax, data, method, limits)
    for ax in axes[len(methods) :]:
        ax.set_visible(False)
    return svg(figure, f"frontier-{width}", "General against downstream accuracy of each method over learning rates")


def _panel(ax: Axes, data: Frontier, method: str, limits: tuple[tuple[float, float], tuple[float, float]]) -> None:
    title(ax, method_label(method, 26))
    ax.grid(axis="x", color=ROLES["grid"], linewidth=1)
    for name in dict.fromkeys(("sft", method)):
        own = name == method
        colour = ROLES[role_of(name)[0]] if own else ROLES["muted"]
        points = data.points_of(name)
        ax.plot(
            [100 * data.base_math.value, *(100 * one.math.value for one in points)],
            [100 * data.base_general.value, *(100 * one.general.value for one in points)],
            color=colour,
            linewidth=1.8 if own else 1.2,
            linestyle="-" if own else (0, (3, 2)),
        )
        for one in points:
            _mark(ax, one, _MARKERS[data.rates.index(one.rate) % len(_MARKERS)], colour, own)
    ax.plot(100 * data.base_math.value, 100 * data.base_general.value, "+", color=ROLES["ink"], markersize=10)
    ax.set_xlim(*limits[0])
    ax.set_ylim(*limits[1])
    x_label(ax, "downstream, %")


def _mark(ax: Axes, one: Point, marker: str, colour: str, own: bool) -> None:
    x, y = 100 * one.math.value, 100 * one.general.value
    if own:
        ax.plot(_ends(one.math), [y, y], color=colour, linewidth=1)
        ax.plot([x, x], _ends(one.general), color=colour, linewidth=1)
    ax.plot(x, y, marker, color=colour, markersize=7 if own else 5, markerfacecolor=colour if own else "none")


def _ends(found: Estimate) -> list[float]:
    return [100 * (found.value if end is None else end) for end in (found.low, found.high)]


def _limits(data: Frontier) -> tuple[tuple[float, float], tuple[float, float]]:
    """The same axes for all panels, with a twentieth of room."""
    both = []
    for base, found in (
        (data.base_math, [one.math for one in data.points]),
        (data.base_general, [one.general for one in data.points]),
    ):
        ends = [end for one in (base, *found) for end in _ends(one)]
        room = max(1.0, 0.05 * (max(ends) - min(ends)))
        both.append((min(ends) - room, max(ends) + room))
    return both[0], both[1]


def main() -> None:
    """Print the SVG of the frontier.json that is named."""
    data = Frontier.model_validate_json(Path(sys.argv[1]).read_text(encoding="utf-8"))
    print(standalone(frontier_figure(data, WIDE)))


if __name__ == "__main__":
    main()
