"""verl's synchronous trainer with the reward of whole groups, the canary and our log.

In:  a step's rollouts in TransferQueue: token ids, log-probabilities under rollout, actor and pi_0, the gate's verdicts
Out: their rewards (`rm_scores`) in TransferQueue; steps.jsonl, samples.jsonl, metrics.jsonl; checkpoints

verl scores each trajectory by itself, beside the rollout; eqs. 7 to 12 need the group. The first place where verl holds
all K rewrites of a prompt is the computation of advantages, so the rewards are put in there, just before. A backbone
that is its own judge (kind `self`) is asked there too: the actor without its adapter, as for its NLL.
"""

from contextlib import ExitStack
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
import transfer_queue as tq
from omegaconf import DictConfig, open_dict
from transfer_queue import KVBatchMeta
from verl.trainer.ppo.v1.trainer_base import register_trainer
from verl.trainer.ppo.v1.trainer_sync import PPOTrainerSync
from verl.utils import tensordict_utils as tu

from tasks.rows.context import longest_context
from tasks.rows.prompts import rewriting_prompt
from tasks.rows.tokens import ChatTokens
from tasks.score.nll import NLLScorer
from tasks.train_agent import canary
from tasks.train_agent.group_reward import GroupReward, Sample, StepRewards, experts
from tasks.train_agent.replay import GROUPS, group_rows
from tasks.train_agent.spec import TrainSpec
from tasks.train_agent.step_log import StepLog, sample_rows, samples_due, step_figures
from tasks.train_agent.verl.base_model import ActorLogLikelihoods
from tasks.train_agent.verl.checkpoints import WHOLE
from tasks.train_agent.verl.embedding import RemoteEmbedder
from tasks.train_agent.verl.gate import read_verdict
from tasks.train_agent.verl.sections import TRAINER
from tasks.train_agent.verl.step_row import numbers, step_row
from tasks.train_agent.verl.watchdog import dead_actor, dead_engine, watch, watchdog
from tasks.verify.fitness import require_self_fit
from tasks.verify.gate import reader
from tasks.verify.types import Candidate, Judge, Verdict
from tasks.verify.verify import judged

HAND_OVER_SECONDS = 900.0  # of the adapter to the rollout; seconds on any machine that works


MOST_ANSWER_TOKENS = 16  # spellings of YES and NO


class RolloutError(RuntimeError):
    """A step's rollouts are not what was asked for."""


@register_trainer(TRAINER)
class AgentTrainer(PPOTrainerSync):
    """Constructed by verl's task runner with the configuration of hydra_config.py."""

    def __init__(self, config: DictConfig) -> None:
        with open_dict(config):
            config.trainer.v1.trainer_mode = "sync"  # what verl compares with
        super().__init__(config)
        ours = config.rewriting_agent
        self.spec = TrainSpec.model_validate_json(Path(ours.spec).read_text(encoding="utf-8"))
        self.steps, self.attempt, self.stopped = int(ours.steps), int(ours.attempt), Path(ours.stopped)
        self.step_log = StepLog(self.spec.out / "steps.jsonl")
        self.sample_log = StepLog(self.spec.out / "samples.jsonl")
        self.group_log = StepLog(self.spec.out / GROUPS)
        self.metric_log = StepLog(self.spec.out / "metrics.jsonl")
        self.canary: canary.Canary | None = None

    def _setup(self) -> None:
        """After verl has its workers: what the reward needs."""
        super()._setup()
        self.first_step = int(self.global_steps)
        self.agent_rows = {row.id: row for row in self.train_dataset.rows}
        self.chat = ChatTokens(self.spec.backbone)
        self.log_likelihoods = ActorLogLikelihoods(self.actor_rollout_wg)
        context = longest_context(self.spec.backbone)
        self.scorer = NLLScorer(self.chat, self.log_likelihoods, context)
        gate, self.closing = self.spec.config.gate, ExitStack()
        if gate.asks_backbone:
            # A pass holds a prompt and the tokens that might answer it; the reader knows that a prompt needs one more.
            fits = min(context, self.spec.config.verl.tokens_per_gpu) - MOST_ANSWER_TOKENS
            self.read = reader(gate, self.chat, self.log_likelihoods.next_logprobs, fits)
        self.embedder = RemoteEmbedder(self.spec.embedder, self.spec.cuda, self.actor_rollout_wg)

    def on_init_end(self) -> None:
        addresses = self.llm_server_manager.get_addresses()
        self.watch = watch(lambda: dead_actor() or dead_engine(addresses), self.stopped)
        with watchdog(HAND_OVER_SECONDS, "handing the adapter over to the rollout", self.stopped):
            super().on_init_end()

    def on_step_end(self) -> None:
        with watchdog(HAND_OVER_SECONDS, f"step {self.global_steps}: handing over the adapter", self.stopped):
            super().on_step_end()

    def fit(self, agent_loop_manager: Any) -> None:
        try:
            super().fit(agent_loop_manager)
        finally:
            self.watch.set()  # from here on actors end on purpose
            self.closing.close()

    def step(self, metrics: dict[str, Any], timing_raw: dict[str, float]) -> KVBatchMeta:
        with watchdog(self.spec.config.verl.stall_minutes * 60, f"step {self.global_steps}", self.stopped):
            return super().step(metrics, timing_raw)

    def _compute_old_log_prob(self, batch: KVBatchMeta, metrics: dict[str, Any]) -> KVBatchMeta:
        """Only where they are read: by several updates of the same rollouts, or by the canary.

        Elsewhere the rollout's stand in their place, which the loss does not read (one_update.py); their mean is the
        policy's entropy, estimated from the tokens that were drawn.
        """
        if self.spec.config.updates_per_step > 1 or self.watched:
            return super()._compute_old_log_prob(batch, metrics)
        found = tq.kv_batch_get(keys=batch.keys, partition_id=batch.partition_id, select_fields=["rollout_log_probs"])
        metrics["actor/entropy"] = -float(found["rollout_log_probs"].values().mean())
        found["old_log_probs"] = found.pop("rollout_log_probs")
        tq.kv_batch_put(keys=batch.keys, partition_id=batch.partition_id, fields=found)
        return batch

    def _compute_advantage(self, batch: KVBatchMeta, metrics: dict[str, Any]) -> KVBatchMeta:
        """The rewards of whole groups, then verl's advantages of them."""
        keys = [key for key, tag in zip(batch.keys, batch.tags, strict=True) if not tag.get("is_padding", False)]
        fields = ["responses", "extra_info", "extra_fields", "rollout_log_probs", "old_log_probs"]
        if self.use_reference_policy:
            fields += ["ref_log_prob"]
        found = tq.kv_batch_get(keys=keys, partition_id=batch.partition_id, select_fields=fields)
        self.rewards = self.reward_groups(found)
        if self.watched:
            self.canary = self._canary(found)
        lengths = [len(ids) for ids in found["responses"].unbind()]
        totals = [at_the_end(r, n) for r, n in zip(self.rewards.totals, lengths, strict=True)]
        scores = torch.nested.as_nested_tensor(totals, layout=torch.jagged)
        tq.kv_batch_put(keys=keys, partition_id=batch.partition_id, fields=tu.get_tensordict({"rm_scores": scores}))
        return super()._compute_advantage(batch, metrics)

    def reward_groups(self, found: Any) -> StepRewards:
        """Rewards of a step's rollouts (TensorDict with responses, extra_info, extra_fields), in their order.

        Raises:
            RolloutError: rollouts are missing, or the gate failed on one.
            ValueError: a group is not whole.
        """
        config = self.spec.config
        infos, extras = list(found["extra_info"]), list(found["extra_fields"])
        wanted = config.prompts_per_step * config.candidates
        if len(infos) != wanted:
            raise RolloutError(f"step {self.global_steps}: {len(infos)} of {wanted} rewrites came back; see verl's log")
        gates = [extra["reward_extra_info"] for extra in extras]
        for info, gate in zip(infos, gates, strict=True):
            if gate["error"]:
                raise RolloutError(f"row {info['id']}: the gate failed\n{gate['error']}")
        samples = [
            Sample(info["id"], self.tokenizer.decode(ids, skip_special_tokens=True), ids.tolist(), extra["finished"])
            for info, ids, extra in zip(infos, found["responses"].unbind(), extras, strict=True)
        ]

        def recorded(candidates: Any) -> list[Verdict]:
            verdicts = [_named(gate["verdict"], one) for one, gate in zip(candidates, gates, strict=True)]
            return judged(candidates, verdicts, self.judge) if config.gate.asks_backbone else verdicts

        reward = GroupReward(config.reward, config.candidates, self.agent_rows, recorded, self.scorer, self.embedder)
        rewards = reward(samples)
        rewards.seconds["gate"] = sum(gate["seconds"] for gate in gates)  # not the time to read its verdicts
        return rewards

    @cached_property
    def judge(self) -> Judge:
        """The backbone as its own judge, opened when the actor can be asked: in the first step."""
        gate = self.spec.config.gate
        judge = self.closing.enter_context(gate.open_judge(self.spec.backbone, self.read))
        require_self_fit(gate, judge, experts(self.agent_rows.values()))
        return judge

    @property
    def watched(self) -> bool:
        """Whether the canary looks at this step."""
        return int(self.global_steps) - self.first_step <= canary.STEPS

    def _canary(self, found: Any) -> canary.Canary:
        """All tokens of the step, or where pi_0's log-probabilities are not there anyway, some rows."""
        rows = slice(None) if self.use_reference_policy else slice(canary.ROWS)
        drawn, policy = (list(found[name].unbind())[rows] for name in ("rollout_log_probs", "old_log_probs"))
        if self.use_reference_policy:
            base = list(found["ref_log_prob"].unbind())
        else:
            infos, targets = list(found["extra_info"])[rows], list(found["responses"].unbind())[rows]
            prompts = [self._prompt(info["id"]) for info in infos]
            pairs = [(prompt, ids.tolist()) for prompt, ids in zip(prompts, targets, strict=True)]
            base = self.log_likelihoods.token_logprobs(pairs, self.spec.config.temperature)
        dtype = torch.bfloat16 if self.config.actor_rollout_ref.rollout.dtype == "bfloat16" else torch.float32
        updates = (int(self.global_steps) - 1) * self.spec.config.updates_per_step
        tokens = [torch.cat(part).float().cpu().numpy() for part in (drawn, policy, base)]
        return canary.compare(tokens[0], tokens[1], tokens[2], canary.TOLERANCE[dtype], updates)

    def _prompt(self, row: str) -> list[int]:
        of = self.agent_rows[row]
        return self.chat.prompt(rewriting_prompt(of.question, of.solution, of.domain))

    def _compute_metrics(
        self, batch: KVBatchMeta, metrics: dict[str, Any], timing_raw: dict[str, float], global_steps: int, epoch: int
    ) -> None:
        """verl calls it once a step, when all of it is done and timed."""
        super()._compute_metrics(batch, metrics, timing_raw, global_steps, epoch)
        config, step = self.spec.config, int(global_steps)
        figures = step_figures(self.rewards, self.agent_rows)
        self.metric_log.append([{"step": step, "attempt": self.attempt} | numbers(metrics)])
        if samples_due(config, step, self.steps):
            self.sample_log.append(sample_rows(step, self.rewards, self.agent_rows, config.samples))
            self.group_log.append(group_rows(step, self.rewards, self.agent_rows, config.samples))
        # After its samples: the engine's process reports a step as soon as its row is there.
        self.step_log.append([{"step": step} | figures | step_row(self.rewards, metrics, timing_raw, self.canary)])
        self.canary = None
        # Only now: a checkpoint without its step's row would leave a gap in the log of a resumed attempt.
        if (checkpoint := Path(self.config.trainer.default_local_dir) / f"global_step_{step}").exists():
            (checkpoint / WHOLE).touch()


def at_the_end(reward: float, length: int) -> torch.Tensor:
    """A reward as verl wants it: at the last token, 0 before, shape (length,)."""
    scores = torch.zeros(length, dtype=torch.float32)
    scores[-1] = reward
    return scores


def _named(row: dict[str, Any], candidate: Candidate) -> Verdict:
    return replace(read_verdict(row), id=candidate.id)
