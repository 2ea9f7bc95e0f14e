"""Methods over their seeds in the report, and what differs from what.

{"method": "sdft", "reference": "sft", "measure": "GeneralAvg", "difference": {"value": 0.03, "low": -0.01, …}, …}
"""

from typing import Literal

from pydantic import Field, FiniteFloat

from tasks.report.schema.run_data import Averages
from tasks.report.schema.values import Contrast, Count, Estimate, Model, Share

Measure = Literal[
    "MathAvg",
    "GeneralAvg",
    "OverallAvg",
    "yield",
    "target NLL",
    "held-out pass rate",
    "held-out NLL",
    "held-out D(S+)",
    "held-out length",
]


class Summary(Model):
    """A method over its seeds: the rows of the headline table."""

    method: str
    seeds: list[int] = Field(default_factory=list)
    averages: Averages
    tc_yield: Estimate | None = None
    tc_yield_n: Count = 0
    target_nll: Estimate | None = None
    final_loss: Estimate | None = Field(default=None, description="mean over seeds; its interval is their range")

    @property
    def has_figures(self) -> bool:
        """False for an agent that was measured as a rewriter and nothing was fine-tuned with."""
        figures = (*dict(self.averages).values(), self.tc_yield, self.target_nll, self.final_loss)
        return any(figure is not None for figure in figures)


class Comparison(Model):
    """method − reference on one measure: paired over rows, seeds nested in methods (bootstrap).

    Holm's correction is for the methods that are compared with that reference on that measure.
    """

    method: str
    reference: str
    measure: Measure
    difference: Contrast
    rows: Count
    seeds: Count = 1

    @property
    def within_noise(self) -> bool:
        """True where the interval holds 0, or where there is none."""
        low, high = self.difference.low, self.difference.high
        return low is None or high is None or low <= 0 <= high


class HeldOut(Model):
    """How a rewriter does on rows that no agent was trained on; `untrained` is pi_0 with the template."""

    rewriter: str
    seeds: Count = Field(description="training seeds of the agent; 1 for the untrained rewriter")
    rows: Count
    candidates: Count = Field(description="rewrites sampled of each row")
    pass_rate: Estimate
    nll_passing: Estimate | None = Field(default=None, description="pi_0-NLL of passing rewrites, nats per token")
    nll_rows: Count = Field(default=0, description="rows on which every rewriter has a passing rewrite")
    diversity: Estimate | None = Field(default=None, description="D(S+), eq. 10, at a fixed number of rewrites")
    diversity_rows: Count = 0
    mean_length: Estimate | None = Field(
        default=None, description="mean tokens of passing rewrites, on the rows of nll_passing"
    )
    length: FiniteFloat | None = Field(default=None, description="median tokens of passing rewrites")
    expert_length: FiniteFloat | None = Field(default=None, description="median tokens of the expert's solutions")
    answer_alone: Share | None = Field(
        default=None, description="of the passing rewrites, those that say nothing but the answer"
    )


class Forgetter(Model):
    """One trained model in the picture of forgetting."""

    method: str
    seed: int | None = None
    target_nll: FiniteFloat = Field(description="mean NLL under pi_0 of the targets it was trained on, nats per token")
    forgotten: Estimate = Field(description="GeneralAvg of the base minus its own; the interval is over rows, paired")
    other_loss: bool = Field(
        default=False,
        description="trained with another loss than all targets' NLL, or averaged: drawn, not in the slope",
    )


class Forgetting(Model):
    """What was forgotten against how unlikely the targets were: a point a trained model, and the line through them.

    The slope's interval holds the sampling of rows and, within each method, of seeds; not which methods were compared.
    """

    models: list[Forgetter]
    slope: Estimate | None = Field(default=None, description="share of GeneralAvg forgotten a nat per token, by OLS")
    intercept: FiniteFloat | None = Field(default=None, description="of the line, share forgotten at an NLL of 0")
