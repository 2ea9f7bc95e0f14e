"""pi_0 in verl: the actor with its adapter disabled, so that no second model is in memory.

In:  Question(prompt=[1, 5, 9], targets=[[7, 2], [7, 8, 8, 2]])      the plain question, retokenised rewrites
Out: [[-0.9, -3.1]]                                                  log pi_0(y|x) in nats, temperature 1

The sequences go to the workers through a partition of TransferQueue of their own, beside that of the rollouts.
"""

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import ray
import torch
import transfer_queue as tq
from transfer_queue import KVBatchMeta
from verl.utils import tensordict_utils as tu
from verl.workers.utils.padding import response_from_nested

from tasks.score.batches import Question
from tasks.train_agent.verl.one_state import ONE_STATE, install

PARTITION = "pi_0"


def row_of(prompt: Sequence[int], target: Sequence[int]) -> dict[str, Any]:
    """A row as verl's actor reads it: no padding, and each token of the target counts."""
    mask = torch.ones(len(target), dtype=torch.int64)
    return {
        "prompts": torch.tensor(prompt),
        "responses": torch.tensor(target),
        "input_ids": torch.tensor([*prompt, *target]),
        "position_ids": torch.arange(len(prompt) + len(target)),
        "response_mask": mask,
        "loss_mask": mask,
    }


class ActorLogLikelihoods:
    """`LogLikelihoods` of tasks/score/nll.py, computed by verl's actor workers."""

    def __init__(self, workers: Any) -> None:
        """`workers`: verl's actor worker group, initialised."""
        self.workers = workers
        ray.get([worker.__ray_call__.remote(install) for worker in workers.workers])

    def __call__(self, questions: Sequence[Question]) -> list[list[float]]:
        """log pi_0(y|x) of each question's targets; 0 for an empty one."""
        sums = [[0.0] * len(question.targets) for question in questions]
        places = [(q, k) for q, question in enumerate(questions) for k, target in enumerate(question.targets) if target]
        pairs = [(questions[q].prompt, questions[q].targets[k]) for q, k in places]
        for (q, k), logprobs in zip(places, self.token_logprobs(pairs), strict=True):
            sums[q][k] = float(logprobs.double().sum())
        return sums

    def next_logprobs(self, questions: Sequence[Question], tokens: Sequence[int]) -> list[list[list[float]]]:
        """log pi_0(v|x, y) in nats of each of `tokens`, right after each target y; one pass a target."""
        pairs = [([*q.prompt, *target], tokens) for q in questions for target in q.targets]
        found = iter(self.token_logprobs(pairs, one_state=True))
        return [[next(found).double().tolist() for _ in question.targets] for question in questions]

    def token_logprobs(
        self,
        pairs: Sequence[tuple[Sequence[int], Sequence[int]]],
        temperature: float = 1.0,
        one_state: bool = False,
    ) -> list[torch.Tensor]:
        """log pi_0 of each token of the targets, one tensor a (prompt, target), in order.

        Args:
            one_state: each token right after the prompt, instead of after the tokens before it; the targets are then
                of one length.
        """
        if not pairs:
            return []
        ranks = max(self.workers._dispatch_info["actor"]) + 1
        # Each rank gets a contiguous part: deal the pairs out by length, so that all parts take about the same time.
        dealt = sorted(range(len(pairs)), key=lambda i: len(pairs[i][0]) + len(pairs[i][1]))
        dealt += dealt[:1] * (-len(dealt) % ranks)
        order = [i for rank in range(ranks) for i in dealt[rank::ranks]]
        found = dict(zip(order, self._run([pairs[i] for i in order], temperature, one_state), strict=True))
        return [found[i] for i in range(len(pairs))]

    def _run(
        self, pairs: list[tuple[Sequence[int], Sequence[int]]], temperature: float, one_state: bool
    ) -> list[torch.Tensor]:
        run = uuid4().hex
        keys = [f"{run}_{i}_0" for i in range(len(pairs))]
        rows, tags = [], []
        for prompt, target in pairs:
            rows.append(row_of(prompt, target) | {"multi_modal_inputs": {}})
            lengths = {"seq_len": len(prompt) + len(target), "prompt_len": len(prompt), "response_len": len(target)}
            tags.append({"status": "success"} | lengths)
        tq.kv_batch_put(keys=keys, fields=tu.list_of_dict_to_tensordict(rows), tags=tags, partition_id=PARTITION)
        try:
            asked = {"calculate_entropy": False, "compute_loss": False, "temperature": temperature}
            asked["no_lora_adapter"] = True
            if one_state:
                asked[ONE_STATE] = len(pairs[0][1])
            self.workers.compute_log_prob(KVBatchMeta(partition_id=PARTITION, keys=keys, tags=tags, extra_info=asked))
            data = tq.kv_batch_get(keys=keys, partition_id=PARTITION, select_fields=["log_probs", "response_mask"])
            return list(response_from_nested(data["log_probs"], data["response_mask"]).unbind())
        finally:
            tq.kv_clear(keys=keys, partition_id=PARTITION)
