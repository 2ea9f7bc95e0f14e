"""Speeds come from what the store's artifacts took, and else from the table, whose rows say where they are from."""

from collections.abc import Iterator

import pytest

from flows.experiment import STAGES
from flows.plan.speed import Past
from flows.plan.table import gpu_called, table
from tasks.runtime.store.store import Artifact, Manifest

SIZE = 1_000_000


def model(size: int = SIZE, key: str = "m") -> Manifest:
    return Manifest(kind="backbone", key=key, digest=f"d{key}", metrics={"parameters": size})


def rewrites(
    sizes: list[int], start: float, per_second: float, of: str = "m", gpus: int = 0, cores: int = 1
) -> Iterator[Manifest]:
    for number, tokens in enumerate(sizes):
        seconds = start + tokens / per_second / (gpus or cores)
        yield Manifest(
            kind="rewrite",
            key=f"{of}{number}",
            inputs={"backbone": Artifact(kind="backbone", key=of, digest=f"d{of}")},
            metrics={"output_tokens": tokens, "written": 100},
            timings={"seconds": seconds, "started": number},
            cost={"gpu_seconds": seconds * gpus, "core_seconds": seconds * cores},
            run={"device": "NVIDIA H100 80GB HBM3" if gpus else "cpu"},
        )


def test_start_and_speed_come_apart_where_sizes_differ_and_one_machine_that_slept_does_not_count() -> None:
    past = Past([model(), *rewrites([1000, 1100, 900, 50_000, 60_000, 55_000], start=20, per_second=500)])
    past.manifests[-1].timings["seconds"] = 9000.0
    speed = past.speed("rewrite", {}, "cpu", SIZE)
    assert (speed.start, speed.per_second) == (pytest.approx(20, rel=0.1), pytest.approx(500, rel=0.1))
    assert speed.measured and speed.source == "6 of this store"


@pytest.mark.parametrize("tokens", [10_000, 700])
def test_artifacts_of_one_size_tell_how_much_slower_than_the_tables_this_machine_is(tokens: int) -> None:
    """Small ones, of which nearly all is the start, above all: their tokens a second are no speed."""
    table_says = Past([]).speed("rewrite", {}, "cpu", SIZE)
    seconds = 3 * (table_says.start + tokens / table_says.per_second)
    few = rewrites([tokens] * 3, start=seconds, per_second=1e12)
    speed = Past([model(), *few]).speed("rewrite", {}, "cpu", SIZE)
    assert speed.start == pytest.approx(3 * table_says.start, rel=0.05)
    assert speed.per_second == pytest.approx(table_says.per_second / 3, rel=0.05)


def test_another_size_is_scaled_and_said_to_be() -> None:
    past = Past([model(), *rewrites([1000, 50_000], start=0, per_second=500)])
    speed = past.speed("rewrite", {}, "cpu", 10 * SIZE)
    assert speed.per_second == pytest.approx(50, rel=0.15)
    assert not speed.measured and "scaled" in speed.source


def test_gpus_of_a_stage_share_its_work() -> None:
    large = 4_000_000_000
    past = Past([model(large), *rewrites([10_000, 4_000_000], start=0, per_second=500, gpus=4)])
    assert past.speed("rewrite", {}, "h100-80", large).per_second == pytest.approx(500, rel=0.1)


def test_engines_on_the_cores_of_a_stage_share_its_work() -> None:
    past = Past([model(), *rewrites([1000, 50_000], start=0, per_second=500, cores=2)])
    assert past.speed("rewrite", {}, "cpu", SIZE).per_second == pytest.approx(500, rel=0.15)


def test_lengths_are_those_of_the_same_backbone_before_others_and_never_of_another_size() -> None:
    past = Past([model(), model(2 * SIZE, "n"), *rewrites([3000], 0, 1), *rewrites([9000], 0, 1, of="n")])
    assert past.length("rewrite", "dm", "", SIZE) == (30, "1 of this store")
    assert past.length("rewrite", "dn", "", 2 * SIZE) == (90, "1 of this store")
    assert past.length("rewrite", "other", "", 2 * SIZE) == (60, "2 of this store")
    assert past.length("rewrite", "other", "", 100 * SIZE) is None


@pytest.mark.parametrize("device", ["cpu", *table().gpus])
@pytest.mark.parametrize("size", [1_079_552, 134_515_008, 1_235_814_400, 7_248_023_552, 70_000_000_000])
def test_the_table_knows_every_stage_on_every_device_and_larger_models_are_slower(device: str, size: int) -> None:
    for kind in STAGES:
        small, large = (Past([]).speed(kind, {}, device, one) for one in (size, 2 * size))
        assert small.per_second >= large.per_second > 0
        assert small.source and not small.measured


def test_gpus_are_known_by_what_their_drivers_call_them() -> None:
    said = {"NVIDIA H100 80GB HBM3": "h100-80", "NVIDIA A100-SXM4-40GB": "a100-40", "NVIDIA A100 80GB PCIe": "a100-80"}
    assert {name: gpu_called(name) for name in said} == said
    assert gpu_called("NVIDIA H200") == "h200-141" and gpu_called("a toaster") is None
