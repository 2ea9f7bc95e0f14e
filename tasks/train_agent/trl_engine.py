"""The TRL engine: GRPO of the agent in one process, on a CPU or a GPU (TRL 1.16's GRPOTrainer with PEFT).

In:  a spec (tasks/train_agent/spec.py)
Out: adapter/       the agent, a PEFT folder
     steps.jsonl    a row a step (tasks/train_agent/step_log.py), seconds by part
     samples.jsonl  rewrites of some steps
     scratch/trainer/checkpoint-N, from which a killed attempt resumes; scratch/metrics.json

TRL brings the loop, the loss, the optimiser and the checkpoints. Ours are: token ids of the prompts, the sampling (or
vLLM's, through TRL), the reward of whole groups, the canary and the log.
"""

import json
import shutil
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from peft import LoraConfig
from transformers import PrinterCallback, TrainerCallback
from trl import GRPOConfig, GRPOTrainer

from tasks.progress import report
from tasks.score.batches import Question
from tasks.score.embeddings import Embedder
from tasks.score.load import load_backbone
from tasks.score.nll import TOKENS_PER_BATCH, NLLScorer
from tasks.score.shared_prefix import SharedPrefix
from tasks.spec import read_spec
from tasks.tokens import ChatTokens
from tasks.train_agent import canary
from tasks.train_agent.adapter import save_adapter
from tasks.train_agent.config import TrainAgentConfig
from tasks.train_agent.group_reward import GroupReward, Sample, StepRewards
from tasks.train_agent.rollout import Rollout, Sampling, sample
from tasks.train_agent.rows import AgentRow, enough_rows
from tasks.train_agent.spec import TrainSpec
from tasks.train_agent.step_log import StepLog, sample_rows, step_figures, summary

WHOLE = "whole"  # marks a checkpoint that was written to its end
BUCKET = 8  # lengths are padded to a multiple of this: few shapes for oneDNN


def main() -> None:
    spec = read_spec(TrainSpec)
    config = spec.config
    chat = ChatTokens(spec.backbone)
    model = load_backbone(spec.backbone, config.dtype, spec.cuda)
    context = int(getattr(model.config.get_text_config(), "max_position_embeddings", 0) or 0)
    rows, counts = enough_rows(spec, chat, context)
    steps = config.steps or counts.kept // config.prompts_per_step
    with config.gate.open() as verifier:
        trainer = AgentTrainer(spec, model, chat, rows, steps, lambda scorer: GroupReward(
            config.reward,
            config.candidates,
            {row.id: row for row in rows},
            verifier,
            scorer,
            Embedder(spec.embedder, spec.cuda),
        ))  # fmt: skip
        trainer.train(resume_from_checkpoint=trainer.last_checkpoint())
    save_adapter(trainer.accelerator.unwrap_model(trainer.model), spec.out / "adapter")
    metrics = asdict(counts) | summary(trainer.step_log.rows())
    (spec.out / "scratch" / "metrics.json").write_text(json.dumps(metrics), encoding="utf-8")


class AgentTrainer(GRPOTrainer):
    """GRPOTrainer with our prompts, sampling, group reward and log."""

    def __init__(
        self, spec: TrainSpec, model: Any, chat: ChatTokens, rows: list[AgentRow], steps: int, make_reward: Any
    ) -> None:
        self.spec, self.chat, self.agent_rows = spec, chat, {row.id: row for row in rows}
        self.agent_config = spec.config
        self.steps = steps
        self.step_log, self.sample_log = StepLog(spec.out / "steps.jsonl"), StepLog(spec.out / "samples.jsonl")
        self.rewards: StepRewards | None = None
        self.canary: canary.Canary | None = None
        self.seconds: dict[str, float] = {}
        self.first_step = 0
        super().__init__(
            model=model,
            reward_funcs=self._reward_group,
            args=arguments(spec.config, steps, spec.out / "scratch" / "trainer", spec.cuda),
            train_dataset=Dataset.from_list([{"prompt": row.id, "row": row.id} for row in rows]),
            processing_class=chat.tokenizer,
            peft_config=LoraConfig(
                r=spec.config.rank,
                lora_alpha=spec.config.alpha,
                lora_dropout=0.0,
                target_modules="all-linear",
                task_type="CAUSAL_LM",
            ),
            callbacks=[_Watch(self)],
        )
        self.remove_callback(PrinterCallback)
        # pi_0's NLL comes from the trained model itself, with its adapter disabled.
        self.group_reward: GroupReward = make_reward(NLLScorer.from_model(self.model, chat))
        self.shared_prefix = SharedPrefix(self.model, TOKENS_PER_BATCH["cuda" if spec.cuda else "cpu"], BUCKET)
        self.sampling = Sampling(spec.config.max_new_tokens, spec.config.temperature, tuple(chat.stop_ids))

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
        if self.use_vllm:
            ids, logprobs = super()._generate_single_turn(
                prompt_ids, images, multimodal_fields, num_generations, has_tool_images
            )
            stops = self.chat.stop_ids
            rollouts = [Rollout(i, p, bool(i) and i[-1] in stops) for i, p in zip(ids, logprobs, strict=True)]
        else:
            rollouts = sample(self.model, prompt_ids[::num_generations], num_generations, self.sampling)
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
            Sample(row, text, len(ids), bool(ids) and ids[-1] in stops)
            for row, text, ids in zip(columns["row"], completions, completion_ids, strict=True)
        ]
        every = self.agent_config.samples_every
        self.rewards = self.group_reward(samples, log_diversity=self.step_number % every == 0 or self.step_number == 1)
        self.seconds["reward"] = time.perf_counter() - start
        return self.rewards.totals

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
                found, h = self._shared(input_ids[part], attention_mask[part], logits_to_keep, compute_entropy)
            logprobs.append(found)
            entropies.append(h)
        return torch.cat(logprobs), torch.cat(entropies) if compute_entropy else None, None

    def _shared(
        self, ids: torch.Tensor, mask: torch.Tensor, keep: int, entropy: bool
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Log-probabilities and entropies, shape (rows, keep), of the last `keep` columns."""
        places: dict[tuple[int, ...], list[int]] = {}
        targets = []
        for i, (row, seen) in enumerate(zip(ids.tolist(), mask.tolist(), strict=True)):
            split = len(row) - keep
            places.setdefault(tuple(t for t, m in zip(row[:split], seen[:split], strict=True) if m), []).append(i)
            targets.append([t for t, m in zip(row[split:], seen[split:], strict=True) if m])
        questions = [Question(prompt, [targets[i] for i in rows]) for prompt, rows in places.items()]
        rows_of = list(places.values())
        batches = list(self.shared_prefix.token_logprobs(questions, self.temperature, entropy))
        order = [rows_of[question][k] for batch in batches for question, k in batch.items]
        order += [i for i, target in enumerate(targets) if not target]
        back = torch.tensor(order, device=ids.device).argsort()

        def gather(parts: list[torch.Tensor]) -> torch.Tensor:
            wide = [torch.nn.functional.pad(part, (0, keep - part.size(1)))[:, :keep] for part in parts]
            wide.append(wide[0].new_zeros((len(ids) - sum(map(len, wide)), keep)))
            return torch.cat(wide)[back]

        logprobs = gather([batch.logprobs for batch in batches])
        return logprobs, gather([b.entropies for b in batches if b.entropies is not None]) if entropy else logprobs

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
        for log in (self.step_log, self.sample_log):
            log.cut_after(self.first_step)
        return str(whole[-1]) if whole else None

    def write_step(self, logs: dict[str, float], seconds: float) -> None:
        """One row of steps.jsonl, from what the reward saw and what TRL measured of the update."""
        assert self.rewards is not None
        step = int(self.state.global_step) // self.agent_config.updates_per_step
        tokens = sum(sample.tokens for sample in self.rewards.samples)
        parts = self.rewards.seconds
        reward, rollout = self.seconds.get("reward", 0.0), self.seconds.get("rollout", 0.0)
        update = self.seconds.get("training", 0.0) - rollout - reward + self.seconds.get("optimizer", 0.0)
        row: dict[str, Any] = {"step": step} | step_figures(self.rewards, self.agent_rows)
        row |= {"kl": logs.get("kl"), "entropy": logs.get("entropy"), "clipped": logs.get("clip_ratio/region_mean")}
        row |= {"loss": logs.get("loss"), "gradient_norm": logs.get("grad_norm")}
        row |= {"learning_rate": logs.get("learning_rate")}
        row |= {"canary_mismatch": None, "canary_shift": None}
        if self.canary is not None:
            row |= {"canary_mismatch": self.canary.mismatch, "canary_shift": self.canary.shift}
        row |= {
            "seconds": seconds,
            "seconds_rollout": rollout,
            "seconds_gate": parts["gate"],
            "seconds_nll": parts["nll"],
            "seconds_embedding": parts["embedding"],
            "seconds_update": update,
            "seconds_other": seconds - rollout - update - parts["gate"] - parts["nll"] - parts["embedding"],
            "tokens_per_second": tokens / seconds,
        }
        self.step_log.append([row])
        config = self.agent_config
        if config.samples and (step == 1 or step % config.samples_every == 0 or step == self.steps):
            self.sample_log.append(sample_rows(step, self.rewards, self.agent_rows, config.samples))
        shown = {name: row[name] for name in ("pass_rate", "nll", "reward") if row[name] is not None}
        report(step, self.steps, "steps", **shown)
        self.seconds, self.canary = {}, None


class _Watch(TrainerCallback):
    """Times the steps, writes their rows, marks checkpoints that are whole."""

    def __init__(self, trainer: AgentTrainer) -> None:
        self.trainer = trainer
        self.started = self.optimizer = time.perf_counter()
        self.logs: dict[str, float] = {}

    def on_train_begin(self, *args: Any, **kwargs: Any) -> None:
        self.started = time.perf_counter()

    def on_pre_optimizer_step(self, *args: Any, **kwargs: Any) -> None:
        self.optimizer = time.perf_counter()

    def on_optimizer_step(self, *args: Any, **kwargs: Any) -> None:
        spent = time.perf_counter() - self.optimizer
        self.trainer.seconds["optimizer"] = self.trainer.seconds.get("optimizer", 0.0) + spent

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **kwargs: Any) -> None:
        """Trainer logs after each update, and once more at the end, without a loss."""
        if not logs or "loss" not in logs or state.global_step % self.trainer.agent_config.updates_per_step:
            return
        now = time.perf_counter()
        self.trainer.write_step(logs, now - self.started)
        self.started = now

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        (Path(args.output_dir) / f"checkpoint-{state.global_step}" / WHOLE).touch()


def arguments(config: TrainAgentConfig, steps: int, folder: Path, cuda: bool) -> GRPOConfig:
    """TRL's arguments. Loss `dapo`: the mean over all tokens of the batch, verl's default too."""
    rollouts = config.prompts_per_step * config.candidates
    of_an_update, rest = divmod(rollouts, config.updates_per_step)
    if rest:
        raise SystemExit(
            f"updates_per_step={config.updates_per_step} must divide prompts_per_step * candidates = {rollouts}"
        )
    micro_batch = next(size for size in range(config.micro_batch, 0, -1) if of_an_update % size == 0)
    accumulation = of_an_update // micro_batch
    bfloat16 = cuda and config.dtype != "float32"
    vllm: dict[str, Any] = {"use_vllm": False}
    if config.rollout == "vllm":
        vllm = {
            "use_vllm": True,
            "vllm_mode": "colocate",
            "vllm_gpu_memory_utilization": config.vllm_memory,
            "vllm_max_model_length": config.max_prompt_tokens + config.max_new_tokens,
        }
    return GRPOConfig(
        output_dir=str(folder),
        per_device_train_batch_size=micro_batch,
        gradient_accumulation_steps=accumulation,
        steps_per_generation=accumulation * config.updates_per_step,
        num_generations=config.candidates,
        max_completion_length=config.max_new_tokens,
        max_steps=steps * config.updates_per_step,
        learning_rate=config.learning_rate,
        lr_scheduler_type="constant_with_warmup" if config.warmup_steps else "constant",
        warmup_steps=config.warmup_steps * config.updates_per_step,
        weight_decay=0.0,
        max_grad_norm=config.max_gradient_norm,
        temperature=config.temperature,
        top_p=1.0,
        top_k=0,
        beta=config.kl_coefficient,
        epsilon=config.clip,
        loss_type="dapo",
        scale_rewards="group",
        seed=config.seed,
        data_seed=config.seed,
        bf16=bfloat16,
        use_cpu=not cuda,
        gradient_checkpointing=config.gradient_checkpointing,
        remove_unused_columns=False,
        dataloader_num_workers=0,
        dataloader_pin_memory=cuda,
        logging_steps=1,
        save_strategy="steps",
        save_steps=config.save_every * config.updates_per_step,
        save_total_limit=2,
        report_to=[],
        disable_tqdm=True,
        log_completions=False,
        **vllm,
    )


if __name__ == "__main__":
    main()
