"""The frontier's tables in words and cells, the same for the page, the terminal and a document.

Table(title="At 79.5 % downstream: …", columns=("method", "general, %", …), rows=[("DFT", "97.9 (96.8 to 98.8)", …)])

`python -m tasks.report.frontier.tables frontier.json` prints them as Markdown.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from math import floor
from pathlib import Path

from tasks.methods.strength import label_at, shown
from tasks.report.figures.figures import method_label
from tasks.report.frontier.data import GENERAL, RISES, SHOWN, Difference, Frontier, Outcome
from tasks.report.schema.values import Estimate
from tasks.report.statistics.statistics import ROUNDING
from tasks.report.views.wording import DASH, interval, number, p_value
from tasks.runtime.files.markdown import table


@dataclass(frozen=True)
class Table:
    """Cells by row; the first column names the method."""

    title: str
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]]


def tables(data: Frontier) -> list[Table]:
    """By outcome the matched comparisons and each method at its own best; general accuracy also at the same rate; every
    point, and the regimes."""
    compared = [table for outcome in data.outcomes for table in _compared(data, outcome)]
    same_rate = [_same_rate(data, rate) for rate in data.rates]
    return [*compared, *same_rate, _points(data), _regimes(data)]


def headline(data: Frontier) -> list[Table]:
    """For a terminal: what each method keeps where it gained the same, by accuracy, pass@n and one thermometer."""
    rises = [one for one in RISES if one in data.outcomes]
    shown = [one for one in data.outcomes if one not in rises[1:]]
    matched = [_matched(data, level, outcome) for outcome in shown for level in _levels(data)]
    return [*matched, _own_best(data, GENERAL), _regimes(data)]


def _compared(data: Frontier, outcome: Outcome) -> list[Table]:
    return [*(_matched(data, level, outcome) for level in _levels(data)), _own_best(data, outcome)]


def _levels(data: Frontier) -> list[float]:
    return sorted({one.level for one in data.matched if one.level is not None}, reverse=True)


def _matched(data: Frontier, level: float, outcome: Outcome) -> Table:
    found = sorted((one for one in data.matched if (one.level, one.outcome) == (level, outcome)), key=_by_difference)
    return Table(
        f"At {number(100 * level)} % downstream: {data.called(outcome)} against {method_label(data.against)}'s there "
        f"(†: one of the two below its lowest rate, where nothing was measured{_chosen(data, found)})",
        ("method", *_headings(data, outcome)),
        [
            (_label(one) + (" †" if one.unmeasured else ""), _value(one.value, outcome) + _unsure(one), *_tested(one))
            if one.difference
            else (_label(one), f"not reached ({_percent(one.reached)} of replicates)", *[DASH] * 3)
            for one in found
        ],
    )


def _unsure(one: Difference) -> str:
    """In how many replicates the level is reached, where not in all; of too few a figure has no interval."""
    return f" (reached in {_percent(one.reached)} of replicates)" if one.reached < 1 else ""


def _percent(share: float) -> str:
    """Whole, and never more than it is: what is asked for 95 % is not told of 94.8."""
    return f"{floor(100 * share + ROUNDING)} %"


def _own_best(data: Frontier, outcome: Outcome) -> Table:
    found = sorted((one for one in data.own_best if one.outcome == outcome), key=_by_difference)
    best = "rate and strength" if _any_strength(found) else "rate"
    title = f"Each at its own best {best}, chosen {_told(data)}"
    return Table(
        title if outcome == GENERAL else f"{title}: {data.called(outcome)}",
        ("method", "rate", "downstream, %", *_headings(data, outcome)),
        [
            (
                _label(one),
                ", ".join(f"{rate:g}" for rate in one.rates),
                _value(one.math),
                _value(one.value, outcome),
                *_tested(one),
            )
            for one in found
        ],
    )


def _headings(data: Frontier, outcome: Outcome) -> tuple[str, ...]:
    against = f"against {method_label(data.against)}"
    if outcome not in RISES:
        return "general, %" if outcome == GENERAL else "pass@n, %", f"{against}, points", "p", "p, Holm"
    return SHOWN[outcome][1], f"{against} (less: moved less)", "p", "p, Holm"


def _same_rate(data: Frontier, rate: float) -> Table:
    regime = next((one.name for one in data.regimes if one.rate == rate), "unknown")
    return Table(
        f"At the same rate, {rate:g} ({regime}): differences from {method_label(data.against)}",
        ("method", "downstream, points", "general, points", "p", "p, Holm"),
        [
            (_label(one), _value(one.math_difference, signed=True), *_tested(one))
            for one in sorted(data.same_rate, key=_by_difference)
            if one.rates == [rate] and one.outcome == GENERAL
        ],
    )


def _points(data: Frontier) -> Table:
    others = [one for one in data.outcomes if one != GENERAL]
    return Table(
        "Every point; * where no other has more of both accuracies; NLL and KL as rises, in nats/token",
        ("method", "rate", "seeds", "downstream, %", "general, %", *map(data.called, others)),
        [
            (
                _named(one.method, [] if one.strength is None else [one.strength]) + (" *" if one.best else ""),
                f"{one.rate:g}",
                str(one.seeds),
                _value(one.math),
                _value(one.general),
                *(_value(one.of(outcome), outcome) for outcome in others),
            )
            for method in data.methods()
            for one in data.points_of(method)
        ],
    )


def _regimes(data: Frontier) -> Table:
    return Table(
        "What a rate can show, told from SFT alone: a cliff where its seeds lie 5 points of general accuracy apart, "
        "lost where they agree and half is forgotten",
        ("rate", "SFT forgets, points", "standard deviation over seeds", "NLL of own answers rises", "s. d.", "regime"),
        [
            (
                f"{one.rate:g}",
                number(None if one.forgotten is None else 100 * one.forgotten),
                number(None if one.between_seeds is None else 100 * one.between_seeds),
                number(one.rise, 3),
                number(one.rise_between_seeds, 3),
                one.name,
            )
            for one in data.regimes
        ],
    )


def _label(one: Difference) -> str:
    return _named(one.method, one.strengths)


def _named(method: str, strengths: Sequence[float]) -> str:
    """The method, at the strength that was taken; at both where each half chose another."""
    return (strengths and label_at(method, " or ".join(map(shown, strengths)))) or method_label(method)


def _chosen(data: Frontier, found: Sequence[Difference]) -> str:
    return f"; of several strengths the one with the most downstream {_told(data)}" if _any_strength(found) else ""


def _any_strength(found: Sequence[Difference]) -> bool:
    return any(one.strengths for one in found)


def _told(data: Frontier) -> str:
    """On what is chosen."""
    if data.validation_rows:
        return f"on {data.validation_rows} validation rows that no benchmark holds"
    return "on half of the downstream questions and told on the other"


def _by_difference(one: Difference) -> tuple[bool, float]:
    """The best first: of a rise the least, of all else the most."""
    sign = 1 if one.outcome in RISES else -1
    return one.difference is None, sign * one.difference.value if one.difference else 0.0


def _tested(one: Difference) -> tuple[str, str, str]:
    return _value(one.difference, one.outcome, signed=True), p_value(one.p), p_value(one.holm)


def _value(found: Estimate | None, outcome: Outcome = GENERAL, signed: bool = False) -> str:
    if found is None:
        return DASH
    scale, digits = SHOWN[outcome][2:]
    spread = interval(found, scale, digits)
    return number(scale * found.value, digits, signed=signed) + (f" ({spread})" if spread else "")


def markdown(data: Frontier) -> str:
    """All tables, each below its title."""
    return "\n\n".join(f"**{one.title}**\n\n{table(one.columns, one.rows)}" for one in tables(data))


if __name__ == "__main__":  # python -m tasks.report.frontier.tables frontier.json
    print(markdown(Frontier.model_validate_json(Path(sys.argv[1]).read_text(encoding="utf-8"))))
