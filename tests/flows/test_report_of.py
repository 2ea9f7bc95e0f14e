"""Which reports can be one, and how the others are told apart."""

from pathlib import Path

import pytest

from flows.report_of import ReportsError, find_report, joined
from tasks.report.stage import ReportConfig
from tasks.runtime.store.store import Artifact, Manifest, Store, StoreError


@pytest.fixture
def home(tmp_path: Path) -> Store:
    return Store(tmp_path)


def publish(
    home: Store, kind: str, key: str, inputs: dict[str, Artifact], config: dict[str, object], run: str
) -> Artifact:
    home.partial(key).mkdir(parents=True)
    (home.partial(key) / "file").write_text(key)
    return home.publish(Manifest(kind=kind, key=key, inputs=inputs, config=config, run={"flow_run": run}))


def report(home: Store, run: str, model: str, backbone: str = "nano", rate: float = 1e-3, seed: int = 0) -> Manifest:
    """A report of the base and of one model, which is called `model`."""
    config = {"learning_rate": rate, "seed": 42 + seed}
    trained = publish(home, "finetune", f"model-{run}", {}, config, run)
    base = Artifact(kind="evaluate", key="base", digest="base")
    inputs = {"scores.base.math500": base, f"model.{model}": trained}
    made = publish(
        home, "report", f"report-{run}", inputs, ReportConfig(backbone=backbone).model_dump(mode="json"), run
    )
    return home.manifest(made.key)


def test_runs_of_one_experiment_are_joined_by_role_and_found_by_name_or_key(home: Store) -> None:
    first, second = report(home, "a", "sft/0"), report(home, "b", "sft/1", seed=1)
    config, roles = joined([first, second], home)
    assert config.backbone == "nano"
    assert {role: set(runs) for role, runs in roles.items()} == {"scores": {"base"}, "model": {"sft/0", "sft/1"}}
    assert set(roles["scores"]["base"]) == {"math500"}
    assert (find_report(home, "a"), find_report(home, "report-b")) == (first, second)
    with pytest.raises(StoreError, match="no report has a key or name that begins with 'c'"):
        find_report(home, "c")


def test_what_is_not_of_one_experiment_is_refused_with_where_it_differs(home: Store) -> None:
    first = report(home, "a", "sft/0")
    with pytest.raises(ReportsError, match=r"is of nano, .* of Llama"):
        joined([first, report(home, "b", "sft/1", backbone="Llama")], home)
    with pytest.raises(ReportsError, match="have another model sft/0"):
        joined([first, report(home, "c", "sft/0")], home)
    with pytest.raises(ReportsError, match=r"SFT at 0\.001 and 0\.002: `rewriting-agent frontier report-a report-d`"):
        joined([first, report(home, "d", "sft/1", rate=2e-3)], home)
