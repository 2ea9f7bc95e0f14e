"""The embedder of eq. 9 in a process of its own, on the GPU of the first actor worker.

The trainer's process has no GPU: Ray gives all of them to the actor workers. When rewards are computed the rollout
sleeps, so that the embedding model (Qwen3-Embedding-0.6B: 1.2 GB) finds room beside the actor.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import ray
from numpy.typing import NDArray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy


class _Process:
    def __init__(self, name: str, cuda: bool) -> None:
        from tasks.score.embeddings import Embedder

        self.embedder = Embedder(name, cuda)

    def embed(self, texts: list[str]) -> NDArray[np.float32]:
        return self.embedder(texts)


class RemoteEmbedder:
    """Calls tasks/score/embeddings.py's Embedder beside the first of verl's actor workers."""

    def __init__(self, name: str, cuda: bool, workers: Any) -> None:
        """`workers`: verl's actor worker group, initialised; `name` as of Embedder."""
        node, gpus = ray.get(workers.workers[0].__ray_call__.remote(lambda _: _where()))
        environment = {"CUDA_VISIBLE_DEVICES": gpus, "RAY_EXPERIMENTAL_NOSET_CUDA_VISIBLE_DEVICES": "1"}
        self.process = (
            ray.remote(_Process)
            .options(
                num_cpus=0,
                num_gpus=0,
                scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False),
                runtime_env={"env_vars": environment if cuda else {}},
            )
            .remote(name, cuda)
        )

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors of the texts, shape (n, d)."""
        vectors: NDArray[np.float32] = ray.get(self.process.embed.remote(list(texts)))
        return vectors


def _where() -> tuple[str, str]:
    """Node and GPU of the Ray worker that calls this."""
    context = ray.get_runtime_context()
    return context.get_node_id(), ",".join(context.get_accelerator_ids()["GPU"])
