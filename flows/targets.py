"""What a method trains on, D_R (Appendix D): stage I makes the agent, stage II rewrites, verifies and assembles.

               ┌─ agent split ─ train_agent ─┐ (adapter)
In:  the data ─┴─ SFT split ─ shards ─ (self_solve) ─ rewrite×N ─ verify×N ─ assemble
Out: {"dataset": …}; with an agent that agent too, and how it and pi_0 rewrite the held-out rows
"""

from collections.abc import Iterator
from typing import Any

from prefect import tags

from flows.data import Data
from flows.experiment import Experiment
from flows.matched import score_arms
from tasks.assemble.assemble import assemble
from tasks.diversity.config import DiversityConfig
from tasks.diversity.diversity import diversity
from tasks.measure.measure import measure
from tasks.methods.method import Targets
from tasks.rewrite.config import RewriteConfig
from tasks.rewrite.rewrite import rewrite, self_solve
from tasks.runtime.futures import Future, part
from tasks.score.score import score
from tasks.train_agent.train_agent import train_agent
from tasks.verify.gate import GateConfig
from tasks.verify.stage import verify

Shards = dict[str, Future]


def make_targets(experiment: Experiment, data: Data, targets: Targets, seed: int) -> dict[str, object]:
    """D_R of one method (Appendix D), with what was trained for it."""
    more = train_and_measure(experiment, data, seed) if targets.rewriter == "agent" else {}
    found: dict[str, Any] = {}
    if targets.rewriter:
        found |= (made := rewrite_and_verify(experiment, data, more.get("agent"), targets))
        if targets.most_diverse:
            config = DiversityConfig(embedder=experiment.train_agent.embedder)
            chosen = {"rewrites": made["rewrites"], "verdicts": made["rewrite_verdicts"]}
            found["rewrite_diversity"] = diversity.submit(config, **chosen)
    if targets.self_solutions:
        found |= solve_and_verify(experiment, data)
    if experiment.assemble.match:
        found |= score_arms(experiment, data.pi_0, data.sft, found)
    return more | {"dataset": assemble.submit(experiment.assemble, rows=data.sft, **found)}


def train_and_measure(experiment: Experiment, data: Data, seed: int) -> dict[str, Future]:
    """Stage I: the agent, and how it rewrites rows that it never saw, beside the untrained rewriter."""
    adapter = train_agent.submit(experiment.grpo(seed), backbone=data.pi_0, rows=data.agent)
    return {
        "agent": adapter,
        "untrained": held_out(experiment, data),
        "trained": held_out(experiment, data, adapter),
    }


def rewrite_and_verify(
    experiment: Experiment, data: Data, adapter: Future | None, targets: Targets
) -> dict[str, Shards]:
    """Rewrites of the SFT split, their verdicts and, where the likeliest is wanted, their NLL; shard by shard."""
    rewrites, verdicts, nll = {}, {}, {}
    for shard in shards(experiment, targets):
        made = rewrite.submit(shard, backbone=data.pi_0, rows=data.sft, adapter=adapter)
        for name in shard:
            with tags(*([f"sample {name}"] if targets.samples else [])):
                rewrites[name] = one = part(made, name)
                verdicts[name] = judge(experiment.gate, data, data.sft, one)
                if targets.likeliest:
                    nll[name] = score.submit(experiment.score, backbone=data.pi_0, rows=data.sft, rewrites=one)
    return {"rewrites": rewrites, "rewrite_verdicts": verdicts, "rewrite_nll": nll}


def solve_and_verify(experiment: Experiment, data: Data) -> dict[str, Shards]:
    """pi_0's own solutions of the SFT split and their verdicts, shard by shard (Mind the Gap)."""
    solutions, verdicts = {}, {}
    for shard in shards(experiment, Targets()):
        made = self_solve.submit(shard, backbone=data.pi_0, rows=data.sft)
        for name in shard:
            solutions[name] = part(made, name)
            verdicts[name] = judge(experiment.gate, data, data.sft, solutions[name])
    return {"self_solutions": solutions, "self_verdicts": verdicts}


def solve_held_out(experiment: Experiment, data: Data, model: Future) -> Future:
    """Verdicts on a model's own answers to the rows that nothing was trained on; no judge reads how."""
    # So few rows are not worth a second engine's start.
    greedy = experiment.rewrite.model_copy(update={"temperature": 0.0, "shards": 1, "hint": None, "engines": 1})
    solved = part(self_solve.submit({"held_out": greedy}, backbone=model, rows=data.held_out), "held_out")
    return judge(experiment.gate.answers_alone(), data, data.held_out, solved)


def judge(gate: GateConfig, data: Data, rows: Future, rewrites: Future) -> Future:
    """The gate's verdicts; the backbone goes with it only where it is its own judge."""
    return verify.submit(gate, rows=rows, rewrites=rewrites, backbone=data.pi_0 if gate.asks_backbone else None)


def shards(experiment: Experiment, targets: Targets) -> Iterator[dict[str, RewriteConfig]]:
    """What one engine makes, a shard of the rewriting: {"001": greedy}, or all samples, {"00-001": …, "07-001": …}."""
    whole = experiment.rewrite
    for number in range(whole.shards):
        shard = whole.model_copy(update={"shard": number})
        drawn = [{"seed": whole.seed + one, "temperature": targets.temperature} for one in range(targets.samples)]
        samples = {f"{one:02}-{number:03}": shard.model_copy(update=update) for one, update in enumerate(drawn)}
        yield samples or {f"{number:03}": shard}


def held_out(experiment: Experiment, data: Data, adapter: Future | None = None) -> Future:
    """How the agent, or pi_0 without one, rewrites rows that no agent was trained on."""
    return measure.submit(experiment.measuring(), backbone=data.pi_0, rows=data.held_out, adapter=adapter)
