"""What a run shows in the UI: a headline table and the lineage, as Markdown artifacts of the flow run."""

from pathlib import Path
from typing import Any

import pytest

from flows import views
from flows.views import headline, show_in_ui
from tasks.report.lineage.lineage import collapse
from tasks.report.schema.data import ReportData
from tasks.runtime import show
from tasks.runtime.settings import settings
from tasks.runtime.store.store import Artifact, Store
from tests.tasks.report.conftest import synthetic_report


@pytest.fixture(scope="module")
def data() -> ReportData:
    return synthetic_report(resamples=50)


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_the_table_has_a_line_a_method_and_as_many_cells_as_columns(data: ReportData) -> None:
    table = [line for line in headline(data, "report.html").splitlines() if line.startswith("|")]
    assert len(table) == 2 + len(data.summaries)
    assert len({len(cells(line)) for line in table}) == 1
    base = next(one for one in data.summaries if one.method == "base")
    shown = next(line for line in table if cells(line)[0] == "base")
    assert base.averages.math is not None
    assert cells(shown)[1].startswith(f"{100 * base.averages.math.value:.1f} (")


def test_nano_says_that_it_claims_nothing_and_a_real_backbone_does_not(data: ReportData) -> None:
    assert "claim nothing about large models" in headline(data, "report.html")
    assert "nano" not in headline(synthetic_report(resamples=50, nano=False), "report.html")


def test_the_run_gets_the_table_and_the_lineage_of_its_report(
    data: ReportData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: dict[str, Any] = {}
    monkeypatch.setattr(views, "store", lambda: Store(tmp_path))
    monkeypatch.setattr(views, "read_report", lambda folder: data)
    monkeypatch.setattr(views, "create_markdown_artifact", lambda text, key, description: shown.update({key: text}))
    show_in_ui(Artifact(kind="report", key="ab" * 16, digest="cd"))
    report, lineage = sorted(shown, reverse=True)
    assert report.removeprefix("report-") == lineage.removeprefix("lineage-") == views.about(data)
    assert f"`{tmp_path / 'artifacts' / ('ab' * 16) / 'report.html'}`" in shown[report] and "](" not in shown[report]
    groups, _ = collapse(data.lineage)
    listed = [line for line in shown[lineage].splitlines() if line.startswith("|")]
    assert len(listed) == 2 + len(groups) and "![" not in shown[lineage]
    assert "rewriting-agent lineage abababababab" in shown[lineage]


def test_where_there_is_a_dashboard_the_lineage_is_its_picture(
    data: ReportData, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = settings().model_copy(update={"dashboard": "http://127.0.0.1:4280"})
    monkeypatch.setattr(show, "settings", lambda: at)
    assert views.lineage(data, "ab" * 16).startswith("![what the report was made from")
    assert f"(http://127.0.0.1:4280/figure?name=lineage&key={'ab' * 16})" in views.lineage(data, "ab" * 16)


def test_keys_tell_backbone_and_method_so_that_a_key_is_a_history(data: ReportData) -> None:
    sft = [run for run in data.runs if run.method == "sft"]
    one = data.model_copy(update={"runs": sft, "backbone": data.backbone.model_copy(update={"name": "Qwen2.5-0.5B"})})
    assert views.about(one) == "qwen2-5-0-5b-sft"
    other = [run for run in data.runs if run.method in ("sft", "rewriting_agent")]
    assert views.about(data.model_copy(update={"runs": other})) == "nano-rewriting-agent"


def test_where_there_is_a_dashboard_the_run_links_to_it(data: ReportData, monkeypatch: pytest.MonkeyPatch) -> None:
    at = settings().model_copy(update={"dashboard": "http://127.0.0.1:4280"})
    monkeypatch.setattr(views, "settings", lambda: at)
    said = views.page_of(Artifact(kind="report", key="ab" * 16, digest="cd"), Path("store"))
    assert f"(http://127.0.0.1:4280/report?key={'ab' * 16})" in said and "`store/report.html`" in said
