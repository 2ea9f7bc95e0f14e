"""The measuring engine: sampled rewrites of held-out rows, with verdicts, NLL under pi_0 and diversity.

In:  a spec (MeasureSpec)
Out: rows.jsonl, rewrites.jsonl (see measure.py), scratch/metrics.json

First vLLM samples all candidates, each a row of its own ("a/7#003") that is kept when it has ended; then its memory is
given back, and the backbone in transformers scores them, batch by batch.
"""

import shutil
from collections.abc import Mapping, Sequence

import numpy as np

from tasks.generation.sampler import Sampler
from tasks.generation.vllm_sampling import Decoding
from tasks.measure.config import MeasureConfig
from tasks.measure.spec import MeasureSpec
from tasks.rewards.config import RewardConfig
from tasks.rows.agent_rows import AgentRow, agent_rows
from tasks.rows.context import context_for, longest_context
from tasks.rows.jsonl import Row, read_rows, write_rows
from tasks.rows.precision import resolve
from tasks.rows.tokens import ChatTokens
from tasks.runtime.engines.spec import read_spec, write_metrics
from tasks.runtime.progress.progress import report
from tasks.score.embeddings import Embedder
from tasks.score.load import load_backbone
from tasks.score.nll import NLLScorer, Target
from tasks.train_agent.group_reward import GroupReward, Sample, experts
from tasks.verify.fitness import require_self_fit
from tasks.verify.gate import read_of


def main() -> None:
    spec = read_spec(MeasureSpec)
    config = spec.config
    chat = ChatTokens(spec.backbone)
    limit = longest_context(spec.backbone)
    rows, counts = agent_rows(spec.rows, chat, config.max_prompt_tokens, config.max_new_tokens, limit)
    sampled = _sampled(spec, rows)
    model = load_backbone(spec.backbone, config.dtype, spec.cuda)
    batches = [rows[start : start + config.rows_per_batch] for start in range(0, len(rows), config.rows_per_batch)]
    scratch = spec.out / "scratch" / "batches"
    scratch.mkdir(parents=True, exist_ok=True)
    files = [scratch / f"{number:06d}.jsonl" for number in range(len(batches))]
    with config.gate.open(spec.backbone, read_of(config.gate, model, spec.backbone)) as verifier:
        require_self_fit(config.gate, verifier.judge, experts(rows))
        reward = GroupReward(
            RewardConfig(),
            config.candidates,
            {row.id: row for row in rows},
            verifier,
            NLLScorer.from_model(model, chat),
            Embedder(spec.embedder, spec.cuda),
        )
        for number, (batch, file) in enumerate(zip(batches, files, strict=True)):
            if not file.exists():
                write_rows(file, _measured(batch, chat, sampled, reward))
            report(min(len(rows), (number + 1) * config.rows_per_batch), len(rows))
    found = [row for file in files for row in read_rows(file)]
    write_rows(spec.out / "rewrites.jsonl", ({"id": row["id"]} | one for row in found for one in row["rewrites"]))
    measured = [{name: value for name, value in row.items() if name != "rewrites"} for row in found]
    write_rows(spec.out / "rows.jsonl", measured)
    fitted = {"rows": counts.kept, "overlong": counts.overlong, "no_room": counts.no_room}
    dtype = resolve(config.dtype, spec.backbone, spec.cuda)
    write_metrics(spec.out, {**fitted, **figures(measured, config), "dtype": dtype})
    shutil.rmtree(scratch)


def _sampled(spec: MeasureSpec, rows: Sequence[AgentRow]) -> dict[str, Row]:
    """Every candidate by its id; the engine is gone when they are there."""
    config = spec.config
    prompts = {_candidate(row.id, number): row.prompt for row in rows for number in range(config.candidates)}
    decoding = Decoding(config.max_new_tokens, config.temperature, seed=config.seed)
    sampler = Sampler(
        spec.backbone,
        config,
        context_for(spec.backbone, config.max_prompt_tokens, config.max_new_tokens),
        spec.cuda,
        config.dtype,
        adapter=spec.adapter,
        shared_prompts=True,
    )
    try:
        made = sampler.complete(spec.out / "scratch", decoding, list(prompts), prompts, "rewrites")
        return {row["id"]: row for row in made}
    finally:
        sampler.close()


def _candidate(row_id: str, number: int) -> str:
    return f"{row_id}#{number:03}"


def _measured(batch: list[AgentRow], chat: ChatTokens, sampled: Mapping[str, Row], reward: GroupReward) -> list[Row]:
    k = reward.candidates
    drawn = [(row.id, sampled[_candidate(row.id, number)]) for row in batch for number in range(k)]
    samples = [
        Sample(row_id, one["text"], chat.target(one["text"], one["finished"]), one["finished"]) for row_id, one in drawn
    ]
    lengths = [one["tokens"] for _, one in drawn]  # as drawn; the text read again may have others
    step = reward(samples)
    experts = reward.scorer.score([Target(row.id, row.question, row.solution, domain=row.domain) for row in batch])
    made: list[Row] = []
    for row, expert, (positions, rewards) in zip(batch, experts, step.groups, strict=True):
        passing = [i for i in positions if step.verdicts[i].passed is True]
        nll = [step.nll[i] for i in passing if np.isfinite(step.nll[i])]
        made.append(
            {
                "id": row.id,
                "candidates": k,
                "passed": len(passing),
                "no_verdict": sum(step.verdicts[i].passed is None for i in positions),
                "nll": float(np.mean(nll)) if nll else None,
                "length": float(np.mean([lengths[i] for i in passing])) if passing else None,
                "diversity": rewards.diversity,
                "expert_nll": expert.nll,
                "expert_length": expert.tokens,
                "rewrites": [
                    {
                        "text": samples[i].text,
                        "finished": samples[i].finished,
                        "tokens": lengths[i],
                        "passed": step.verdicts[i].passed,
                        "nll": None if np.isnan(step.nll[i]) else float(step.nll[i]),
                    }
                    for i in positions
                ],
            }
        )
    return made


def figures(rows: list[Row], config: MeasureConfig) -> dict[str, float | int]:
    """Means over rows; of `diversity` over those with enough passing rewrites (fixed m)."""
    enough = [row["diversity"] for row in rows if row["passed"] >= config.diversity_of]
    made: dict[str, float | int] = {"diversity_rows": len(enough)}
    columns = {name: [row[name] for row in rows if row[name] is not None] for name in ("nll", "length")}
    columns |= {"expert_nll": [row["expert_nll"] for row in rows]}
    columns |= {"expert_length": [row["expert_length"] for row in rows], "diversity": enough}
    columns |= {"pass_rate": [row["passed"] / row["candidates"] for row in rows]}
    return made | {name: float(np.mean(values)) for name, values in columns.items() if values}


if __name__ == "__main__":
    main()
