"""Five steps of the agent's GRPO by TRL, with rollouts of transformers: does it learn from what its own policy wrote?

The engine's own canary compares rollouts with the policy's log-probabilities and ends a training where they differ.
Half of the trained toy backbone's rewrites pass the gate; a model of random weights shows time and memory alone.
"""

import math
import sys
from typing import Any, Literal

from infra.gpu_check.checks import Figures, Setup, peak_gib, require
from infra.gpu_check.texts import NANO, rows
from tasks.rows.jsonl import read_rows, write_rows
from tasks.score.config import EmbedderConfig
from tasks.train_agent.config import TrainAgentConfig
from tasks.train_agent.spec import TrainSpec
from tasks.verify.gate import GateConfig

STEPS = 5
LEAST_PASSING = 0.2  # of the toy backbone's rewrites; untrained, half of them pass


def check(setup: Setup) -> Figures:
    """Raises CheckFailed where steps are missing, a loss is no number, or the toy backbone's rewrites do not pass."""
    return train(setup, "transformers")


def train(setup: Setup, rollout: Literal["transformers", "vllm"]) -> Figures:
    """A short training in this process by the engine that the stage runs."""
    from tasks.train_agent.trl import engine

    prompts, candidates = (16, 8) if setup.cuda else (2, 4)
    embedder = str(NANO / "embedder")
    config = TrainAgentConfig(
        engine="trl",
        rollout=rollout,
        gate=GateConfig(answers={"reasoning": False}),  # type: ignore[arg-type]
        embedder=EmbedderConfig(model=embedder, revision=None),
        rank=16,
        prompts_per_step=prompts,
        candidates=candidates,
        max_prompt_tokens=384,
        max_new_tokens=80,
        micro_batch=prompts * candidates,
        steps=STEPS,
        save_every=1000,
        learning_rate=1e-3,
    )
    (setup.folder / "scratch").mkdir(parents=True)
    write_rows(setup.folder / "rows.jsonl", rows(prompts * STEPS))
    spec = TrainSpec(
        config=config,
        backbone=setup.model,
        rows=setup.folder / "rows.jsonl",
        embedder=embedder,
        out=setup.folder,
        cuda=setup.cuda,
    )
    (setup.folder / "spec.json").write_text(spec.model_dump_json(), encoding="utf-8")
    sys.argv = ["engine", str(setup.folder / "spec.json")]
    engine.main()
    steps: list[dict[str, Any]] = list(read_rows(setup.folder / "steps.jsonl"))
    require(len(steps) == STEPS, f"{len(steps)} of {STEPS} steps")
    require(all(math.isfinite(step["kl"]) for step in steps), "a step's KL is no number")
    passing = sum(step["pass_rate"] for step in steps) / STEPS
    if setup.size == "nano":
        require(passing > LEAST_PASSING, f"{passing:.0%} of the toy backbone's rewrites pass, half of them should")
    seconds = {name: steps[-1][name] for name in steps[-1] if name.startswith("seconds")}
    return {"pass_rate": passing, "rewrites_a_step": prompts * candidates, "peak_gib": peak_gib(setup.device)} | seconds
