"""The paper's Figures 3 and 4; Figure 2, the SFT loss of every method, is figures.sft_loss.

In:  ReportData of an ablation or a study, and a width; out: an inline <svg>, or None where nothing was run for it
"""

import re

from markupsafe import Markup
from matplotlib.ticker import FixedLocator

from tasks.report.figures.chart import ROLES, panels, svg, title, x_label
from tasks.report.figures.figures import sft_loss
from tasks.report.schema.data import ReportData
from tasks.report.schema.values import Estimate

SUCCESS_ONLY = ("sdft_success_only", "agent_success_only", "success_only")


def success_only(data: ReportData, width: int) -> Markup | None:
    """SFT loss of the arms that leave out rows whose rewrite fails (Figure 3)."""
    return sft_loss(data, width, only=SUCCESS_ONLY, name="success-only")


def sweep(data: ReportData, width: int) -> Markup | None:
    """Downstream and general accuracy by the candidate group size K (Figure 4); needs two sizes."""
    found = sorted(
        (int(match[1]), row.averages)
        for row in data.summaries
        if (match := re.fullmatch(r"k(\d+)", row.method)) and row.averages.math and row.averages.general
    )
    if len(found) < 2:
        return None
    narrow = width < 600
    figure, axes = panels(width, 480 if narrow else 260, rows=2 if narrow else 1, columns=1 if narrow else 2, gap=56)
    for ax, name, text in zip(axes, ("math", "general"), ("downstream", "general"), strict=True):
        title(ax, f"{text} accuracy, %")
        x_label(ax, "K")
        points: list[tuple[int, Estimate]] = [(k, getattr(averages, name)) for k, averages in found]
        ax.plot([k for k, _ in points], [100 * one.value for _, one in points], "o-", color=ROLES["blue"])
        for k, one in points:
            if one.low is not None and one.high is not None:
                ax.plot([k, k], [100 * one.low, 100 * one.high], color=ROLES["blue"], linewidth=2)
        ax.xaxis.set_major_locator(FixedLocator([k for k, _ in points]))
        ax.margins(x=0.08)
    return svg(figure, f"sweep-{width}", "Downstream and general accuracy by the candidate group size K")
