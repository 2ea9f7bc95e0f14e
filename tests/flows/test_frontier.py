"""Which reports can be one frontier, and that a study over rates makes each shared thing once."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet
from typer.testing import CliRunner

from flows.cli import app
from flows.form import FormError
from flows.frontier import gathered
from flows.plan.start import walk_through
from flows.report_of import ReportsError
from flows.study import study
from infra.temporary_server import TemporaryServer
from tasks.report.frontier.matrices import Answers
from tasks.report.frontier.measured import Measured, Run, write
from tasks.report.frontier.read import recipe
from tasks.report.stage import ReportConfig
from tasks.runtime.store.store import Artifact, Manifest, Store
from tests.flows.test_report_of import publish


@pytest.fixture
def home(tmp_path: Path) -> Store:
    return Store(tmp_path)


def report(home: Store, name: str, rates: list[float], backbone: str = "nano", base: str = "base") -> Manifest:
    """A report of the base and of one SFT model a rate."""
    inputs = {"scores.base.math500": Artifact(kind="evaluate", key=base, digest=base)}
    for seed, rate in enumerate(rates):
        model = publish(home, "finetune", f"model-{name}-{seed}", {}, {"learning_rate": rate, "seed": seed}, name)
        score = Artifact(kind="evaluate", key=f"{name}-{seed}", digest="score")
        moved = Artifact(kind="drift", key=f"drift-{name}-{seed}", digest="drift")
        inputs |= {f"model.sft/{seed}": model, f"scores.sft/{seed}.math500": score, f"drift.sft/{seed}": moved}
    inputs["scores.sft_kl=0.5/0.math500"] = Artifact(kind="evaluate", key=f"{name}-kl", digest="score")
    config = ReportConfig(backbone=backbone).model_dump(mode="json")
    return home.manifest(publish(home, "report", f"report-{name}", inputs, config, name).key)


def test_runs_are_gathered_by_the_rate_of_their_sft(home: Store) -> None:
    backbone, by_rate = gathered([report(home, "a", [1e-3, 1e-3]), report(home, "b", [8e-4])], home)
    assert backbone == "nano"
    assert {rate: set(runs["scores"]) for rate, runs in by_rate.items()} == {
        1e-3: {"base", "sft/0", "sft/1", "sft_kl=0.5/0"},
        8e-4: {"base", "sft/0", "sft_kl=0.5/0"},
    }
    assert by_rate[8e-4]["scores"]["sft_kl=0.5/0"]["math500"].key == "b-kl"
    assert by_rate[8e-4]["scores"]["sft/0"]["math500"].key == "b-0"
    assert by_rate[8e-4]["drift"]["sft/0"].key == "drift-b-0"


def test_what_is_not_of_one_experiment_or_one_rate_is_refused(home: Store) -> None:
    first = report(home, "a", [1e-3])
    with pytest.raises(ReportsError, match=r"is of nano, .* of Llama"):
        gathered([first, report(home, "b", [8e-4], backbone="Llama")], home)
    with pytest.raises(ReportsError, match="have another scores base math500"):
        gathered([first, report(home, "c", [8e-4], base="other")], home)
    with pytest.raises(ReportsError, match="SFT at 2 learning rates"):
        gathered([first, report(home, "d", [8e-4, 9e-4])], home)
    with pytest.raises(ReportsError, match="have another model sft/0"):
        gathered([first, report(home, "e", [1e-3])], home)


NANO = ("nano_seen_kinds", "nano_new_kinds", "nano_facts", "nano_words", "nano_lists")


def made(step_kind: str, walk: Any) -> set[str]:
    return {step.title for step in walk.stages if step.kind == step_kind}


def test_what_a_file_holds_is_not_run_again_and_is_compared(tmp_path: Path) -> None:
    asked = {"methods": ["sft", "sft_kl"], "seeds": [0, 1], "preset": ["smoke"], "rates": [8e-4, 1.2e-3]}
    answers = {name: {"a": 1.0} for name in NANO}
    held = {8e-4: {"sft/0": Run(answers), "sft_kl/0": Run(answers)}, 1.2e-3: {"sft/0": Run(answers)}, 2e-3: {}}
    write("nano", Measured(Run(answers), held), tmp_path / "theirs.parquet")
    whole = walk_through(study.fn, asked)
    rest = walk_through(study.fn, asked | {"measured": [tmp_path / "theirs.parquet"]})
    gone = made("evaluate", whole) - made("evaluate", rest)
    assert gone == {
        "evaluate (rate 0.0008, sft/0)",
        "evaluate (rate 0.0008, sft_kl/0)",
        "evaluate (rate 0.0012, sft/0)",
    }
    (frontier,) = (step for step in rest.stages if step.kind == "frontier")
    told = next(iter(frontier.parts.values())).manifest
    assert told.config.get("measured") is None and told.identity, "by its content, not its path"
    # All of it held: nothing but the backbone's own evaluation is made, and no report of nothing.
    alone = walk_through(
        study.fn, asked | {"methods": ["sft"], "seeds": [0], "measured": [tmp_path / "theirs.parquet"]}
    )
    assert not made("finetune", alone) and not made("report", alone) and made("frontier", alone)


def test_a_file_that_does_not_go_with_a_study_is_refused_before_anything_is_run(tmp_path: Path) -> None:
    write("other", Measured(Run({}), {8e-4: {}, 1.2e-3: {}}), tmp_path / "theirs.parquet")
    (tmp_path / "none.parquet").write_text("rows")
    parquet.write_table(pa.table({"question": ["2 + 2"]}), tmp_path / "rows.parquet")
    for file, rates, said in (
        ("theirs.parquet", [8e-4], "is of other, and nano is studied"),
        ("theirs.parquet", [], "name the rates too"),
        ("none.parquet", [8e-4], "none.parquet: not a measured.parquet"),
        ("rows.parquet", [8e-4], r"rows.parquet: not a measured.parquet of a frontier \(KeyError: [^\n]*\)$"),
    ):
        with pytest.raises(FormError, match=said):
            walk_through(study.fn, {"preset": ["smoke"], "rates": rates, "measured": [tmp_path / file]})


def test_a_file_of_runs_that_were_made_otherwise_is_refused_before_anything_is_run(tmp_path: Path) -> None:
    asked = {"methods": ["sft", "sdft"], "seeds": [1], "preset": ["smoke"], "rates": [8e-4]}
    walk = walk_through(study.fn, asked)
    (sft,) = (step for step in walk.stages if step.title == "finetune nll seed 1 (rate 0.0008, sft/1)")
    of_seed_1 = recipe(sft.parts["finetune"].manifest.key, lambda key: walk.manifest(key).model_dump(mode="json"))
    assert {"finetune", "assemble"} <= of_seed_1.keys()
    answers = {name: {"a": 1.0} for name in NANO}

    def study_beside(name: str, answers: Answers, **changed: str) -> None:
        runs = {8e-4: {"sft/0": Run(answers, recipe=of_seed_1 | changed)}}
        write("nano", Measured(Run(answers), runs), tmp_path / name)
        walk_through(study.fn, asked | {"measured": [tmp_path / name]})

    study_beside("alike.parquet", answers)
    study_beside("of_a_corpus_that_is_not_read_yet.parquet", answers, more="0a1b2c")
    with pytest.raises(
        FormError, match=r"sft/0 of .*otherwise.parquet at 0.0008 and sft/1 of this study at 0.0008 differ in fine"
    ):
        study_beside("otherwise.parquet", answers, finetune="0a1b2c")
    with pytest.raises(FormError, match=r"fewer.parquet and this study differ in benchmarks: nano_lists$"):
        study_beside("fewer.parquet", {name: of for name, of in answers.items() if name != "nano_lists"})


def test_a_study_over_rates_and_strengths_makes_what_they_share_once_and_a_frontier() -> None:
    asked = {"methods": ["sft", "wise_ft"], "seeds": [0], "preset": ["smoke"]}
    one = walk_through(study.fn, asked)
    two = walk_through(study.fn, asked | {"rates": [8e-4, 1.2e-3], "strengths": ["wise_ft=0.25,0.5"]})

    def keys(walk: object, kind: str) -> set[str]:
        return {part.manifest.key for step in walk.stages if step.kind == kind for part in step.parts.values()}  # type: ignore[attr-defined]

    assert [len(keys(two, kind)) for kind in ("finetune", "average", "report", "frontier")] == [2, 4, 2, 1]
    assert [keys(two, kind) for kind in ("assemble", "sample", "split")] == [
        keys(one, kind) for kind in ("assemble", "sample", "split")
    ]
    assert keys(one, "average") < keys(two, "average"), "at its file's own strength nothing is made anew"
    assert not keys(one, "frontier")
    # Only where rates are chosen do models answer the rows that are held out, once each: two of SFT, four averages.
    assert [len(keys(walk, "self_solve")) for walk in (one, two)] == [0, 6]
    (frontier,) = (step for step in two.stages if step.kind == "frontier")
    told = next(iter(frontier.parts.values())).manifest.inputs
    assert sum(name.startswith("validations.") for name in told) == 6
    titles = [step.title for step in two.stages]
    assert len({*titles}) == len(titles), "every run of a stage is told from the others, at each rate and strength"
    assert {"drift (rate 0.0008, sft/0)", "drift (rate 0.0012, wise_ft=0.25/0)", "report (rate 0.0008)"} < {*titles}
    assert [step.title for step in two.stages if step.kind == "read_base"] == ["read_base"], "pi_0 is no method's"
    assert "drift (sft/0)" in [step.title for step in one.stages]


def test_a_method_that_was_not_run_is_told_before_a_server_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = {name: {"a": 1.0} for name in NANO}
    held = {8e-4: {"sft/0": Run(answers), "sft_kl/0": Run(answers)}, 1.2e-3: {"sft/0": Run(answers)}}
    write("nano", Measured(Run(answers), held), tmp_path / "theirs.parquet")
    monkeypatch.setattr(TemporaryServer, "start", lambda _: pytest.fail("a server is started"))
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    words = ["frontier", str(tmp_path / "theirs.parquet"), "--against"]
    for against, said in (("sft_k", "did you mean sft_kl?"), ("nope", "There are sft, sft_kl")):
        done = CliRunner().invoke(app, [*words, against], env={"COLUMNS": "400"})
        assert done.exit_code == 2 and f"'{against}' is not among the runs" in done.output and said in done.output
