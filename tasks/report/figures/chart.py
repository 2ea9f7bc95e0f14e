"""Figures as inline SVG that takes its colours and fonts from the page, so that one file reads well light and dark.

matplotlib draws with the colours of ROLES; `svg` replaces each by the page's CSS variable. Sizes are CSS pixels at
scale 1: a figure is drawn once for wide pages and once for narrow ones, so that its text is never scaled down.
"""

import io
import re
import warnings
from collections.abc import Sequence
from typing import Any

import matplotlib
from markupsafe import Markup, escape
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import MaxNLocator

from tasks.methods.method import methods
from tasks.methods.strength import method_of
from tasks.report.figures.style import PAGE_CSS

WIDE, NARROW = 1060, 350  # the widths of the page's column on a desk and on a phone

# Okabe and Ito's palette, told apart by every kind of colour vision; page.html.j2 gives each a value light and dark.
ROLES = {
    "ink": "#010101",
    "muted": "#020202",
    "grid": "#030303",
    "surface": "#040404",
    "vermillion": "#d55e00",
    "blue": "#0072b2",
    "green": "#009e73",
    "purple": "#cc79a7",
    "orange": "#e69f00",
    "sky": "#56b4e9",
}
LEGEND: Any = {"frameon": False, "fontsize": 12, "labelcolor": ROLES["ink"]}
METHOD_ROLES = {"base": "muted"} | {name: one.colour for name, one in methods().items()}
_OTHERS = ("sky", "green", "purple", "orange", "vermillion")
_DASHES: tuple[str | tuple[int, tuple[float, ...]], ...] = (
    *("-", (0, (5, 2)), (0, (2, 1.5)), (0, (6, 2, 1.5, 2))),
    *((0, (10, 2)), (0, (5, 5)), (0, (2, 4)), (0, (6, 2, 1.5, 2, 1.5, 2)), (0, (6, 2, 1.5, 2, 1.5, 2, 1.5, 2))),
)
_METHOD_DASHES = {name: one.dash for name, one in methods().items()}

_SETTINGS: Any = {
    "svg.fonttype": "none",  # text stays text: it can be read aloud, searched, and takes the page's font
    "font.family": "DejaVu Sans",  # ships with matplotlib; wider than what the page shows, so nothing overlaps there
    "font.size": 12,
    "path.simplify_threshold": 0.3,
}


def role_of(method: str, others: Sequence[str] = ()) -> tuple[str, str | tuple[int, tuple[float, ...]]]:
    """The colour role and dash pattern of a method; `others` are the names (ablations) that have none of their own."""
    if (plain := method_of(method)) in METHOD_ROLES:
        return METHOD_ROLES[plain], _DASHES[_METHOD_DASHES.get(plain, 0)]
    number = list(others).index(method) if method in others else 0
    return _OTHERS[number % len(_OTHERS)], _DASHES[1 + (number // len(_OTHERS)) % 3]


def panels(
    width: int,
    height: int,
    rows: int = 1,
    columns: int = 1,
    right: int = 14,
    left: int = 48,
    top: int = 26,
    gap: int = 56,
) -> tuple[Figure, list[Axes]]:
    """A figure of `width` × `height` CSS pixels with a grid of axes; margins and gaps in pixels."""
    with matplotlib.rc_context(_SETTINGS):
        figure = Figure(figsize=(width / 72, height / 72), dpi=72)
        FigureCanvasSVG(figure)
        bottom = 42
        cell_width = (width - left * columns - right * columns) / columns
        cell_height = (height - top - bottom - gap * (rows - 1)) / rows
        grid = figure.subplots(rows, columns, squeeze=False)
        figure.subplots_adjust(
            left=left / width,
            right=1 - right / width,
            top=1 - top / height,
            bottom=bottom / height,
            wspace=(left + right) / cell_width,
            hspace=gap / cell_height,
        )
        axes = [ax for row in grid for ax in row]
        for ax in axes:
            _style(ax)
        return figure, axes


def _style(ax: Axes) -> None:
    ax.set_facecolor("none")
    ax.figure.patch.set_alpha(0)
    for side, spine in ax.spines.items():
        spine.set_visible(side == "bottom")
        spine.set_color(ROLES["muted"])
    ax.grid(axis="y", color=ROLES["grid"], linewidth=1)
    ax.set_axisbelow(True)
    ax.tick_params(colors=ROLES["muted"], length=0, pad=5)
    ax.tick_params(axis="x", length=4)
    ax.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))
    ax.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))


def title(ax: Axes, text: str) -> None:
    """What the panel shows, with its unit, above its left edge."""
    ax.set_title(text, loc="left", fontsize=12, color=ROLES["ink"], pad=9, x=0)


def x_label(ax: Axes, text: str) -> None:
    """The name and unit of the horizontal axis, at its right end."""
    ax.set_xlabel(text, loc="right", fontsize=12, color=ROLES["muted"], labelpad=4)


def end_labels(ax: Axes, labels: Sequence[tuple[float, float, str, str]], gap: float = 15) -> None:
    """Names at the right ends of lines, (x, y, text, role) each, pushed apart to `gap` pixels where they would meet."""
    if not labels:
        return
    figure = ax.figure
    box = ax.get_position()
    height = box.height * figure.get_size_inches()[1] * 72  # type: ignore[union-attr]
    low, high = ax.get_ylim()
    left, right = ax.get_xlim()
    order = sorted(labels, key=lambda entry: entry[1])
    places = [(y - low) / (high - low) * height for _, y, _, _ in order]
    for i in range(1, len(places)):
        places[i] = max(places[i], places[i - 1] + gap)
    places[-1] = min(places[-1], height)
    for i in range(len(places) - 2, -1, -1):
        places[i] = min(places[i], places[i + 1] - gap)
    for (x, y, text, role), place in zip(order, places, strict=True):
        ax.annotate(
            text,
            xy=((x - left) / (right - left), (y - low) / (high - low)),
            xytext=(1.0 + 16 / (box.width * figure.get_size_inches()[0] * 72), place / height),  # type: ignore[union-attr]
            xycoords="axes fraction",
            textcoords="axes fraction",
            va="center",
            color=ROLES["ink"],
            fontsize=12,
            annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": ROLES[role], "linewidth": 1.2, "shrinkA": 1, "shrinkB": 1},
        )


def svg(figure: Figure, name: str, description: str) -> Markup:
    """The figure as an inline <svg>; `name` keeps its ids apart from other figures', `description` is read aloud."""
    out = io.StringIO()
    for text in figure.findobj(Text):
        text.set_parse_math(False)  # type: ignore[attr-defined]  # a "$" in a name is a dollar sign
    with matplotlib.rc_context(_SETTINGS | {"svg.hashsalt": name}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # the page's own font shows the text
        figure.savefig(out, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    drawn = out.getvalue()
    drawn = drawn[drawn.index("<svg") :]
    # Inline in HTML a <style> would act on the whole page, ids of groups would repeat, and metadata names the network.
    drawn = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", drawn, flags=re.DOTALL)
    drawn = re.sub(r'<g id="[^"]*"', "<g", drawn)
    drawn = re.sub(r' transform="rotate\(-0 [^"]*"', "", drawn)
    drawn = re.sub(r"'DejaVu Sans'(, [^;\"]*)?", "system-ui, sans-serif", drawn)
    for role, colour in ROLES.items():
        drawn = drawn.replace(colour, f"var(--{role})")
    width, height = (round(size * 72) for size in figure.get_size_inches())
    opening = (
        f'<svg class="chart" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
        f'aria-label="{escape(description)}">'
    )
    return Markup(opening + drawn[drawn.index(">") + 1 :])


def standalone(drawn: Markup) -> str:
    """An inline figure as a file of its own: with the page's colours, light and dark, and its background."""
    css = PAGE_CSS.read_text(encoding="utf-8")
    colours = css[css.index(":root") : css.index("* {")]  # both schemes come first there
    opening, rest = str(drawn).split(">", 1)
    names = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    background = '<rect width="100%" height="100%" fill="var(--surface)"/>'
    return f"{opening.replace('<svg', f'<svg {names}', 1)}>\n<style>{colours}</style>{background}{rest}"
