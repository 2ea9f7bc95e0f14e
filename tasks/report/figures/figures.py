"""The report's figures, each a function of the data and a width that returns an inline <svg> or None without data."""

from collections.abc import Callable, Collection, Sequence

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from tasks.report.figures.chart import ROLES, end_labels, panels, role_of, svg, title, x_label
from tasks.report.schema.data import ORDER, ReportData, label_of
from tasks.report.schema.run_data import GrpoStep
from tasks.report.schema.values import Estimate
from tasks.runtime.files.plain_text import label

_GRPO: tuple[tuple[str, str, Callable[[GrpoStep], float | None]], ...] = (
    ("pass_rate", "pass rate, %", lambda step: None if step.pass_rate is None else 100 * step.pass_rate),
    ("nll_passing", "NLL of passing, nats/token", lambda step: step.nll_passing),
    ("diversity", "diversity D(S+)", lambda step: step.diversity),
    ("length", "length, tokens", lambda step: step.length),
)
_TARGET_ROLES = ("vermillion", "purple", "blue")


def method_label(method: str, limit: int = 24) -> str:
    """The name a reader knows the method by."""
    return label_of(method) or label(method.replace("_", " "), limit)


def _others(data: ReportData) -> list[str]:
    return [name for name in data.methods() if name not in ORDER]


def accuracies(data: ReportData, width: int) -> Markup | None:
    """MathAvg and GeneralAvg of every method as dots with their intervals; the base's value as a line."""
    rows = [s for s in data.summaries if s.averages.math or s.averages.general]
    if not rows:
        return None
    narrow = width < 600
    columns = 1 if narrow else 2
    panel_height = 30 * len(rows)
    figure, axes = panels(
        width,
        26 + 42 + (panel_height * 2 + 64 if narrow else panel_height),
        rows=2 if narrow else 1,
        columns=columns,
        left=132,
        gap=64,
    )
    for ax, measure, name in zip(axes, ("math", "general"), ("downstream", "general"), strict=True):
        title(ax, f"{name} accuracy, % (mean over benchmarks)" if not narrow else f"{name} accuracy, %")
        for y, summary in enumerate(rows):
            estimate: Estimate | None = getattr(summary.averages, measure)
            if estimate is None:
                continue
            colour = ROLES[role_of(summary.method, _others(data))[0]]
            if estimate.low is not None and estimate.high is not None:
                ax.plot([100 * estimate.low, 100 * estimate.high], [y, y], color=colour, linewidth=2.5)
            ax.plot([100 * estimate.value], [y], "o", color=colour, markersize=8)
            if summary.method == "base":
                ax.axvline(100 * estimate.value, color=ROLES["muted"], linewidth=1, linestyle=(0, (2, 2)), zorder=0)
        ax.set_yticks(range(len(rows)), [method_label(s.method, 17) for s in rows], color=ROLES["ink"])
        ax.set_ylim(len(rows) - 0.4, -0.6)
        ax.grid(axis="y", visible=False)
        ax.grid(axis="x", color=ROLES["grid"])
    return svg(figure, f"accuracies-{width}", "Downstream and general accuracy of each method with intervals")


def sft_loss(data: ReportData, width: int, only: Collection[str] = (), name: str = "loss") -> Markup | None:
    """SFT training loss over steps (Figure 2): a thin line a seed as logged, a thick one smoothed over all seeds."""
    methods = [m for m in data.methods() if any(p.loss is not None for run in data.runs_of(m) for p in run.loss)]
    methods = [m for m in methods if not only or m in only]
    if not methods:
        return None
    figure, [ax] = panels(width, 240 if width < 600 else 360, right=110 if width < 600 else 150)
    title(ax, "SFT loss, the method’s own")
    x_label(ax, "step")
    labels = []
    for method in methods:
        role, dash = role_of(method, _others(data))
        curves = [[(p.step, p.loss) for p in run.loss if p.loss is not None] for run in data.runs_of(method)]
        end = _curves(ax, curves, role, dash)
        if end:
            labels.append((*end, method_label(method, 14), role))
    ax.margins(x=0.01)
    end_labels(ax, labels)
    return svg(figure, f"{name}-{width}", "SFT training loss over steps, one line a method")


def grpo(data: ReportData, width: int) -> Markup | None:
    """GRPO over steps, four panels: pass rate, NLL of passing rewrites, D(S+), length."""
    methods = [m for m in data.methods() if any(run.grpo for run in data.runs_of(m))]
    if not methods:
        return None
    narrow = width < 600
    columns, rows = (1, 4) if narrow else (2, 2)
    several = len(methods) > 1
    figure, axes = panels(width, 760 if narrow else 480, rows=rows, columns=columns, right=110 if several else 20)
    for ax, (_, text, value) in zip(axes, _GRPO, strict=True):
        title(ax, text)
        labels = []
        for method in methods:
            role, dash = role_of(method, _others(data))
            curves = [
                [(step.step, y) for step in run.grpo if (y := value(step)) is not None] for run in data.runs_of(method)
            ]
            end = _curves(ax, curves, role, dash)
            if end and several:
                labels.append((*end, method_label(method, 14), role))
        ax.margins(x=0.02)
        end_labels(ax, labels)
        if not ax.lines:
            ax.text(0.5, 0.5, "not logged", transform=ax.transAxes, ha="center", color=ROLES["muted"], fontsize=12)
            ax.set_xticks([])
            ax.set_yticks([])
    for ax in axes[-columns:]:
        x_label(ax, "GRPO step")
    return svg(figure, f"grpo-{width}", "GRPO training curves: pass rate, NLL of passing rewrites, diversity, length")


def _curves(
    ax: Axes, curves: Sequence[Sequence[tuple[int, float]]], role: str, dash: str | tuple[int, tuple[float, ...]]
) -> tuple[float, float] | None:
    """Draw a thin line a seed and a thick smoothed mean; returns the thick line's last point."""
    curves = [curve for curve in curves if curve]
    if not curves:
        return None
    for curve in curves:
        x, y = np.array(curve, dtype=float).T
        ax.plot(x, y, color=ROLES[role], linewidth=0.8, alpha=0.35)
    by_step: dict[int, list[float]] = {}
    for curve in curves:
        for step, y_value in curve:
            by_step.setdefault(step, []).append(y_value)
    steps = sorted(step for step, values in by_step.items() if len(values) == len(curves)) or sorted(by_step)
    means = smooth(np.array([np.mean(by_step[step]) for step in steps]))
    ax.plot(steps, means, color=ROLES[role], linewidth=2.2, linestyle=dash, marker="o" if len(steps) == 1 else "")
    ax.xaxis.set_major_locator(MaxNLocator(5, integer=True, steps=[1, 2, 2.5, 5, 10]))
    return float(steps[-1]), float(means[-1])


def smooth(values: np.ndarray) -> np.ndarray:
    """A centred running mean over a twentieth of the curve; at the ends over what there is of the window."""
    half = len(values) // 40
    total = np.concatenate([[0.0], np.cumsum(values)])
    at = np.arange(len(values))
    first, last = np.maximum(at - half, 0), np.minimum(at + half + 1, len(values))
    return (total[last] - total[first]) / (last - first)


def nll_histograms(data: ReportData, width: int) -> Markup | None:
    """Share of rows by NLL under pi_0, one strip a kind of target over the same axis; the median as a line."""
    found = [h for h in data.histograms if h.n > 0 and len(h.edges) == len(h.counts) + 1]
    if not found:
        return None
    figure, axes = panels(width, 68 + 110 * len(found), rows=len(found), left=24, gap=22)
    low, high = min(h.edges[0] for h in found), max(h.edges[-1] for h in found)
    top = max(100 * max(h.counts) / h.n for h in found) * 1.45 or 1.0
    for number, (ax, histogram) in enumerate(zip(axes, found, strict=True)):
        colour = ROLES[_TARGET_ROLES[number % len(_TARGET_ROLES)]]
        shares = [100 * count / histogram.n for count in histogram.counts]
        ax.stairs(shares, histogram.edges, fill=True, color=colour, alpha=0.25)
        ax.stairs(shares, histogram.edges, color=colour, linewidth=1.6)
        ax.axvline(histogram.median, color=ROLES["ink"], linewidth=1.2, linestyle=(0, (3, 2)), ymax=0.72)
        ax.set_xlim(low, high)
        ax.set_ylim(0, top)
        ax.grid(visible=False)
        ax.set_yticks([])
        text = f"{label(histogram.name, 32)}: median {histogram.median:.3f}, n = {histogram.n:,}"
        ax.text(0.995, 0.93, text, transform=ax.transAxes, ha="right", va="top", color=ROLES["ink"], fontsize=12)
        if number < len(found) - 1:
            ax.tick_params(labelbottom=False)
    title(axes[0], f"share of rows a bin, % (full height {top:.0f} %)")
    x_label(axes[-1], "NLL under the backbone, nats per token")
    return svg(figure, f"nll-{width}", "Histograms of the NLL of expert, direct rewrite and agent rewrite")
