"""Curves of training as inline SVG: loss of SFT, and the figures of GRPO, from the files that the engines write.

In:  a folder with loss.jsonl {"step", "loss"} or steps.jsonl {"step", "pass_rate", "reward", …}, whole or still written
Out: [("SFT loss, nats/token", <svg …>), …], with the last value at the line's end

No script, no style attribute: they show under the page's content security policy, live and in a static export.
"""

import math
from pathlib import Path
from typing import Any

import orjson
from markupsafe import Markup, escape

from tasks.report.views.wording import number

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 340, 150, 50, 12, 10, 24  # pixels
MAX_POINTS = 400
MAX_BYTES = 16 * 2**20  # of a file's end that is read

SHOWN = (
    ("loss.jsonl", "loss", "SFT loss, nats/token"),
    ("steps.jsonl", "pass_rate", "pass rate of rewrites"),
    ("steps.jsonl", "reward", "mean reward"),
    ("steps.jsonl", "nll", "π₀-NLL of passing rewrites, nats/token"),
    ("steps.jsonl", "diversity", "D(S+)"),
    ("steps.jsonl", "kl", "KL to π₀, nats"),
    ("steps.jsonl", "length_passing", "length of passing rewrites, tokens"),
    ("steps.jsonl", "loss", "policy loss"),
)
Point = tuple[float, float]


def curves(folder: Path) -> list[tuple[str, Markup]]:
    """Every curve that the folder's files have at least two points of."""
    files = {name: last_rows(folder / name) for name in dict.fromkeys(name for name, _, _ in SHOWN)}
    found = []
    for name, field, title in SHOWN:
        points = {float(row["step"]): float(row[field]) for row in files[name] if _usable(row, field)}
        if len(points) > 1:
            found.append((title, curve(sorted(points.items()), title)))
    return found


def last_rows(path: Path) -> list[dict[str, Any]]:
    """The rows at the end of a file; a line that is not whole yet is left out. Empty where there is no file."""
    try:
        with path.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - MAX_BYTES))
            lines = file.read().splitlines()
    except FileNotFoundError:
        return []
    rows = []
    for line in lines:
        try:
            row = orjson.loads(line)
        except orjson.JSONDecodeError:
            continue
        if isinstance(row, dict):
            rows.append(row)
    return rows


def curve(points: list[Point], title: str) -> Markup:
    """A line through the points, its range and last value in numbers."""
    kept = points[:: math.ceil(len(points) / MAX_POINTS)]
    kept = kept if kept[-1] == points[-1] else [*kept, points[-1]]
    low, high = min(y for _, y in kept), max(y for _, y in kept)
    spread = (high - low) or abs(high) or 1.0
    first, last = kept[0][0], kept[-1][0]

    def at(point: Point) -> str:
        x = LEFT + (point[0] - first) / ((last - first) or 1.0) * (WIDTH - LEFT - RIGHT)
        y = HEIGHT - BOTTOM - (point[1] - low) / spread * (HEIGHT - TOP - BOTTOM)
        return f"{x:.1f},{y:.1f}"

    digits = max(0, min(6, 1 - math.floor(math.log10(spread))))
    end = at(kept[-1]).split(",")
    return Markup(
        f'<svg class="curve" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img" '
        f'aria-label="{escape(title)}: {escape(number(kept[-1][1], digits))} at step {last:.0f}">'
        f'<line class="axis" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{HEIGHT - BOTTOM}" y2="{HEIGHT - BOTTOM}"/>'
        f'<polyline points="{" ".join(at(point) for point in kept)}"/><circle cx="{end[0]}" cy="{end[1]}" r="3"/>'
        f'<text x="{LEFT - 6}" y="{TOP + 5}" text-anchor="end">{number(high, digits)}</text>'
        f'<text x="{LEFT - 6}" y="{HEIGHT - BOTTOM}" text-anchor="end">{number(low, digits)}</text>'
        f'<text x="{LEFT}" y="{HEIGHT - 6}">step {first:.0f}</text>'
        f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 6}" text-anchor="end">{last:.0f}: '
        f'<tspan class="last">{number(kept[-1][1], digits)}</tspan></text></svg>'
    )


def _usable(row: dict[str, Any], field: str) -> bool:
    return all(isinstance(row.get(name), (int, float)) and math.isfinite(row[name]) for name in ("step", field))
