"""One run in the report: a method with a training seed, its scores, targets, SFT, agent and cost.

{"method": "sft", "seed": 0, "scores": {"math500": {"accuracy": 0.41, "n": 200, "correct": 82, "low": 0.344, …}}, …}
"""

from typing import Literal

from pydantic import Field, FiniteFloat

from tasks.report.schema.values import Count, Estimate, Model, Proportion, Share

Kind = Literal["rewrite", "self_solution", "expert"]


class Score(Model):
    """Accuracy on one benchmark, Wilson interval. Undecided answers count as wrong, truncated ones as they stand."""

    accuracy: Share
    n: Count
    correct: Count
    low: Share
    high: Share
    undecided: Count = Field(default=0, description="answers the verifier could not decide within its deadline")
    truncated: Count = Field(default=0, description="answers cut at the token limit")


class Averages(Model):
    """Table 1: unweighted means over benchmarks (fractions), and changes against the base (per cent)."""

    math: Estimate | None = Field(default=None, description="MathAvg")
    general: Estimate | None = Field(default=None, description="GeneralAvg")
    overall: Estimate | None = Field(default=None, description="OverallAvg = (MathAvg + GeneralAvg) / 2")
    math_gain_percent: Estimate | None = Field(default=None, description="Math↑ = (M − M_base) / M_base × 100")
    general_drop_percent: Estimate | None = Field(default=None, description="Gen↓ = (G_base − G) / G_base × 100")


class Targets(Model):
    """What the rows of the assembled dataset are, and why rows fell back to the expert."""

    kinds: dict[Kind, Count]
    fallback_reasons: dict[str, Count] = Field(default_factory=dict)


class TargetNLL(Model):
    """NLL of the SFT targets under pi_0 (eq. 6), over rows."""

    mean: Estimate
    median: FiniteFloat
    n: Count


class LossPoint(Model):
    """One logged step of SFT: mean NLL of the target tokens in nats; null where the engine logged NaN."""

    step: Count
    loss: FiniteFloat | None
    epoch: FiniteFloat | None = None
    learning_rate: FiniteFloat | None = None
    grad_norm: FiniteFloat | None = Field(default=None, description="before it is clipped")


class Stability(Model):
    """How calmly SFT ran, from its logged steps: the paper says that likelier targets make it more stable."""

    steps: Count
    grad_norm: FiniteFloat | None = Field(default=None, description="median over steps, before clipping")
    grad_norm_95: FiniteFloat | None = Field(default=None, description="its 95th percentile")
    grad_norm_most: FiniteFloat | None = None
    spikes: Count = Field(
        description="steps whose loss leaps up from the steps before (tasks/report/computed/stability.py)"
    )
    roughness: FiniteFloat | None = Field(
        default=None, description="mean change of the loss from step to step, by its mean"
    )


class GrpoStep(Model):
    """One GRPO step: what progress is judged by (the mean reward measures little but the pass rate)."""

    step: Count
    pass_rate: Share | None = None
    nll_passing: FiniteFloat | None = Field(default=None, description="mean pi_0-NLL of passing rewrites, nats/token")
    diversity: FiniteFloat | None = Field(default=None, description="mean D(S+), eq. 10")
    length: FiniteFloat | None = Field(default=None, description="mean length of rewrites, tokens")


class Artifact(Model):
    """A reference into the store."""

    kind: str
    key: str
    digest: str


class StageCost(Model):
    """What one artifact cost when it was built; `cached` says that this run only looked it up."""

    stage: str
    key: str
    seconds: FiniteFloat = Field(ge=0, description="wall time of the build")
    core_seconds: FiniteFloat | None = Field(default=None, ge=0, description="wall time times the cores the stage held")
    gpu_seconds: FiniteFloat | None = Field(default=None, ge=0, description="wall time times the GPUs the stage held")
    peak_bytes: Count | None = Field(
        default=None, description="most memory that the largest process of its engines held at once"
    )
    cached: bool = False
    planned_seconds: FiniteFloat | None = Field(
        default=None, ge=0, description="wall time that the plan of the building run reckoned"
    )
    work: FiniteFloat | None = Field(default=None, description="amount of work done, in `unit`")
    planned_work: FiniteFloat | None = Field(default=None, description="amount that was planned")
    unit: str = Field(default="", description="tokens, rows, texts …: what the stage's time goes by")


class Run(Model):
    """One method with one training seed. The untrained backbone is the run `base` with seed null."""

    method: str
    seed: int | None = None
    scores: dict[str, Score] = Field(default_factory=dict)
    averages: Averages = Field(default_factory=lambda: Averages())
    tc_yield: Proportion | None = Field(default=None, description="task-consistency yield: rewrites that pass the gate")
    no_verdict: Count = Field(default=0, description="rewrites for which no verdict could be had; not in the yield's n")
    targets: Targets | None = None
    target_nll: TargetNLL | None = None
    final_loss: FiniteFloat | None = Field(
        default=None,
        description="SFT loss over the last tenth of steps: the method's own, nats/token where it is the NLL",
    )
    loss: list[LossPoint] = Field(default_factory=list)
    stability: Stability | None = Field(default=None, description="of the SFT's logged steps")
    rounded_back: Share | None = Field(
        default=None, description="of the weights that SFT moved, those that are the backbone's again in bfloat16"
    )
    read_in_bfloat16: list[Literal["evaluate", "drift"]] = Field(
        default_factory=list, description="stages that read this model in bfloat16"
    )
    grpo: list[GrpoStep] = Field(default_factory=list)
    stages: list[StageCost] = Field(default_factory=list)
    artifacts: dict[str, Artifact] = Field(default_factory=dict)
