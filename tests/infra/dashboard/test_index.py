"""The index knows what the store holds, what came, what went and what is damaged; runs are one by their artifacts."""

import json
import shutil
from pathlib import Path

import pytest

from benchmarks._store import make_store
from infra.dashboard.entry import UNREADABLE
from infra.dashboard.index import Index
from infra.dashboard.lineage import lineage, state_of
from infra.dashboard.runs import Runs
from infra.dashboard.site import Site
from tasks.runtime.store.store import MANIFEST


@pytest.fixture
def own(tmp_path: Path) -> tuple[Path, dict[str, str]]:
    return tmp_path / "store", make_store(tmp_path / "store", runs=4)


def test_names_tell_stage_backbone_method_and_seed(site: Site, made: tuple[Path, dict[str, str]]) -> None:
    keys = made[1]
    names = {role: site.index.entries[keys[role]].name for role in ("model:sft/1", "agent:rewriting_agent/0", "corpus")}
    assert names == {
        "model:sft/1": f"finetune/tiny/sft-seed1/nll/{keys['model:sft/1'][:8]}",
        "agent:rewriting_agent/0": f"train_agent/tiny/rewriting_agent-seed0/{keys['agent:rewriting_agent/0'][:8]}",
        "corpus": f"corpus/made_up/{keys['corpus'][:8]}",
    }
    assert site.index.entries[keys["scores/nano_facts:sft/0"]].benchmark == "nano_facts"


def test_a_name_in_the_manifest_is_shown_and_a_forged_one_is_not(own: tuple[Path, dict[str, str]]) -> None:
    root, keys = own
    for role, name in (("model:sft/0", "finetune/mine/sft-seed0/01234567"), ("corpus", "../<script>")):
        path = root / "artifacts" / keys[role] / "manifest.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {"name": name}))
    index = Index(root)
    index.refresh()
    assert index.entries[keys["model:sft/0"]].name == "finetune/mine/sft-seed0/01234567"
    assert index.entries[keys["corpus"]].name == f"corpus/made_up/{keys['corpus'][:8]}"


def test_a_new_run_appears_and_a_removed_one_goes_without_a_restart(
    own: tuple[Path, dict[str, str]], tmp_path: Path
) -> None:
    root, keys = own
    runs = Runs(Index(root))
    runs.refresh()
    before = set(runs.by_id)
    shutil.move(root / "artifacts" / keys["report:sft/0"], tmp_path / "aside")
    runs.refresh()
    assert len(before - set(runs.by_id)) == 1
    shutil.move(tmp_path / "aside", root / "artifacts" / keys["report:sft/0"])
    runs.refresh()
    assert set(runs.by_id) == before


def test_a_rebuilt_artifact_is_read_again(own: tuple[Path, dict[str, str]]) -> None:
    root, keys = own
    index = Index(root)
    index.refresh()
    folder = root / "artifacts" / keys["model:sft/0"]
    shutil.copytree(folder, root / "new")
    manifest = json.loads((root / "new" / "manifest.json").read_text())
    (root / "new" / "manifest.json").write_text(json.dumps(manifest | {"timings": {"started": 1.0, "seconds": 99.0}}))
    shutil.rmtree(folder)
    (root / "new").rename(folder)
    index.refresh()
    assert index.entries[keys["model:sft/0"]].seconds == 99.0


def test_built_cached_failed_and_missing_are_told_apart(own: tuple[Path, dict[str, str]]) -> None:
    root, keys = own
    gone, broken = keys["target_nll:sft/0"], keys["drift:sft/0"]
    shutil.rmtree(root / "artifacts" / gone)
    (root / "artifacts" / broken / "manifest.json").write_text("{not json")
    index = Index(root)
    index.refresh()
    assert index.entries[broken].kind == UNREADABLE and "JSON" in index.entries[broken].problem
    report = index.entries[keys["report:sft/0"]]
    states = {name: state_of(index, key, report.flow_run_id) for name, key, _ in report.inputs}
    assert (
        states["target_nll.sft/0"] == "missing"
        and states["drift.sft/0"] == "failed"
        and states["model.sft/0"] == "cached"
    )
    assert state_of(index, report.key, report.flow_run_id) == "built"
    drawn = lineage(index, [report.key], index.above([report.key]), report.flow_run_id)
    assert drawn.states["missing"] == drawn.states["failed"] == 1
    assert any(box.state == "missing" and box.kind == "target_nll" for box in drawn.boxes)


def test_which_reports_used_this_corpus(site: Site, made: tuple[Path, dict[str, str]]) -> None:
    below = site.index.below(made[1]["corpus"])
    assert sum(site.index.entries[key].kind == "report" for key in below) == 8
    below = site.index.below(made[1]["agent:rewriting_agent/1"])
    assert [key for key in below if site.index.entries[key].kind == "report"] == [made[1]["report:rewriting_agent/1"]]


def test_a_report_that_cannot_be_read_is_told_and_hides_no_other(own: tuple[Path, dict[str, str]]) -> None:
    root, keys = own
    (root / "artifacts" / keys["report:sft/0"] / "report.json").write_text("{}")
    runs = Runs(Index(root))
    runs.refresh()
    assert list(runs.problems) == [keys["report:sft/0"]] and len(runs.by_id) == 4  # three runs and the base


def test_a_run_at_another_strength_is_told_by_its_report(tmp_path: Path) -> None:
    inputs = {
        "model.l2=0.5/3": {"key": "aa", "digest": "d"},
        "scores.l2=0.5/3.nano_facts": {"key": "bb", "digest": "d"},
    }
    for key, manifest in {"aa": {"kind": "finetune"}, "bb": {}, "cc": {"kind": "report", "inputs": inputs}}.items():
        (tmp_path / "artifacts" / key).mkdir(parents=True)
        (tmp_path / "artifacts" / key / MANIFEST).write_text(json.dumps({"kind": "evaluate"} | manifest))
    index = Index(tmp_path)
    index.refresh()
    assert {index.entries[key].run for key in ("aa", "bb")} == {"l2=0.5/3"}
    assert index.entries["aa"].name == "finetune/l2-0.5-seed3/aa"
