"""What was measured goes through its file unchanged, and files of several machines are one frontier or are refused."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from tasks.report.frontier.build import build
from tasks.report.frontier.matrices import FrontierError
from tasks.report.frontier.measured import Measured, Run, backbone_of, contents, load, made_alike, pool, write
from tasks.report.frontier.stage import FIGURES, MEASURED, PAGE, FrontierConfig, frontier
from tasks.report.reading.artifacts import Sampled
from tests.tasks.report.frontier.test_build import RATES, made, measured, moved

RECIPE = {"split": "a1", "finetune": "f0"}


def whole(seeds: range, **recipe: str) -> Measured:
    """The made-up study's seeds of a range, with all that can be measured of a run."""
    base, runs = made(seeds=6)
    rises = moved()
    found = measured(base, runs, rises, {"nano_facts": {"nano_facts-3": "passage-1"}}, base_samples={})
    return Measured(
        found.base,
        {
            rate: {
                name: replace(
                    run,
                    validation={"held/1": True, "held/2": False},
                    samples={"nano_facts": Sampled(0.5, {"nano_facts-1": (8, 3)})},
                    recipe=RECIPE | recipe,
                )
                for name, run in of.items()
                if int(name.partition("/")[2]) in seeds
            }
            for rate, of in found.runs.items()
        },
        found.clusters,
    )


def test_a_file_holds_what_was_measured(tmp_path: Path) -> None:
    asked = whole(range(2))
    write("nano", asked, tmp_path / "one.parquet")
    backbone, found = load(tmp_path / "one.parquet")
    assert backbone == "nano"
    assert (found.base, found.clusters) == (asked.base, asked.clusters)
    assert found.runs.keys() == asked.runs.keys()
    for rate, of in asked.runs.items():
        for name, run in of.items():
            mine = found.runs[rate][name]
            assert replace(mine, rises={}) == replace(run, rises={})
            for thermometer, texts in run.rises.items():
                assert mine.rises[thermometer] == pytest.approx(texts, rel=1e-6)
    table = parquet.read_table(tmp_path / "one.parquet").to_pandas()
    right = table.query("kind == 'answer' and run == 'sft/1' and rate == 0.0008 and of == 'nano_facts'")
    assert right["value"].mean() == pytest.approx(sum(asked.runs[8e-4]["sft/1"].correct["nano_facts"].values()) / 200)


def test_seeds_of_two_machines_are_the_frontier_of_all_of_them(tmp_path: Path) -> None:
    options: dict[str, Any] = {"confidence": 0.95, "resamples": 100, "seed": 0}
    parts = {"here": whole(range(4)), "there": whole(range(3, 6))}  # seed 3 was run on both
    assert build("nano", True, pool(parts), **options) == build("nano", True, whole(range(6)), **options)


def test_a_method_that_the_other_has_not_is_added() -> None:
    one = whole(range(2))
    without = {
        rate: {name: run for name, run in of.items() if not name.startswith("dft")} for rate, of in one.runs.items()
    }
    assert pool({"a": replace(one, runs=without), "b": one}).runs == one.runs


def test_of_a_run_that_two_files_hold_each_adds_what_the_other_lacks() -> None:
    one = whole(range(2))
    bare = {
        rate: {
            name: replace(run, rises={}, validation={}, samples={}, recipe={}) if name == "sft/0" else run
            for name, run in of.items()
        }
        for rate, of in one.runs.items()
    }
    lacks = replace(one, runs=bare, clusters={"nano_words": {"nano_words-3": "passage-2"}})
    both = replace(one, clusters={**one.clusters, **lacks.clusters})
    assert pool({"a": lacks, "b": one}) == pool({"b": one, "a": lacks}) == both
    sampled = {"nano_facts": Sampled(0.5, {"nano_facts-1": (8, 1)})}
    of_base = replace(one, base=replace(one.base, samples=sampled))
    assert pool({"a": one, "b": of_base}).base == pool({"b": of_base, "a": one}).base == of_base.base


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"rises": {"NLL of own answers, general": {"text-0": 9.0}}}, "thermometers"),
        ({"samples": {"nano_facts": Sampled(0.5, {"nano_facts-1": (8, 4)})}}, "samples"),
        ({"validation": {"held/1": False}}, "answers to validation rows"),
        ({"recipe": {"finetune": "f1"}}, "recipes"),
    ],
)
def test_what_two_files_both_hold_of_a_run_is_the_same_or_refused(changed: dict[str, Any], what: str) -> None:
    one = whole(range(2))
    other = {RATES[0]: one.runs[RATES[0]] | {"sft/0": replace(one.runs[RATES[0]]["sft/0"], **changed)}}
    with pytest.raises(FrontierError, match=rf"a and b both have sft/0 at 0\.0008, with other {what}$"):
        pool({"a": one, "b": replace(one, runs=other)})


def test_a_file_rounds_and_is_still_of_the_same_run(tmp_path: Path) -> None:
    one = whole(range(1))
    hot = {
        rate: {
            name: replace(run, samples={"nano_facts": Sampled(0.8, {"nano_facts-1": (8, 3)})})
            for name, run in of.items()
        }
        for rate, of in one.runs.items()
    }
    write("nano", replace(one, runs=hot), tmp_path / "one.parquet")
    found = load(tmp_path / "one.parquet")[1]
    assert found.runs != hot and pool({"here": replace(one, runs=hot), "file": found}).runs == hot


def test_what_is_not_of_one_experiment_is_refused() -> None:
    one, two = whole(range(2)), whole(range(2, 4))
    with pytest.raises(FrontierError, match=r"sft/0 of a at 0\.0008 and sft/2 of b at 0\.0008 differ in finetune: not"):
        pool({"a": one, "b": whole(range(2, 4), finetune="f1")})
    of_others = {RATES[1]: {"l2/0": replace(two.runs[RATES[1]]["dft/2"], recipe=RECIPE | {"split": "b1"})}}
    said = r"of a at 0\.0008 and l2/0 of b at 0\.0012 differ in split: not of the same rows"
    with pytest.raises(FrontierError, match=said):
        pool({"a": one, "b": replace(two, runs=of_others)})
    other = replace(two.base, correct=two.base.correct | {"nano_words": {"nano_words-1": 1.0}})
    with pytest.raises(FrontierError, match="a and b were asked other questions of nano_words"):
        pool({"a": one, "b": replace(two, base=other)})

    def otherwise(n: int) -> Run:
        of = two.base.correct["nano_facts"]
        turned = {row: 1 - right if place < n else right for place, (row, right) in enumerate(of.items())}
        return Run({**two.base.correct, "nano_facts": turned})

    assert pool({"a": one, "b": replace(two, base=otherwise(8))}).base == one.base
    with pytest.raises(FrontierError, match="answer 9 of 800 questions otherwise: they are not one model"):
        pool({"a": one, "b": replace(two, base=otherwise(9))})
    again = {RATES[0]: {"sft/0": replace(one.runs[RATES[0]]["sft/1"])}}
    with pytest.raises(FrontierError, match=r"a and b both have sft/0 at 0\.0008, with other answers"):
        pool({"a": one, "b": replace(one, runs=again)})


def test_methods_and_rates_are_of_the_same_rows_but_for_what_brings_its_own() -> None:
    shared = {"corpus": "c0", "sample": "s0", "split": "p0"}
    agent = shared | {"split": "p0+agent", "train_agent": "t0"}
    replay = shared | {"corpus": "c0+general", "sample": "s0+general", "mix": "m0"}
    alike = {
        ("a", 8e-4, "sft/0"): shared | {"finetune": "f0"},
        ("a", 1.2e-3, "sft/0"): shared | {"finetune": "f1"},
        ("b", 8e-4, "dft/0"): shared,
        ("a", 8e-4, "rewriting_agent/0"): agent,
        ("b", 8e-4, "agent_l2/0"): agent,
        ("a", 8e-4, "replay_10/0"): replay,
        ("b", 8e-4, "replay_1/1"): replay,
        ("b", 8e-4, "l2/0"): {},
    }
    made_alike(alike)
    for run, kind in (
        (("b", 8e-4, "dft/0"), "split"),
        (("a", 1.2e-3, "sft/0"), "sample"),
        (("b", 8e-4, "agent_l2/0"), "split"),
        (("b", 8e-4, "replay_1/1"), "corpus"),
    ):
        with pytest.raises(FrontierError, match=rf"differ in {kind}: not of the same rows"):
            made_alike(alike | {run: {**alike[run], kind: "other"}})


@pytest.mark.parametrize("name", ["nano.parquet", "nano_world6.parquet"])
def test_a_published_file_goes_with_itself(name: str) -> None:
    held = contents(Path(__file__).parents[4] / "docs" / "measured" / name).runs
    made_alike({(part, rate, run): made for part in "ab" for rate, of in held.items() for run, made in of.items()})


def test_a_file_of_something_else_is_refused_by_its_name(tmp_path: Path) -> None:
    text, table = tmp_path / "text.parquet", tmp_path / "table.parquet"
    text.write_text("no table")
    parquet.write_table(pa.table({"id": [1]}), table)
    for path in (text, table, tmp_path):
        with pytest.raises(FrontierError, match=f"{path}: not a measured.parquet of a frontier"):
            load(path)


@pytest.mark.parametrize(
    ("column", "given", "said"),
    [
        ("run", "<b>sft</b>/0", "'<b>sft</b>/0' is no run"),
        ("kind", "guess", "KeyError: 'guess'"),
        ("run", None, "TypeErr"),
    ],
)
def test_a_file_that_somebody_wrote_otherwise_is_refused(
    tmp_path: Path, column: str, given: str | None, said: str
) -> None:
    write("nano", whole(range(1)), tmp_path / "one.parquet")
    table = parquet.read_table(tmp_path / "one.parquet")
    values = [*table.column(column).to_pylist()[:-1], given]
    changed = table.set_column(table.column_names.index(column), column, pa.array(values, type=pa.string()))
    parquet.write_table(changed, tmp_path / "two.parquet")
    assert backbone_of(tmp_path / "two.parquet") == "nano"
    with pytest.raises(FrontierError, match=f"two.parquet: not a measured.parquet of a frontier .*{said}"):
        load(tmp_path / "two.parquet")


def test_a_file_alone_gives_the_frontier_again_and_another_backbones_is_refused(tmp_path: Path) -> None:
    nothing: dict[str, Any] = {"base": {}, "scores": {}, "drifts": {}, "validations": {}, "models": {}}
    first, again, seeds = tmp_path / "first", tmp_path / "again", tmp_path / "seeds.parquet"
    for out in (first, again):
        out.mkdir()
    write("nano", whole(range(2)), seeds)
    config = FrontierConfig(backbone="nano", resamples=100, measured=(seeds,))
    twice = FrontierConfig(backbone="nano", measured=(seeds, tmp_path / "again.parquet"))
    write("nano", whole(range(2, 3)), tmp_path / "again.parquet")
    swapped = twice.model_copy(update={"measured": twice.measured[::-1]})
    assert (twice.content(), twice.files()) == (swapped.content(), swapped.files()), "named in another order"
    assert frontier.plain(config, first, **nothing)["methods"] == 4
    frontier.plain(config.model_copy(update={"measured": (first / MEASURED,)}), again, **nothing)
    for name in (FIGURES, PAGE):
        assert (first / name).read_bytes() == (again / name).read_bytes()
    with pytest.raises(FrontierError, match=r"seeds.parquet is of nano, the others of Llama"):
        frontier.plain(config.model_copy(update={"backbone": "Llama"}), again, **nothing)
