"""The figure of forgetting: a dot a trained model, NLL of its targets against what it forgot, and the line.

`python -m tasks.report.figures.forgetting_figure report.json > forgetting.svg` draws it as a file of its own, for a
document; of a study's `--json` with several backbones, `--backbone` says whose.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from markupsafe import Markup

from tasks.report.figures.chart import LEGEND, ROLES, WIDE, panels, role_of, standalone, svg, title, x_label
from tasks.report.figures.figures import method_label
from tasks.report.schema.data import ORDER, ReportData

_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")  # beside colours, for eyes and printers that do not tell these


def forgetting_figure(data: ReportData, width: int) -> Markup | None:
    """Points of GeneralAvg lost over nats per token; hollow dots are models of another loss, outside of the line."""
    found = data.forgetting
    if found is None:
        return None
    methods = [name for name in data.methods() if any(one.method == name for one in found.models)]
    others = [name for name in data.methods() if name not in ORDER]
    narrow = width < 600
    legend_rows = -(-len(methods) // 2) if narrow else 0
    figure, [ax] = panels(width, 300 + 20 * legend_rows if narrow else 380, right=14 if narrow else 170)
    if narrow:
        box, height = ax.get_position(), 300 + 20 * legend_rows
        ax.set_position((box.x0, box.y0, box.width, box.height - 20 * legend_rows / height))
    title(ax, "forgotten, points of general accuracy")
    x_label(ax, "NLL of the targets under the backbone, nats/token" if not narrow else "NLL of targets, nats/token")
    ax.axhline(0, color=ROLES["muted"], linewidth=1, linestyle=(0, (2, 2)), zorder=0)
    if found.slope is not None and found.intercept is not None:
        ends = np.array(sorted(one.target_nll for one in found.models if not one.other_loss))[[0, -1]]
        ax.plot(ends, 100 * (found.intercept + found.slope.value * ends), color=ROLES["ink"], linewidth=1.6)
    for number, method in enumerate(methods):
        models = [one for one in found.models if one.method == method]
        colour = ROLES[role_of(method, others)[0]]
        ax.plot(
            [one.target_nll for one in models],
            [100 * one.forgotten.value for one in models],
            _MARKERS[number % len(_MARKERS)],
            color=colour,
            markerfacecolor="none" if models[0].other_loss else colour,
            markersize=7,
            alpha=0.8,
            label=method_label(method, 20),
        )
    ax.margins(x=0.04, y=0.08)
    ax.legend(
        loc="lower left" if narrow else "upper left",
        bbox_to_anchor=(0, 1.1) if narrow else (1.02, 1.0),
        ncols=2 if narrow else 1,
        handletextpad=0.3,
        borderaxespad=0,
        **LEGEND,
    )
    return svg(figure, f"forgetting-{width}", "What each model forgot against the NLL of the targets it was trained on")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("report", type=Path, help="a report.json, or what `study --json` wrote")
    parser.add_argument("--backbone", help="whose report it is to be, where the file has several")
    said = parser.parse_args()
    whole = json.loads(said.report.read_text(encoding="utf-8"))
    reports = [ReportData.model_validate(one) for one in whole.get("reports", [whole])]
    chosen = [one for one in reports if said.backbone in (None, one.backbone.name)]
    if len(chosen) != 1:
        parser.error(f"name one --backbone of {', '.join(one.backbone.name for one in reports)}")
    drawn = forgetting_figure(chosen[0], WIDE)
    if drawn is None:
        parser.error("the report has fewer than three trained models with general accuracy and NLL of their targets")
    print(standalone(drawn))


if __name__ == "__main__":
    main()
