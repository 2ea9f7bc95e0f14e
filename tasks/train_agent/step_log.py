"""What one GRPO step looked like: a row of steps.jsonl, and some of its rewrites in samples.jsonl.

steps.jsonl    {"step": 7, "pass_rate": 0.61, "nll": 0.42, "diversity": 0.03, "length": 33.1, "kl": 0.02, …}
samples.jsonl  {"step": 10, "id": "r1", "question": "…", "expert": "…", "rewrite": "…", "passed": true, "nll": 0.3, …}

Progress is judged by pass rate, NLL and length of the passing rewrites, and D(S+). The mean reward says little more
than the pass rate: within a group the mean of r_dist is near 0.5 whatever the agent does.
"""

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tasks.rewards.config import DIVERSITY_OF
from tasks.rows.agent_rows import AgentRow
from tasks.rows.jsonl import Row, read_rows, write_rows
from tasks.runtime.progress.progress import report
from tasks.train_agent.config import TrainAgentConfig
from tasks.verify.verify import answer_alone

SUMMED_UP = ("pass_rate", "nll", "diversity", "length_passing", "kl")
MOST = 0.5  # share of groups without signal from which on it is told

if TYPE_CHECKING:  # its module needs torch, which reading a log does not
    from tasks.train_agent.canary import Canary
    from tasks.train_agent.group_reward import StepRewards


def step_figures(step: "StepRewards", rows: Mapping[str, AgentRow]) -> Row:
    """Figures of one step's samples; None where a figure has nothing to be computed from."""
    verdicts, samples = step.verdicts, step.samples
    passed = np.array([verdict.passed is True for verdict in verdicts])
    correct = np.array([verdict.answer.verdict == "correct" for verdict in verdicts])
    judged = [v.reasoning.valid for v in verdicts if v.reasoning is not None and v.reasoning.valid is not None]
    scored = np.isfinite(step.nll)
    nll, lengths = step.nll[passed & scored], np.array([sample.tokens for sample in samples])
    groups = [rewards for _, rewards in step.groups]
    diversities = [r.diversity for r in groups if r.diversity is not None and r.feasible >= DIVERSITY_OF]
    return {
        "pass_rate": float(passed.mean()),
        "v_ans": float(correct.mean()),
        "v_rea": float(np.mean(judged)) if judged else None,
        "undecided": float(np.mean([verdict.answer.verdict == "undecided" for verdict in verdicts])),
        "no_verdict": float(np.mean([verdict.passed is None for verdict in verdicts])),
        "nll": _mean(nll),
        "nll_p10": _quantile(nll, 0.1),
        "nll_p50": _quantile(nll, 0.5),
        "nll_p90": _quantile(nll, 0.9),
        "r_dist": _mean(np.concatenate([rewards.r_dist[rewards.shaped] for rewards in groups])),
        "r_div": _mean(np.concatenate([rewards.r_div[rewards.shaped] for rewards in groups])),
        "reward": float(np.mean(step.totals)),
        "diversity": float(np.mean(diversities)) if diversities else None,
        "diversity_groups": len(diversities),
        "groups": len(groups),
        "groups_without_signal": sum(not rewards.has_signal for rewards in groups),
        "length": float(lengths.mean()),
        "length_passing": _mean(lengths[passed]),
        "truncated": float(np.mean([not sample.finished for sample in samples])),
        "answer_alone": _mean([answer_alone(s.text) for s, passes in zip(samples, passed, strict=True) if passes]),
        "copies": float(np.mean([_words(s.text) == _words(rows[s.row].solution) for s in samples])),
        "different": float(np.mean([len({samples[i].text for i in group}) / len(group) for group, _ in step.groups])),
        "retokenized": float(step.retokenized.sum() / max(1, scored.sum())),
    }


def sample_rows(number: int, step: "StepRewards", rows: Mapping[str, AgentRow], groups: int) -> list[Row]:
    """Rewrites of the step's first groups with the components of their rewards."""
    made: list[Row] = []
    for positions, rewards in step.groups[:groups]:
        for place, i in enumerate(positions):
            sample, verdict = step.samples[i], step.verdicts[i]
            row = rows[sample.row]
            made.append(
                {
                    "step": number,
                    "id": row.id,
                    "question": row.question,
                    "expert": row.solution,
                    "rewrite": sample.text,
                    "finished": sample.finished,
                    "tokens": sample.tokens,
                    "passed": verdict.passed,
                    "answer": verdict.answer.verdict,
                    "reasoning": verdict.reasoning.valid if verdict.reasoning else None,
                    "nll": None if math.isnan(step.nll[i]) else float(step.nll[i]),
                    "r_dist": float(rewards.r_dist[place]),
                    "r_div": float(rewards.r_div[place]),
                    "total": float(rewards.total[place]),
                }
            )
    return made


def measured(
    step: "StepRewards", canary: "Canary | None", seconds: float, engine: Mapping[str, float], gate_beside: bool = False
) -> Row:
    """The step's canary and its time by part, in seconds; `other` is what no part took.

    Args:
        seconds: of the whole step.
        engine: seconds of rollout, update and save (a checkpoint), which the engine measures.
        gate_beside: the gate ran beside the rollout. `seconds_gate` is then the sum over the step's candidates, which
            may be more than the step took, and no part of the step's time.
    """
    parts = dict(engine) | {name: step.seconds[name] for name in ("gate", "nll", "embedding")}
    in_step = sum(value for name, value in parts.items() if not (gate_beside and name == "gate"))
    return {
        "canary_mismatch": canary.mismatch if canary else None,
        "canary_shift": canary.shift if canary else None,
        "seconds": seconds,
        **{f"seconds_{name}": value for name, value in parts.items()},
        "seconds_other": seconds - in_step,
        "tokens_per_second": sum(sample.tokens for sample in step.samples) / seconds,
    }


def samples_due(config: TrainAgentConfig, step: int, steps: int) -> bool:
    """Whether this step's rewrites go to samples.jsonl: the first, the last and every `samples_every`-th."""
    return config.samples > 0 and (step == 1 or step % config.samples_every == 0 or step == steps)


def report_step(row: Row, steps: int) -> None:
    """Say how far the training is, and where most groups teach nothing, that."""
    shown = {name: row[name] for name in ("pass_rate", "nll", "reward") if row[name] is not None}
    if (silent := without_signal(row)) > MOST:
        shown["groups_without_signal"] = silent
    report(row["step"], steps, "steps", **shown)


def without_signal(row: Row) -> float:
    """Share of a step's groups whose rewards are all equal: they teach nothing."""
    return float(row["groups_without_signal"] / row["groups"])


def summary(rows: list[Row]) -> dict[str, float | int]:
    """Figures of the run for the manifest: the first and the last three steps, and the time."""
    figures: dict[str, float | int] = {"steps": len(rows), "seconds": sum(row["seconds"] for row in rows)}
    for label, part in (("first", rows[:3]), ("last", rows[-3:])):
        means = {name: [row[name] for row in part if row[name] is not None] for name in SUMMED_UP}
        means["groups_without_signal"] = [without_signal(row) for row in part]
        figures |= {f"{name}_{label}": sum(values) / len(values) for name, values in means.items() if values}
    return figures


class StepLog:
    """A JSON lines file that grows a step at a time and can be cut back to a step."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def cut_after(self, step: int) -> None:
        """Drop rows of later steps and a half-written last line: a resumed attempt writes them again."""
        if not self.path.exists():
            return
        whole = self.path.with_suffix(".whole")
        text = self.path.read_text(encoding="utf-8")
        whole.write_text(text[: text.rfind("\n") + 1], encoding="utf-8")
        write_rows(self.path, [row for row in read_rows(whole) if row["step"] <= step])
        whole.unlink()

    def append(self, rows: list[Row]) -> None:
        with self.path.open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
            file.flush()
            os.fsync(file.fileno())

    def rows(self) -> list[Row]:
        return list(read_rows(self.path)) if self.path.exists() else []


def _words(text: str) -> list[str]:
    return text.split()


def _mean(values: Any) -> float | None:
    return float(np.mean(values)) if len(values) else None


def _quantile(values: Any, q: float) -> float | None:
    return float(np.quantile(values, q)) if len(values) else None
