"""What verl measured of a step, under the names of steps.jsonl.

In:  {"actor/kl_loss": 0.02, "actor/grad_norm": 0.3, …}, {"gen": 41.2, "update_actor": 20.1, …} (seconds)
Out: {"kl": 0.02, "gradient_norm": 0.3, "seconds_rollout": 41.2, …}

The gate runs beside the rollout: `seconds_gate` is the time of its calls, summed over the step's candidates, and lies
within `seconds_rollout`. The other parts and `seconds_other` add up to the step's `seconds`.
"""

import math
from collections.abc import Mapping
from numbers import Real
from typing import TYPE_CHECKING, Any

from tasks.rows.jsonl import Row
from tasks.train_agent.step_log import measured

if TYPE_CHECKING:  # its module needs torch
    from tasks.train_agent.canary import Canary
    from tasks.train_agent.group_reward import StepRewards

METRICS = {
    "kl": "actor/kl_loss",
    "entropy": "actor/entropy",
    "clipped": "actor/pg_clipfrac",
    "loss": "actor/loss",
    "gradient_norm": "actor/grad_norm",
    "learning_rate": "actor/lr",
}
# The passes over the rollouts that the update needs, and the hand-over of the adapter to the rollout.
UPDATE = ("old_log_prob", "ref", "update_actor", "update_weights")


def step_row(
    rewards: "StepRewards", metrics: Mapping[str, Any], timings: Mapping[str, float], canary: "Canary | None"
) -> Row:
    """The part of a row of steps.jsonl that the engine measures; figures of the rewards are in `step_figures`."""
    row: Row = {name: _number(metrics.get(theirs)) for name, theirs in METRICS.items()}
    update = sum(timings.get(name, 0.0) for name in UPDATE)
    parts = {"rollout": timings["gen"], "update": update, "save": timings.get("save_checkpoint", 0.0)}
    return row | measured(rewards, canary, timings["step"], parts, gate_beside=True)


def numbers(metrics: Mapping[str, Any]) -> Row:
    """verl's own metrics as JSON holds them: None for what is not finite; what is no number is left out."""
    found = {name: float(value) for name, value in metrics.items() if isinstance(value, Real)}
    return {name: value if math.isfinite(value) else None for name, value in found.items()}


def _number(value: Any) -> float | None:
    return None if value is None else float(value)
