"""A GRPO step of the nano agent: seconds against plain TRL, and the share outside rollout, gate and update.

`.envs/inference/bin/python -m benchmarks.grpo_step` prints three JSON lines. Plain TRL samples with `generate` and
reads a prompt once for each of its rewrites; reward and rows are the same. Runs of both are taken by turns. The third
is of the update in micro-batches of K rows, beside the order in which TRL shuffles them.
"""

import statistics
import tempfile
from pathlib import Path
from typing import Any

from benchmarks._beside import tell
from infra.gpu_check.texts import rows as expert_rows
from tasks.rows.jsonl import Row, read_rows, write_rows
from tasks.runtime.settings import ROOT

NANO = ROOT / "infra" / "nano"
PARTS = ("rollout", "gate", "nll", "embedding", "update", "other")
OUTSIDE = ("nll", "embedding", "save", "other")
PROMPTS, K, ROUNDS, STEPS = 16, 10, 3, 3  # STEPS a round, of which the first is not counted


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        rows = Path(folder) / "rows.jsonl"
        write_rows(rows, expert_rows(PROMPTS * STEPS))
        ours: list[Row] = []
        plain: list[Row] = []
        groups: list[Row] = []
        shuffled: list[Row] = []
        for number in range(ROUNDS):
            ours += steps(rows, Path(folder) / f"ours{number}")
            plain += steps(rows, Path(folder) / f"plain{number}", "plain")
            groups += steps(rows, Path(folder) / f"groups{number}", micro_batch=K)
            shuffled += steps(rows, Path(folder) / f"shuffled{number}", "shuffled", micro_batch=K)
    parts = {part: statistics.median(row[f"seconds_{part}"] for row in ours) for part in PARTS}
    seconds = ([row["seconds"] for row in one] for one in (ours, plain))
    tell("grpo_step", "s", "plain TRL", *seconds, better="lower", **parts)
    shares = [sum(row[f"seconds_{part}"] for part in OUTSIDE) / row["seconds"] for row in ours]
    unit = "share of a step outside rollout, gate and update"
    tell("grpo_step_outside", unit, "the step", shares, [1.0] * len(shares), better="lower")
    updates = ([row["seconds_update"] for row in one] for one in (groups, shuffled))
    tell("grpo_update", f"s in micro-batches of {K}", "rows as TRL shuffles them", *updates, better="lower")


def steps(rows: Path, out: Path, which: str = "ours", micro_batch: int = PROMPTS * K) -> list[Row]:
    """The log rows of a short training run, without its first step: ours, plain TRL, or shuffled as TRL does."""
    from trl import GRPOTrainer

    from tasks.rows.agent_rows import agent_rows
    from tasks.rows.tokens import ChatTokens
    from tasks.score.config import EmbedderConfig
    from tasks.score.embeddings import Embedder
    from tasks.score.load import load_backbone
    from tasks.score.nll import NLLScorer
    from tasks.train_agent.config import TrainAgentConfig
    from tasks.train_agent.group_reward import GroupReward
    from tasks.train_agent.spec import TrainSpec
    from tasks.train_agent.trl.trainer import AgentTrainer
    from tasks.verify.gate import GateConfig

    class PlainTrainer(AgentTrainer):
        """TRL's own sampling and forward passes."""

        _get_per_token_logps_and_entropies = GRPOTrainer._get_per_token_logps_and_entropies

        def _generate_single_turn(self, *args: Any, **kwargs: Any) -> Any:
            import time

            start = time.perf_counter()
            made = GRPOTrainer._generate_single_turn(self, *args, **kwargs)
            self.seconds["rollout"] = time.perf_counter() - start
            return made

    class ShuffledTrainer(AgentTrainer):
        """Ours, with the rows of a step in TRL's order."""

        _prepare_inputs = GRPOTrainer._prepare_inputs

    kinds = {"ours": AgentTrainer, "plain": PlainTrainer, "shuffled": ShuffledTrainer}
    embedder = str(NANO / "embedder")
    config = TrainAgentConfig(
        engine="trl",
        rollout="transformers",
        gate=GateConfig(judge={"kind": "arithmetic"}),
        prompts_per_step=PROMPTS,
        candidates=K,
        rank=16,
        max_prompt_tokens=192,
        max_new_tokens=96,
        micro_batch=micro_batch,
        steps=STEPS,
        save_every=1000,
        embedder=EmbedderConfig(model=embedder, revision=None),
    )
    (out / "scratch").mkdir(parents=True)
    spec = TrainSpec(config=config, backbone=NANO / "model", rows=rows, embedder=embedder, out=out, cuda=False)
    chat = ChatTokens(spec.backbone)
    kept, _ = agent_rows(rows, chat, config.max_prompt_tokens, config.max_new_tokens, 512)
    by_id = {row.id: row for row in kept}
    with config.gate.open() as verifier:
        trainer = kinds[which](
            spec,
            load_backbone(spec.backbone, "float32", cuda=False),
            chat,
            kept,
            STEPS,
            lambda policy: GroupReward(
                config.reward,
                K,
                by_id,
                verifier,
                NLLScorer.from_model(policy, chat),
                Embedder(embedder, cuda=False),
            ),
        )
        trainer.train()
    return list(read_rows(out / "steps.jsonl"))[1:]


if __name__ == "__main__":
    main()
