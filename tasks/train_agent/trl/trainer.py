"""TRL's GRPOTrainer with our prompts, sampling, reward of whole groups, canary and log.

TRL brings the loop, the loss, the optimiser and the checkpoints. Ours are: token ids of the prompts, the sampling (with
transformers or vLLM), the reward of whole groups, the canary and the log.
"""

import shutil
import time
from collections.abc import Callable
from typing import Any

import torch
from datasets import Dataset
from peft import LoraConfig
from transformers import PrinterCallback
from trl import GRPOTrainer

from tasks.generation.rollout import Sampling, sample
from tasks.rows.agent_rows import AgentRow
from tasks.rows.precision import resolve
from tasks.rows.tokens import ChatTokens
from tasks.score.nll import TOKENS_PER_BATCH
from tasks.score.shared_prefix import SharedPrefix
from tasks.train_agent import canary
from tasks.train_agent.group_reward import GroupReward, Sample, StepRewards
from tasks.train_agent.replay import GROUPS, group_rows
from tasks.train_agent.spec import TrainSpec
from tasks.train_agent.step_log import StepLog, measured, report_step, sample_rows, samples_due, step_figures
from tasks.train_agent.trl.arguments import arguments
from tasks.train_agent.trl.groups_together import Batch, together
from tasks.train_agent.trl.logprobs import shared_logprobs
from tasks.train_agent.trl.vllm_rollout import VLLMRollout
from tasks.train_agent.trl.watch import WHOLE, Watch

MakeReward = Callable[[Any], GroupReward]
BUCKET = 8  # lengths are padded to a multiple of this: few shapes for oneDNN


class AgentTrainer(GRPOTrainer):
    """GRPOTrainer with our prompts, sampling, group reward and log."""

    _buffered_inputs: list[Batch] | None  # TRL's: the step's micro-batches

    def __init__(
        self, spec: TrainSpec, model: Any, chat: ChatTokens, rows: list[AgentRow], steps: int, make_reward: MakeReward
    ) -> None:
        """`make_reward`: the reward of the model with its adapter, which is there once the trainer is."""
        self.spec, self.chat, self.agent_rows = spec, chat, {row.id: row for row in rows}
        self.agent_config = spec.config
        self.steps = steps
        self.step_log, self.sample_log = StepLog(spec.out / "steps.jsonl"), StepLog(spec.out / "samples.jsonl")
        self.group_log = StepLog(spec.out / GROUPS)
        self.rewards: StepRewards | None = None
        self.canary: canary.Canary | None = None
        self.seconds: dict[str, float] = {}
        self.first_step = 0
        precision = resolve(spec.config.dtype, spec.backbone, spec.cuda)
        super().__init__(
            model=model,
            reward_funcs=self._reward_group,
            args=arguments(spec.config, steps, spec.out / "scratch" / "trainer", spec.cuda, precision),
            train_dataset=Dataset.from_list([{"prompt": row.id, "row": row.id} for row in rows]),
            processing_class=chat.tokenizer,
            peft_config=LoraConfig(
                r=spec.config.rank,
                lora_alpha=spec.config.alpha,
                lora_dropout=0.0,
                target_modules="all-linear",
                task_type="CAUSAL_LM",
            ),
            callbacks=[Watch(self)],
        )
        self.remove_callback(PrinterCallback)
        self.group_reward = make_reward(self.model)
        self.shared_prefix = SharedPrefix(self.model, TOKENS_PER_BATCH["cuda" if spec.cuda else "cpu"], BUCKET)
        self.sampling = Sampling(spec.config.max_new_tokens, spec.config.temperature, tuple(chat.stop_ids))
        adapters = spec.out / "scratch" / "rollout"
        self.vllm = VLLMRollout(spec, adapters, self.sampling) if spec.config.rollout == "vllm" else None

    @property
    def step_number(self) -> int:
        """The GRPO step under way, from 1; TRL counts optimiser updates."""
        return int(self.state.global_step) // self.agent_config.updates_per_step + 1

    def _tokenize_prompts(self, prompts: list) -> tuple[list[list[int]], None, dict]:
        """Ids of the rewriting prompts; `prompts` holds row ids, so that no other tokenisation can come between."""
        return [self.agent_rows[row].prompt for row in prompts], None, {}

    def _generate_single_turn(
        self, prompt_ids: list, images: Any, multimodal_fields: Any, num_generations: int, has_tool_images: bool = False
    ) -> tuple[list[list[int]], Any]:
        start = time.perf_counter()
        prompts = prompt_ids[::num_generations]
        if self.vllm is not None:
            policy = self.accelerator.unwrap_model(self.model)
            rollouts = self.vllm.sample(policy, prompts, num_generations, self.step_number)
        else:
            rollouts = sample(self.model, prompts, num_generations, self.sampling)
        self.seconds["rollout"] = time.perf_counter() - start
        updates = int(self.state.global_step)
        if self.step_number - self.first_step <= canary.STEPS:
            self.canary = canary.check(self.model, prompt_ids, rollouts, self.agent_config.temperature, updates)
        return [rollout.ids for rollout in rollouts], [rollout.logprobs for rollout in rollouts]

    def _reward_group(
        self, prompts: list[str], completions: list[str], completion_ids: list[list[int]], **columns: Any
    ) -> list[float]:
        """Totals of whole groups; TRL calls it with all rollouts of a step."""
        start = time.perf_counter()
        stops = self.chat.stop_ids
        samples = [
            Sample(row, text, ids, bool(ids) and ids[-1] in stops)
            for row, text, ids in zip(columns["row"], completions, completion_ids, strict=True)
        ]
        self.rewards = self.group_reward(samples)
        self.seconds["reward"] = time.perf_counter() - start
        return self.rewards.totals

    def _prepare_inputs(self, generation_batch: Any) -> Any:
        """The next micro-batch of the step's rollouts, each prompt's rewrites beside each other."""
        before = self._buffered_inputs
        inputs = super()._prepare_inputs(generation_batch)
        if self._buffered_inputs is None or self._buffered_inputs is before:
            return inputs
        self._buffered_inputs = together(self._buffered_inputs, self.args.gradient_accumulation_steps)
        return self._buffered_inputs[self._step % self.args.steps_per_generation]

    def _get_per_token_logps_and_entropies(
        self,
        model: Any,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        logits_to_keep: int,
        batch_size: int | None = None,
        compute_entropy: bool = False,
        **others: Any,
    ) -> tuple[torch.Tensor, torch.Tensor | None, None]:
        """Log-probabilities of the rewrites, reading each prompt once for all its rewrites in the micro-batch."""
        if self.args.gradient_checkpointing:  # transformers has no cache then
            others |= {"batch_size": batch_size, "compute_entropy": compute_entropy}
            result: tuple[torch.Tensor, torch.Tensor | None, None] = super()._get_per_token_logps_and_entropies(
                model, input_ids, attention_mask, logits_to_keep, **others
            )
            return result
        logprobs, entropies = [], []
        step = batch_size or len(input_ids)
        for start in range(0, len(input_ids), step):
            part = slice(start, start + step)
            with self.accelerator.autocast():
                found, h = shared_logprobs(
                    self.shared_prefix,
                    input_ids[part],
                    attention_mask[part],
                    logits_to_keep,
                    self.temperature,
                    compute_entropy,
                )
            logprobs.append(found)
            entropies.append(h)
        return torch.cat(logprobs), torch.cat(entropies) if compute_entropy else None, None

    def training_step(self, *args: Any, **kwargs: Any) -> torch.Tensor:
        start = time.perf_counter()
        loss: torch.Tensor = super().training_step(*args, **kwargs)
        self.seconds["training"] = self.seconds.get("training", 0.0) + time.perf_counter() - start
        return loss

    def last_checkpoint(self) -> str | None:
        """The newest whole checkpoint; others are removed, and the logs are cut back to it."""
        folder = self.spec.out / "scratch" / "trainer"
        found = sorted(folder.glob("checkpoint-*"), key=lambda path: int(path.name.rpartition("-")[2]))
        whole = [path for path in found if (path / WHOLE).exists()]
        for path in found:
            if path not in whole:
                shutil.rmtree(path)
        updates = int(whole[-1].name.rpartition("-")[2]) if whole else 0
        self.first_step = updates // self.agent_config.updates_per_step
        for log in (self.step_log, self.sample_log, self.group_log):
            log.cut_after(self.first_step)
        return str(whole[-1]) if whole else None

    def write_step(self, logs: dict[str, float], seconds: float) -> None:
        """One row of steps.jsonl, from what the reward saw and what TRL measured of the update."""
        assert self.rewards is not None
        step = int(self.state.global_step) // self.agent_config.updates_per_step
        reward, rollout = self.seconds.get("reward", 0.0), self.seconds.get("rollout", 0.0)
        update = self.seconds.get("training", 0.0) - rollout - reward + self.seconds.get("optimizer", 0.0)
        row: dict[str, Any] = {"step": step} | step_figures(self.rewards, self.agent_rows)
        row |= {"kl": logs.get("kl"), "entropy": logs.get("entropy"), "clipped": logs.get("clip_ratio/region_mean")}
        row |= {"loss": logs.get("loss"), "gradient_norm": logs.get("grad_norm")}
        row |= {"learning_rate": logs.get("learning_rate")}
        parts = {"rollout": rollout, "update": update, "save": self.seconds.get("save", 0.0)}
        row |= measured(self.rewards, self.canary, seconds, parts)
        self.step_log.append([row])
        if samples_due(self.agent_config, step, self.steps):
            groups, advantages = self.agent_config.samples, list(self._logs["advantages"])
            self.sample_log.append(sample_rows(step, self.rewards, self.agent_rows, groups))
            self.group_log.append(group_rows(step, self.rewards, self.agent_rows, groups, advantages))
        report_step(row, self.steps)
        self.seconds, self.canary = {}, None
