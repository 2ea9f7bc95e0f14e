"""The reliability diagram: how often each method is right, against how sure it is; on the diagonal it is calibrated.

In:  ReportData with `calibration`, and a width
Out: an inline <svg>, a panel a set of questions, or None where no likelihoods are had
"""

from markupsafe import Markup

from tasks.report.figures.chart import LEGEND, ROLES, panels, role_of, svg, title, x_label
from tasks.report.figures.figures import method_label
from tasks.report.schema.data import ORDER, ReportData
from tasks.runtime.files.plain_text import label

_HEIGHT, _LEGEND, _ENTRY = 300, 20, 170  # height of a panel and of a line of the legend, width of a name in it
_COLUMNS = 3


def calibration_figure(data: ReportData, width: int) -> Markup | None:
    """A dot a bin of equal mass, a line a method, the base's first; shares in per cent."""
    sets = list(dict.fromkeys(row.of for row in data.calibration))
    if not sets:
        return None
    methods = [name for name in data.methods() if any(row.method == name for row in data.calibration)]
    others = [name for name in data.methods() if name not in ORDER]
    narrow = width < 600
    columns = 1 if narrow else min(_COLUMNS, len(sets))
    rows = -(-len(sets) // columns)
    wide = width if narrow else max(width * columns // _COLUMNS, width // 2)  # one set alone fills no whole page
    across = wide // _ENTRY
    legend = _LEGEND * -(-len(methods) // across)
    height = legend + 72 + _HEIGHT * rows
    figure, axes = panels(wide, height, rows=rows, columns=columns, top=32 + legend, gap=80)
    for ax, of in zip(axes, sets, strict=False):
        title(ax, f"right, %: {label(of, 28)}")
        x_label(ax, "confidence, %")
        ax.axline((0, 0), slope=1, color=ROLES["muted"], linewidth=1, linestyle=(0, (2, 2)), zorder=0)
        for method in methods:
            for row in (row for row in data.calibration if (row.of, row.method) == (of, method)):
                role, dash = role_of(method, others)
                x, y = [100 * one.confidence for one in row.bins], [100 * one.right for one in row.bins]
                ax.plot(x, y, color=ROLES[role], linestyle=dash, linewidth=1.8, marker="o", markersize=4)
                ax.lines[-1].set_label(method_label(method, 20))
        ax.set_xlim(max(0, min(100 * b.confidence for r in data.calibration if r.of == of for b in r.bins) - 4), 102)
        ax.set_ylim(max(0, min(100 * b.right for r in data.calibration if r.of == of for b in r.bins) - 4), 102)
    for ax in axes[len(sets) :]:
        ax.set_visible(False)
    handles = {line.get_label(): line for ax in axes for line in ax.lines if not str(line.get_label()).startswith("_")}
    figure.legend(
        handles.values(),
        [str(name) for name in handles],
        loc="upper left",
        bbox_to_anchor=(0, 1),
        ncols=across,
        handlelength=2.2,
        borderaxespad=0.2,
        **LEGEND,
    )
    return svg(figure, f"calibration-{width}", "How often each method is right against how sure it is, by questions")
