"""What a run shows in the Prefect UI beside its log: the headline table and the lineage, as Markdown artifacts."""

from prefect.artifacts import create_markdown_artifact

from tasks.report.data import LABELS, Estimate, ReportData
from tasks.report.lineage import mermaid
from tasks.report.report import PAGE, read_report
from tasks.stage import store
from tasks.store import Artifact


def show_in_ui(report: Artifact) -> None:
    """Attach the report's headline and its lineage to the flow run."""
    folder = store().path(report.key)
    data = read_report(folder)
    create_markdown_artifact(headline(data, str(folder / PAGE)), key="report", description="What was gained and lost")
    graph = f"```mermaid\n{mermaid(data.lineage)}\n```\n\nWhole: `rewriting-agent lineage {report.key[:12]}`"
    create_markdown_artifact(graph, key="lineage", description="What the report was made from")


def headline(data: ReportData, page: str) -> str:
    """The headline table as Markdown. Names of methods are ours; nothing a model wrote is in it."""
    lines = ["| | math, % | general, % | overall, % | yield, % | target NLL, nats/token |", "|---|---|---|---|---|---|"]
    for summary in data.summaries:
        averages = summary.averages
        cells = [_percent(one) for one in (averages.math, averages.general, averages.overall, summary.tc_yield)]
        nll = "" if summary.target_nll is None else f"{summary.target_nll.value:.3f}"
        lines.append(f"| {LABELS.get(summary.method, summary.method)} | {' | '.join([*cells, nll])} |")
    if data.backbone.nano:
        lines += [
            "",
            "**nano** is a toy backbone: these figures show the mechanism and claim nothing about large models.",
        ]
    return "\n".join([*lines, "", f"Whole report: `{page}`"])


def _percent(estimate: Estimate | None) -> str:
    if estimate is None:
        return ""
    interval = "" if estimate.low is None or estimate.high is None else f" ({estimate.low:.1%} to {estimate.high:.1%})"
    return f"{estimate.value:.1%}{interval}"
