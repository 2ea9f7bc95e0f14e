"""Another world: a backbone that reads that world's files alone, and is called a toy as nano is."""

from pathlib import Path

from flows.experiment import load_experiment
from infra.nano.another import write_backbone
from infra.nano.recipe import NanoConfig
from infra.nano.world import World, write_world
from tasks.evaluate import benchmark
from tasks.report.reading.provenance import is_nano

CONFIG = NanoConfig(seed=7, numinamath_rows=40, openmath_rows=40, benchmark_rows=20)


def test_its_backbone_reads_its_own_world_and_nothing_of_nanos(tmp_path: Path) -> None:
    write_world(World(CONFIG), tmp_path)
    experiment = load_experiment(str(write_backbone(CONFIG, tmp_path)))
    paths = [experiment.backbone.model, experiment.train_agent.embedder.model, experiment.replay.path]
    assert [Path(str(path)) for path in paths] == [
        tmp_path / "model",
        tmp_path / "embedder",
        tmp_path / "replay" / "general.jsonl.gz",
    ]
    assert all(
        Path(corpus.path).is_relative_to(tmp_path) and Path(corpus.path).exists() for corpus in experiment.corpora
    )
    assert Path(experiment.replay.path).exists()
    folder = experiment.evaluate.benchmark_data
    for name in experiment.evaluate.benchmarks:
        there, here = list(benchmark.rows(name, folder)), list(benchmark.rows(name, None))
        assert len(there) == 20 and len(here) == 240
        assert benchmark.identity(name, folder) != benchmark.identity(name, None)
    assert is_nano(experiment.backbone.name)


def test_a_folder_without_its_file_leaves_a_benchmark_of_this_project_as_it_is(tmp_path: Path) -> None:
    assert benchmark.identity("nano_lists", tmp_path) == benchmark.identity("nano_lists", None)


def test_only_nanos_worlds_are_toys() -> None:
    assert all(map(is_nano, ("nano", "nano-4")))
    assert not any(map(is_nano, ("nanollama-1B", "SmolLM2-135M-Instruct")))
