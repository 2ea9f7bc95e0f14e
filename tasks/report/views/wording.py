"""Numbers as a reader meets them, and what the comparisons say in words.

Comparison(method="sft", reference="base", measure="GeneralAvg", difference=-0.09 (-0.12 to -0.06), …)
  -> "SFT against base": "general accuracy lower by 9.0 points (6.0 to 12.0)"
"""

from math import inf

from tasks.report.computed.held_out import UNTRAINED
from tasks.report.figures.figures import method_label
from tasks.report.schema.compared_data import Comparison, Measure
from tasks.report.schema.data import ReportData
from tasks.report.schema.pass_at_k_data import Group, PassAtK
from tasks.report.schema.run_data import Score
from tasks.report.schema.values import Contrast, Estimate, Proportion

MEASURES = {
    "MathAvg": "downstream accuracy",
    "GeneralAvg": "general accuracy",
    "OverallAvg": "overall accuracy",
    "yield": "task-consistency yield",
    "target NLL": "NLL of the targets",
    "held-out pass rate": "pass rate on held-out rows",
    "held-out NLL": "NLL of passing rewrites on held-out rows",
    "held-out D(S+)": "D(S+) on held-out rows",
    "held-out length": "length of passing rewrites on held-out rows",
}
_UNITS = {
    "target NLL": ("nats/token", 3),
    "held-out NLL": ("nats/token", 3),
    "held-out D(S+)": ("", 3),
    "held-out length": ("tokens", 1),
}
GROUPS: dict[Group, str] = {"math": "downstream", "general": "general"}
HOLM = " Holm p: two-sided, corrected for the methods that are held against the same reference by one measure."
DASH = "–"
MOSTLY = 0.5  # of the moved weights
SHORT, ALONE = 0.6, 0.25  # of the expert's length; of passing rewrites


def number(value: float | None, digits: int = 1, signed: bool = False) -> str:
    """The number with a true minus sign; a dash where there is none."""
    if value is None:
        return DASH
    text = f"{value:+,.{digits}f}" if signed else f"{value:,.{digits}f}"
    if float(text.replace(",", "")) == 0:
        text = text.lstrip("+-")  # no "−0.0"
    return text.replace("-", "−")


def percent(share: float | None, digits: int = 1) -> str:
    """A fraction as per cent, without the sign: columns carry the unit."""
    return number(None if share is None else 100 * share, digits)


def interval(found: Estimate | Proportion | Score | None, scale: float = 100, digits: int = 1) -> str:
    """“39.0 to 47.4”, or nothing where there is no interval."""
    if found is None or found.low is None or found.high is None:
        return ""
    return f"{number(scale * found.low, digits)} to {number(scale * found.high, digits)}"


def p_value(value: float | None) -> str:
    """“0.012”, “< 0.001”, or a dash."""
    return DASH if value is None else "< 0.001" if value < 0.001 else f"{value:.3f}"


def holm(found: Contrast) -> str:
    """“Holm p 0.012”, “Holm p < 0.001”, or nothing where there is none."""
    return "" if found.holm is None else f"Holm p {p_value(found.holm)}"


def _beside(*parts: str) -> str:
    """What is said of a figure in brackets behind it: “ (0.05 to 0.19; Holm p 0.012)”."""
    said = "; ".join(part for part in parts if part)
    return f" ({said})" if said else ""


def against(found: Contrast, scale: float = 100, digits: int = 1, reference: str = "SFT") -> str:
    """A difference from SFT: “SFT +0.12 (0.05 to 0.19; Holm p 0.012)”."""
    value = number(scale * found.value, digits, signed=True)
    return f"{reference} {value}{_beside(interval(found, scale, digits), holm(found))}"


def sampled_of(row: PassAtK) -> str:
    """What the questions of a row of pass@k are called."""
    return row.benchmark or f"mean over {GROUPS[row.group]} benchmarks"


def unit_of(measure: Measure) -> tuple[float, str, int]:
    """Factor, unit and digits with which a difference on `measure` is shown."""
    return (1.0, *_UNITS[measure]) if measure in _UNITS else (100.0, "points", 1)


def _finding(comparison: Comparison) -> str:
    """What one comparison says; within noise where its interval holds 0."""
    scale, unit, digits = unit_of(comparison.measure)
    unit = unit and f" {unit}"
    value = scale * comparison.difference.value
    measure = MEASURES[comparison.measure]
    spread, p = interval(comparison.difference, scale, digits), holm(comparison.difference)
    if not spread:
        return f"{measure} {number(value, digits, signed=True)}{unit}, no interval"
    if comparison.within_noise:
        return f"{measure} within noise: {number(value, digits, signed=True)}{unit}{_beside(spread, p)}"
    if value < 0:
        low, high = comparison.difference.low, comparison.difference.high
        mirrored = Estimate(value=-comparison.difference.value, low=-high, high=-low)  # type: ignore[operator]
        return f"{measure} lower by {number(-value, digits)}{unit}{_beside(interval(mirrored, scale, digits), p)}"
    return f"{measure} higher by {number(value, digits)}{unit}{_beside(spread, p)}"


def findings(data: ReportData) -> list[tuple[str, list[str]]]:
    """The main comparisons in words: (“SFT against base”, [“downstream accuracy higher by …”, …]).

    All of them where they are few; else those of SFT and of the rewriting agent, the two this project is about.
    """
    groups: dict[tuple[str, str], list[str]] = {}
    for comparison in data.comparisons:
        groups.setdefault((comparison.method, comparison.reference), []).append(_finding(comparison))
    main = {pair: said for pair, said in groups.items() if pair[0] in ("sft", "rewriting_agent")}
    chosen = groups if len(groups) <= 4 or not main else main
    return [(f"{method_label(pair[0])} against {method_label(pair[1])}", said) for pair, said in chosen.items()]


def slope(data: ReportData) -> str:
    """The line of forgetting in words; "" where there is none."""
    found = data.forgetting
    if found is None or found.slope is None:
        return ""
    fitted = [one for one in found.models if not one.other_loss]
    low, high = found.slope.low, found.slope.high
    noise = "within noise, " if low is None or high is None or low <= 0 <= high else ""
    return (
        f"A nat per token more in the targets goes with {number(100 * found.slope.value, signed=True)} points "
        f"forgotten ({noise}{interval(found.slope)}; least squares over {len(fitted)} models of "
        f"{len({one.method for one in fitted})} methods). The interval holds the sampling of questions and, within "
        "each method, of seeds; it does not hold which methods were compared."
    )


def reading(data: ReportData) -> str:
    """How to read the findings: what the differences are, over how many rows, and what “within noise” means."""
    tested = any(c.difference.p is not None for c in data.comparisons)
    rows = {c.measure: f"{MEASURES[c.measure]} over n = {c.rows:,} rows" for c in data.comparisons}
    return (
        f"Differences with {100 * data.confidence:g} % intervals, paired by row: "
        f"{'; '.join(rows.values())}. Within noise: the interval holds 0, so these rows cannot tell the two apart."
        f"{HOLM if tested else ''}"
    )


def caveats(data: ReportData) -> list[str]:
    """What a reader must know before reading the intervals."""
    said = []
    trained = [s for s in data.summaries if s.method != "base"]
    if any(len(s.seeds) <= 1 for s in trained):
        said.append("One training seed a method: the intervals hold the sampling of rows, not of training runs.")
    elif trained:
        least = min(len(s.seeds) for s in trained)
        said.append(f"{least} training seeds or more a method: the intervals hold the sampling of rows and of seeds.")
    undecided = sum(s.undecided for run in [data.base, *data.runs] for s in run.scores.values())
    if undecided:
        said.append(f"{undecided:,} answers could not be decided by the verifier; they count as wrong.")
    return said + _unreasoned(data) + _rounded(data) + data.notes


def _unreasoned(data: ReportData) -> list[str]:
    """Agents whose passing rewrites are much shorter than the expert's, or often nothing but the answer."""
    return [
        f"{method_label(one.rewriter)}: passing rewrites have {number(one.length, 0)} tokens at the median, the "
        f"expert's solutions {number(one.expert_length, 0)}, and {percent(one.answer_alone, 0)} % say nothing but the "
        "answer. Read some of them; a judge that reads the reasoning refuses such (docs/judging.md)."
        for one in data.held_out
        if one.rewriter != UNTRAINED
        and ((one.answer_alone or 0.0) > ALONE or (one.length or inf) < SHORT * (one.expert_length or 0.0))
    ]


def _rounded(data: ReportData) -> list[str]:
    """Which models were read in a precision that undoes most of their training, and what to set instead."""
    runs = [run for run in data.runs if run.read_in_bfloat16 and (run.rounded_back or 0.0) >= MOSTLY]
    if not runs:
        return []
    names = ", ".join(dict.fromkeys(method_label(run.method) for run in runs))
    least = min(run.rounded_back or 0.0 for run in runs)
    stages = sorted({stage for run in runs for stage in run.read_in_bfloat16}, reverse=True)
    flags = " ".join(f"--set {stage}.dtype=float32" for stage in stages)
    return [
        f"In bfloat16, in which {' and '.join(stages)} read them, {percent(least, 0)} % or more of the weights that "
        f"training moved are the backbone's again ({names}): what was measured there is mostly rounding. {flags} reads "
        "what was trained."
    ]
