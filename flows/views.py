"""What a run shows in the Prefect UI beside its log: its name, tags, headline table and lineage."""

from collections.abc import Callable, Sequence
from pathlib import Path

from prefect.artifacts import create_markdown_artifact
from prefect.client.orchestration import get_client
from prefect.context import FlowRunContext

from flows.experiment import Experiment
from flows.form import name_of, tags_of
from infra.sinks import feed as sinks
from tasks.report.lineage.lineage import collapse, subtitle, title
from tasks.report.report import PAGE, read_report
from tasks.report.schema.data import ReportData, label_of
from tasks.report.schema.values import Estimate
from tasks.runtime.files import markdown
from tasks.runtime.planning import walking
from tasks.runtime.settings import settings
from tasks.runtime.show import history_key, picture, table
from tasks.runtime.stage import store
from tasks.runtime.store.store import Artifact

MOST_LISTED = 200  # lines of a lineage


def introduce(kind: str, experiments: Sequence[Experiment]) -> Callable[[int], None]:
    """Name and tag the flow run around by what it was asked, in its list, its log and the manifests of what it makes.

    Returns:
        What names it anew when "next" has turned out to be a seed.

    Raises:
        SinkError: a sink that is on cannot work; better now than at the run's end.
    """
    sinks.check()
    context = FlowRunContext.get()
    if context is None or context.flow_run is None:
        return lambda seed: None
    run, asked = context.flow_run, dict(context.parameters or {})

    def name(seed: int | None = None) -> None:
        run.name = name_of(kind, asked, seed)
        with get_client(sync_client=True) as client:
            client.update_flow_run(run.id, name=run.name, tags=run.tags)

    run.tags = sorted({*run.tags, *tags_of(kind, asked, experiments)})
    name()
    return name


def show_in_ui(report: Artifact) -> None:
    """Attach the report's headline and lineage to the flow run, and feed the sinks that are on; a plan has none."""
    if walking():
        return
    folder = store().path(report.key)
    data = read_report(folder)
    name = data.backbone.name
    create_markdown_artifact(
        headline(data, page_of(report, folder)),
        key=f"report-{about(data)}",
        description=f"{name}: what was gained and what was forgotten",
    )
    create_markdown_artifact(
        lineage(data, report.key),
        key=f"lineage-{about(data)}",
        description=f"{name}: what the report was made from",
    )
    sinks.feed(report, store())


def lineage(data: ReportData, key: str) -> str:
    """The lineage as a picture, where there is a dashboard to draw it, and as a table, siblings in one line."""
    groups, _ = collapse(data.lineage)
    rows = [(title(one), subtitle(one, 60), one.keys[0][:12], one.seconds) for one in groups]
    listed = table(("stage", "", "key", "seconds"), rows[-MOST_LISTED:])
    drawn = picture("lineage", key, "what the report was made from, corpora and backbone above")
    return f"{drawn}\n{listed}\n\nEvery artifact: `rewriting-agent lineage {key[:12]}`"


def about(data: ReportData) -> str:
    """Backbone and method for an artifact's key, `nano-rewriting-agent`: all of one key are a history in the UI."""
    methods = [name for name in data.methods() if name not in ("base", "sft")] or ["sft"]
    said = f"{data.backbone.name}-{methods[0] if len(methods) == 1 else 'several'}"
    return history_key(said)


def page_of(report: Artifact, folder: Path) -> str:
    """Where the whole report is, as Markdown: links to the dashboard where there is one, and the file."""
    file, at = f"`{folder / PAGE}`", settings().dashboard
    if at is None:
        return file
    whole = f"{at}/file?key={report.key}&path={PAGE}"
    return f"[in the dashboard]({at}/report?key={report.key}), [as one page]({whole}), {file}"


def headline(data: ReportData, page: str) -> str:
    """The headline table as Markdown, and `page`. Names of methods are ours; nothing a model wrote is in it."""
    columns = ["", *(f"{one}, %" for one in ("math", "general", "overall", "yield")), "target NLL, nats/token"]
    rows = []
    for summary in data.summaries:
        averages = summary.averages
        cells = [_percent(one) for one in (averages.math, averages.general, averages.overall, summary.tc_yield)]
        nll = "" if summary.target_nll is None else f"{summary.target_nll.value:.3f}"
        rows.append([label_of(summary.method) or summary.method, *cells, nll])
    lines = [markdown.table(columns, rows)]
    if data.backbone.nano:
        lines += [
            "",
            "**nano** is a toy backbone: these figures show the mechanism and claim nothing about large models.",
        ]
    lines += ["", f"In parentheses: {data.confidence:.0%} intervals.", "", f"The whole report: {page}"]
    return "\n".join(lines)


def _percent(estimate: Estimate | None) -> str:
    if estimate is None:
        return ""
    # No blank within the interval: the UI's narrow columns break before it.
    low, high = estimate.low, estimate.high
    interval = "" if low is None or high is None else f" ({100 * low:.1f}–{100 * high:.1f})"
    return f"{100 * estimate.value:.1f}{interval}"
