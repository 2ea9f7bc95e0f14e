"""The measuring engine: sampled rewrites of held-out rows, with verdicts, NLL under pi_0 and diversity.

In:  a spec (MeasureSpec)
Out: rows.jsonl, rewrites.jsonl (see measure.py), scratch/metrics.json
"""

import shutil
from typing import Any

import numpy as np
import torch

from tasks.generation.rollout import Sampling, sample
from tasks.measure.config import MeasureConfig
from tasks.measure.spec import MeasureSpec
from tasks.rewards.config import RewardConfig
from tasks.rows.agent_rows import AgentRow, agent_rows
from tasks.rows.jsonl import Row, read_rows, write_rows
from tasks.rows.precision import resolve
from tasks.rows.tokens import ChatTokens
from tasks.runtime.progress import report
from tasks.runtime.spec import read_spec, write_metrics
from tasks.score.embeddings import Embedder
from tasks.score.load import context_of, load_backbone
from tasks.score.nll import NLLScorer, Target
from tasks.train_agent.group_reward import GroupReward, Sample, experts
from tasks.verify.fitness import require_self_fit
from tasks.verify.gate import read_of


def main() -> None:
    spec = read_spec(MeasureSpec)
    config = spec.config
    chat = ChatTokens(spec.backbone)
    model = load_backbone(spec.backbone, config.dtype, spec.cuda)
    context = context_of(model.config)
    if spec.adapter is not None:
        from peft import PeftModel

        model = PeftModel.from_pretrained(model, spec.adapter).eval()
    rows, counts = agent_rows(spec.rows, chat, config.max_prompt_tokens, config.max_new_tokens, context)
    sampling = Sampling(config.max_new_tokens, config.temperature, tuple(chat.stop_ids))
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
                # A stream of its own for each batch: a resumed attempt draws what an undisturbed one would.
                generator = torch.Generator(model.device).manual_seed(config.seed * 1_000_003 + number)
                write_rows(file, _measured(batch, model, chat, sampling, reward, generator))
            report(min(len(rows), (number + 1) * config.rows_per_batch), len(rows))
    found = [row for file in files for row in read_rows(file)]
    write_rows(spec.out / "rewrites.jsonl", ({"id": row["id"]} | one for row in found for one in row["rewrites"]))
    measured = [{name: value for name, value in row.items() if name != "rewrites"} for row in found]
    write_rows(spec.out / "rows.jsonl", measured)
    fitted = {"rows": counts.kept, "overlong": counts.overlong, "no_room": counts.no_room}
    dtype = resolve(config.dtype, spec.backbone, spec.cuda)
    write_metrics(spec.out, {**fitted, **figures(measured, config), "dtype": dtype})
    shutil.rmtree(scratch)


def _measured(
    batch: list[AgentRow],
    model: Any,
    chat: ChatTokens,
    sampling: Sampling,
    reward: GroupReward,
    generator: torch.Generator,
) -> list[Row]:
    k = reward.candidates
    rollouts = sample(model, [row.prompt for row in batch], k, sampling, generator)
    texts = chat.tokenizer.batch_decode([rollout.ids for rollout in rollouts], skip_special_tokens=True)
    samples = [
        Sample(batch[i // k].id, text, rollout.ids, rollout.finished)
        for i, (text, rollout) in enumerate(zip(texts, rollouts, strict=True))
    ]
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
                "length": float(np.mean([samples[i].tokens for i in passing])) if passing else None,
                "diversity": rewards.diversity,
                "expert_nll": expert.nll,
                "expert_length": expert.tokens,
                "rewrites": [
                    {
                        "text": samples[i].text,
                        "finished": samples[i].finished,
                        "tokens": samples[i].tokens,
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
