"""The frontier's tables in words and cells, the same for the page, the terminal and a document.

Table(title="At 79.5 % downstream: …", columns=("method", "general, %", …), rows=[("DFT", "97.9 (96.8 to 98.8)", …)])

`python -m tasks.report.frontier.tables frontier.json` prints them as Markdown.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

from tasks.report.data import Estimate
from tasks.report.figures import method_label
from tasks.report.frontier.data import Difference, Frontier
from tasks.report.wording import DASH, interval, number
from tasks.runtime.markdown import table


@dataclass(frozen=True)
class Table:
    """Cells by row; the first column names the method."""

    title: str
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]]


def tables(data: Frontier) -> list[Table]:
    """Matched comparisons by level, each method at its own best, all at the same rate, every point, and the regimes."""
    levels = sorted({one.level for one in data.matched if one.level is not None}, reverse=True)
    matched = [_matched(data, level) for level in levels]
    same_rate = [_same_rate(data, rate) for rate in data.rates]
    return [*matched, _own_best(data), *same_rate, _points(data), _regimes(data)]


def _matched(data: Frontier, level: float) -> Table:
    rows = sorted((one for one in data.matched if one.level == level), key=_by_difference)
    title = f"At {number(100 * level)} % downstream: general accuracy against SFT's there"
    return Table(
        title + " (†: one of the two below its lowest rate, where nothing was measured)",
        ("method", "general, %", "against SFT, points", "p", "p, Holm"),
        [
            (method_label(one.method) + (" †" if one.unmeasured else ""), _value(one.general), *_tested(one))
            if one.difference
            else (method_label(one.method), f"not reached ({100 * one.reached:.0f} % of replicates)", *[DASH] * 3)
            for one in rows
        ],
    )


def _own_best(data: Frontier) -> Table:
    return Table(
        "Each at its own best rate, chosen on half of the downstream questions and told on the other",
        ("method", "rate", "downstream, %", "general, %", "against SFT, points", "p", "p, Holm"),
        [
            (
                method_label(one.method),
                ", ".join(f"{rate:g}" for rate in one.rates),
                _value(one.math),
                _value(one.general),
                *_tested(one),
            )
            for one in sorted(data.own_best, key=_by_difference)
        ],
    )


def _same_rate(data: Frontier, rate: float) -> Table:
    regime = next((one.name for one in data.regimes if one.rate == rate), "unknown")
    return Table(
        f"At the same rate, {rate:g} ({regime}): differences from SFT",
        ("method", "downstream, points", "general, points", "p", "p, Holm"),
        [
            (method_label(one.method), _value(one.math_difference, signed=True), *_tested(one))
            for one in sorted(data.same_rate, key=_by_difference)
            if one.rates == [rate]
        ],
    )


def _points(data: Frontier) -> Table:
    return Table(
        "Every point; * where no other has more of both",
        ("method", "rate", "seeds", "downstream, %", "general, %"),
        [
            (
                method_label(one.method) + (" *" if one.best else ""),
                f"{one.rate:g}",
                str(one.seeds),
                _value(one.math),
                _value(one.general),
            )
            for method in data.methods()
            for one in data.points_of(method)
        ],
    )


def _regimes(data: Frontier) -> Table:
    return Table(
        "What a rate can show, told from SFT alone: a cliff where its seeds lie 5 points of general accuracy apart",
        ("rate", "SFT forgets, points", "standard deviation over seeds", "regime"),
        [
            (
                f"{one.rate:g}",
                number(None if one.forgotten is None else 100 * one.forgotten),
                number(None if one.between_seeds is None else 100 * one.between_seeds),
                one.name,
            )
            for one in data.regimes
        ],
    )


def _by_difference(one: Difference) -> tuple[bool, float]:
    return one.difference is None, -one.difference.value if one.difference else 0.0


def _tested(one: Difference) -> tuple[str, str, str]:
    return _value(one.difference, signed=True), _p(one.p), _p(one.holm)


def _value(found: Estimate | None, signed: bool = False) -> str:
    if found is None:
        return DASH
    spread = interval(found)
    return number(100 * found.value, signed=signed) + (f" ({spread})" if spread else "")


def _p(value: float | None) -> str:
    return DASH if value is None else "< 0.001" if value < 0.001 else f"{value:.3f}"


def markdown(data: Frontier) -> str:
    """All tables, each below its title."""
    return "\n\n".join(f"**{one.title}**\n\n{table(one.columns, one.rows)}" for one in tables(data))


if __name__ == "__main__":  # python -m tasks.report.frontier.tables frontier.json
    print(markdown(Frontier.model_validate_json(Path(sys.argv[1]).read_text(encoding="utf-8"))))
