"""Two updates of nano's adapter by verl's actor, from the same rollouts, by each of `WAYS`.

In:  a folder with rollouts.json ({"prompt": [1, 5], "response": [9, 2], "advantage": 0.7}, …) and the names of ways
Out: WAY.json in it, an entry an update: {"log_probs": [[-0.9, …], …], "adapter": [[0.01, …], …], …}

Run as a file (verl brings a package `tests` of its own), once a rank, by torchrun.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any, NamedTuple

from tasks.runtime.settings import ROOT
from tasks.train_agent.config import TrainAgentConfig
from tasks.train_agent.spec import TrainSpec
from tasks.train_agent.verl.environment import prepare
from tasks.train_agent.verl.sections import ONE_UPDATE

UPDATES = 2
TEMPERATURE = 0.8
ROLLOUT_NOISE = 0.02  # nats a token that the rollout's log-probabilities are off, as two engines in bfloat16


class Way(NamedTuple):
    """How an update is made."""

    old: str  # what verl is given as the old policy's log-probabilities: those of its own "pass", or the "rollout"'s
    fused: str | None = None
    loss: str = "vanilla"


WAYS = {
    "verl": Way("pass"),
    "bypass": Way("rollout"),
    "ours": Way("rollout", loss=ONE_UPDATE),
    "torch": Way("pass", "torch"),
    "triton": Way("pass", "triton"),
}


def main(folder: Path, ways: list[str]) -> None:
    cuda = "triton" in ways
    prepare(cuda, folder / "metrics.jsonl", alone=True, seed=0)
    import torch

    torch.set_num_threads(1)
    for way in ways:
        found = updates(folder, WAYS[way], cuda)
        if torch.distributed.get_rank() == 0:
            (folder / f"{way}.json").write_text(json.dumps(found), encoding="utf-8")
    torch.distributed.destroy_process_group()


def updates(folder: Path, way: Way, cuda: bool) -> dict[str, list[Any]]:
    import torch
    from verl.utils import tensordict_utils as tu
    from verl.workers.engine_workers import ActorRolloutRefWorker
    from verl.workers.utils.padding import response_from_nested

    from tasks.train_agent.verl.hydra_config import verl_config
    from tasks.train_agent.verl.layout import Layout
    from tasks.train_agent.verl.one_state import ONE_STATE, install

    rollouts = json.loads((folder / "rollouts.json").read_text(encoding="utf-8"))
    config = TrainAgentConfig(
        engine="verl",
        prompts_per_step=len(rollouts) // 2,
        candidates=2,
        rank=8,
        max_prompt_tokens=192,
        max_new_tokens=64,
        learning_rate=5e-3,
        kl_coefficient=0.1,
        temperature=TEMPERATURE,
        verl={"gpus": os.environ["WORLD_SIZE"], "tokens_per_gpu": 256, "fused_kernels": way.fused},
    )
    model = ROOT / "infra" / "nano" / "model"
    spec = TrainSpec(config=config, backbone=model, rows=folder, embedder="e", out=folder, cuda=cuda)
    made = verl_config(spec, Layout(folder), len(rollouts), 1, 512).actor_rollout_ref
    made.actor.policy_loss.loss_mode = way.loss
    torch.manual_seed(0)  # of the adapter
    worker = ActorRolloutRefWorker(config=made, role="actor")
    worker.init_model()
    install(worker)

    def log_probs(rollouts: list[dict[str, Any]] = rollouts, **others: Any) -> torch.Tensor:
        batch = part_of_this_rank(rollouts)
        tu.assign_non_tensor(batch, temperature=TEMPERATURE, calculate_entropy=False, compute_loss=False, **others)
        return response_from_nested(worker.compute_log_prob(batch)["log_probs"], batch["response_mask"])

    def of_last_tokens(log_probs: torch.Tensor) -> list[float]:
        return [float(one[-1]) for one in log_probs.unbind()]

    skipping = [one | {"response": [*one["response"][:-2], one["response"][-1]]} for one in rollouts]
    found: dict[str, list[Any]] = {"forward": [type(worker.actor.engine.module.get_base_model()).forward.__name__]}
    for _ in range(UPDATES):
        policy = log_probs()
        noise = ROLLOUT_NOISE * torch.randn(policy.values().shape, generator=torch.Generator().manual_seed(1))
        sampled = torch.nested.nested_tensor_from_jagged(policy.values() + noise, policy.offsets())
        batch = part_of_this_rank(rollouts)
        batch["old_log_probs"] = policy if way.old == "pass" else sampled
        batch["ref_log_prob"] = log_probs(no_lora_adapter=True)
        tu.assign_non_tensor(
            batch,
            temperature=TEMPERATURE,
            global_batch_size=len(rollouts),
            mini_batch_size=len(rollouts),
            epochs=1,
            dataloader_kwargs={"shuffle": False},
        )
        metrics = tu.get(worker.update_actor(batch), "metrics")
        figures = {
            "log_probs": policy.values().tolist(),
            "one_state": of_last_tokens(log_probs(**{ONE_STATE: 2})),
            "skipping": of_last_tokens(log_probs(skipping)),
            "adapter": adapter(worker),
            "gradient_norm": metrics["grad_norm"][0],
        }
        for name, figure in figures.items():
            found.setdefault(name, []).append(figure)
    return found


def part_of_this_rank(rollouts: list[dict[str, Any]]) -> Any:
    """As verl's workers get them from TransferQueue: a TensorDict."""
    import torch
    from verl.utils import tensordict_utils as tu

    from tasks.train_agent.verl.base_model import row_of

    share = len(rollouts) // torch.distributed.get_world_size()
    first, rows = share * torch.distributed.get_rank(), []
    for one in rollouts[first : first + share]:
        advantages = torch.full((len(one["response"]),), one["advantage"])
        rows.append(row_of(one["prompt"], one["response"]) | {"advantages": advantages})
    return tu.list_of_dict_to_tensordict(rows)


def adapter(worker: Any) -> list[float]:
    """All weights of the adapter, in the order of their names."""
    import torch

    named = sorted(worker.actor.engine.module.named_parameters())
    weights = [weight.detach() for name, weight in named if "lora_" in name]
    return torch.cat([(w.full_tensor() if hasattr(w, "full_tensor") else w).flatten() for w in weights]).tolist()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
