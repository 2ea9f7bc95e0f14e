"""What the stage takes of its machine, and that its key knows nothing of it."""

import pytest

from tasks.rewrite.config import RewriteConfig
from tasks.rewrite.rewrite import rewrite, self_solve
from tasks.runtime.futures import StageTask
from tasks.runtime.store.store import Artifact

INPUTS = {name: Artifact(kind=name, key=name, digest=f"d{name}") for name in ("backbone", "rows")}


@pytest.mark.parametrize("stage", [rewrite, self_solve])
def test_the_key_does_not_know_how_many_engines_there_were(stage: StageTask) -> None:
    def key(**config: int) -> str:
        return stage.manifests({"000": RewriteConfig(**config)}, INPUTS)["000"].key

    assert key(engines=1) == key(engines=2) == key(engines=4) == key(tensor_parallel=2)
    assert key(engines=1) != key(shards=2), "a shard is another artifact: it holds other rows"


def test_it_takes_a_core_an_engine_and_all_gpus_that_make_whole_engines(monkeypatch: pytest.MonkeyPatch) -> None:
    samples = {name: RewriteConfig(engines=2, seed=seed) for seed, name in enumerate(("00", "01"))}
    assert rewrite.cores(samples) == 2 and rewrite.gpus(samples) is None
    spread = {"000": RewriteConfig(tensor_parallel=2)}
    for visible, taken in (("0,1,2,3", 4), ("0,1,2", 2), ("0", 2)):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
        assert rewrite.gpus(spread) == taken
