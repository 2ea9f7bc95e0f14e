"""What a report shows and what `report --json FILE` writes: one `ReportData`.

Shares and accuracies are fractions of 1, intervals are `low`/`high` at the report's `confidence`, NLL is in nats per
token (eq. 6), durations are in seconds. `null` means: not measured, or not defined (a base model has no yield).

    {"schema_version": 1, "backbone": {"name": "nano", "nano": true, …}, "runs": [{"method": "sft", "seed": 0,
     "scores": {"math500": {"accuracy": 0.41, "n": 200, "correct": 82, "low": 0.344, "high": 0.479, …}}, …}], …}
"""

import json
import math
from typing import Any, Literal

from pydantic import Field, FiniteFloat, JsonValue

from tasks.methods.method import methods
from tasks.report.answer_data import Answered, Subject
from tasks.report.drift_data import Drifts
from tasks.report.values import Count, Estimate, Share
from tasks.report.values import Model as _Model
from tasks.runtime.plain_text import utf8

SCHEMA_VERSION = 1

Kind = Literal["rewrite", "self_solution", "expert"]
Verdict = Literal["passed", "failed", "no verdict"]
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


class Proportion(_Model):
    """A share of n rows with its Wilson interval."""

    rate: Share
    n: Count
    low: Share
    high: Share


class Score(_Model):
    """Accuracy on one benchmark, Wilson interval. Undecided answers count as wrong, truncated ones as they stand."""

    accuracy: Share
    n: Count
    correct: Count
    low: Share
    high: Share
    undecided: Count = Field(default=0, description="answers the verifier could not decide within its deadline")
    truncated: Count = Field(default=0, description="answers cut at the token limit")


class Averages(_Model):
    """Table 1: unweighted means over benchmarks (fractions), and changes against the base (per cent)."""

    math: Estimate | None = Field(default=None, description="MathAvg")
    general: Estimate | None = Field(default=None, description="GeneralAvg")
    overall: Estimate | None = Field(default=None, description="OverallAvg = (MathAvg + GeneralAvg) / 2")
    math_gain_percent: Estimate | None = Field(default=None, description="Math↑ = (M − M_base) / M_base × 100")
    general_drop_percent: Estimate | None = Field(default=None, description="Gen↓ = (G_base − G) / G_base × 100")


class Targets(_Model):
    """What the rows of the assembled dataset are, and why rows fell back to the expert."""

    kinds: dict[Kind, Count]
    fallback_reasons: dict[str, Count] = Field(default_factory=dict)


class TargetNLL(_Model):
    """NLL of the SFT targets under pi_0 (eq. 6), over rows."""

    mean: Estimate
    median: FiniteFloat
    n: Count


class LossPoint(_Model):
    """One logged step of SFT: mean NLL of the target tokens in nats; null where the engine logged NaN."""

    step: Count
    loss: FiniteFloat | None
    epoch: FiniteFloat | None = None
    learning_rate: FiniteFloat | None = None
    grad_norm: FiniteFloat | None = Field(default=None, description="before it is clipped")


class Stability(_Model):
    """How calmly SFT ran, from its logged steps: the paper says that likelier targets make it more stable."""

    steps: Count
    grad_norm: FiniteFloat | None = Field(default=None, description="median over steps, before clipping")
    grad_norm_95: FiniteFloat | None = Field(default=None, description="its 95th percentile")
    grad_norm_most: FiniteFloat | None = None
    spikes: Count = Field(description="steps whose loss leaps up from the steps before (tasks/report/stability.py)")
    roughness: FiniteFloat | None = Field(
        default=None, description="mean change of the loss from step to step, by its mean"
    )


class GrpoStep(_Model):
    """One GRPO step: what progress is judged by (the mean reward measures little but the pass rate)."""

    step: Count
    pass_rate: Share | None = None
    nll_passing: FiniteFloat | None = Field(default=None, description="mean pi_0-NLL of passing rewrites, nats/token")
    diversity: FiniteFloat | None = Field(default=None, description="mean D(S+), eq. 10")
    length: FiniteFloat | None = Field(default=None, description="mean length of rewrites, tokens")


class Artifact(_Model):
    """A reference into the store."""

    kind: str
    key: str
    digest: str


class StageCost(_Model):
    """What one artifact cost when it was built; `cached` says that this run only looked it up."""

    stage: str
    key: str
    seconds: FiniteFloat = Field(ge=0, description="wall time of the build")
    core_seconds: FiniteFloat | None = Field(default=None, ge=0, description="wall time times the cores the stage held")
    gpu_seconds: FiniteFloat | None = Field(default=None, ge=0, description="wall time times the GPUs the stage held")
    cached: bool = False
    planned_seconds: FiniteFloat | None = Field(
        default=None, ge=0, description="wall time that the plan of the building run reckoned"
    )
    work: FiniteFloat | None = Field(default=None, description="amount of work done, in `unit`")
    planned_work: FiniteFloat | None = Field(default=None, description="amount that was planned")
    unit: str = Field(default="", description="tokens, rows, texts …: what the stage's time goes by")


class Run(_Model):
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
        default=None, description="SFT loss over the last tenth of steps, nats/token"
    )
    loss: list[LossPoint] = Field(default_factory=list)
    stability: Stability | None = Field(default=None, description="of the SFT's logged steps")
    grpo: list[GrpoStep] = Field(default_factory=list)
    stages: list[StageCost] = Field(default_factory=list)
    artifacts: dict[str, Artifact] = Field(default_factory=dict)


class Summary(_Model):
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


class Comparison(_Model):
    """method − reference on one measure: paired over rows, seeds nested in methods (bootstrap)."""

    method: str
    reference: str
    measure: Measure
    difference: Estimate
    rows: Count
    seeds: Count = 1

    @property
    def within_noise(self) -> bool:
        """True where the interval holds 0, or where there is none."""
        low, high = self.difference.low, self.difference.high
        return low is None or high is None or low <= 0 <= high


class HeldOut(_Model):
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


class Forgetter(_Model):
    """One trained model in the picture of forgetting."""

    method: str
    seed: int | None = None
    target_nll: FiniteFloat = Field(description="mean NLL under pi_0 of the targets it was trained on, nats per token")
    forgotten: Estimate = Field(description="GeneralAvg of the base minus its own; the interval is over rows, paired")
    other_loss: bool = Field(
        default=False,
        description="trained with another loss than all targets' NLL, or averaged: drawn, not in the slope",
    )


class Forgetting(_Model):
    """What was forgotten against how unlikely the targets were: a point a trained model, and the line through them.

    The slope's interval holds the sampling of rows and, within each method, of seeds; not which methods were compared.
    """

    models: list[Forgetter]
    slope: Estimate | None = Field(default=None, description="share of GeneralAvg forgotten a nat per token, by OLS")
    intercept: FiniteFloat | None = Field(default=None, description="of the line, share forgotten at an NLL of 0")


class Histogram(_Model):
    """NLL under pi_0 of one kind of target, over rows: counts between edges, and how many lay outside."""

    name: str = Field(description="expert, direct rewrite or agent rewrite")
    of: str = Field(default="", description="held-out rows, or the rows that SFT trains on")
    edges: list[FiniteFloat]
    counts: list[Count]
    n: Count
    median: FiniteFloat
    outside: Count = 0


class Version(_Model):
    """One text for a question: the expert's or a rewrite."""

    name: str
    text: str
    verdict: Verdict | None = None
    reason: str | None = None
    nll: FiniteFloat | None = None
    tokens: Count | None = None


class Example(_Model):
    """A row before and after rewriting; the first version is the expert's."""

    id: str
    question: str
    versions: list[Version]


class Cases(_Model):
    """Appendix F: one held-out row rewritten by pi_0 and by the agent, both verified; and how typical its order is."""

    rows: Count = Field(description="held-out rows where the first rewrite of both passes")
    in_order: Share = Field(description="of them: NLL of the expert above the direct rewrite's above the agent's")
    example: Example | None = Field(default=None, description="of those in order the one with the median difference")


class Quarantine(_Model):
    """Rows set aside by a stage, with the reasons."""

    stage: str
    key: str
    rows: Count
    of: Count | None = None
    reasons: dict[str, Count] = Field(default_factory=dict)


class Node(_Model):
    """An artifact in the lineage."""

    key: str
    kind: str
    digest: str = ""
    name: str = Field(default="", description="what tells it from its siblings (benchmark, method, seed)")
    variant: str = Field(default="", description="digest of its config but for seed, shard and benchmarks")
    seconds: FiniteFloat | None = None
    missing: bool = Field(default=False, description="named as an input, but its manifest is not in the store")


class Edge(_Model):
    """`source` is the input called `name` of `target` (both are keys)."""

    source: str
    target: str
    name: str


class Graph(_Model):
    """The lineage: every artifact the report rests on, inputs before what was made of them."""

    nodes: list[Node] = Field(default_factory=list)
    edges: list[Edge] = Field(default_factory=list)


class Backbone(_Model):
    """pi_0."""

    name: str
    digest: str
    nano: bool = Field(description="true for the toy backbone: its figures claim nothing about large models")
    parameters: Count | None = None


class ReportData(_Model):
    """Everything in a report."""

    schema_version: Literal[1] = SCHEMA_VERSION  # type: ignore[assignment]
    backbone: Backbone
    created: str | None = Field(default=None, description="ISO 8601; null leaves the page byte-for-byte reproducible")
    flow_run: str | None = None
    confidence: float = Field(default=0.95, gt=0, lt=1)
    resamples: Count = Field(default=0, description="bootstrap replicates behind the averages' intervals")
    benchmarks: dict[Literal["math", "general"], list[str]] = Field(description="which benchmark counts where")
    base: Run
    runs: list[Run] = Field(default_factory=list)
    summaries: list[Summary] = Field(default_factory=list)
    comparisons: list[Comparison] = Field(default_factory=list)
    forgetting: Forgetting | None = Field(default=None, description="null for fewer than three trained models")
    drift: Drifts | None = Field(default=None, description="null where no run was measured by the thermometers")
    answered: list[Answered] = Field(
        default_factory=list,
        description="what became of the base's answers, one entry a method and group of benchmarks",
    )
    subjects: list[Subject] = Field(default_factory=list, description="the same by subject of a benchmark")
    held_out: list[HeldOut] = Field(default_factory=list)
    histograms: list[Histogram] = Field(default_factory=list)
    cases: Cases | None = Field(default=None, description="null where nothing was rewritten on held-out rows")
    examples: list[Example] = Field(default_factory=list)
    quarantined: list[Quarantine] = Field(default_factory=list)
    lineage: Graph = Field(default_factory=Graph)
    config: dict[str, JsonValue] = Field(default_factory=dict)
    versions: dict[str, str] = Field(default_factory=dict)
    reproduce: list[str] = Field(default_factory=list, description="commands that make this report again")
    notes: list[str] = Field(default_factory=list)

    def methods(self) -> list[str]:
        """Names of the methods in the order of the paper's tables, others behind in the order of the data."""
        seen = dict.fromkeys(run.method for run in [self.base, *self.runs])
        return sorted(seen, key=lambda name: ORDER.index(name) if name in ORDER else len(ORDER))

    def runs_of(self, method: str) -> list[Run]:
        """The method's runs, by seed."""
        return sorted((r for r in [self.base, *self.runs] if r.method == method), key=lambda r: r.seed or 0)


LABELS = {"base": "base"} | {name: one.label for name, one in methods().items()}
ORDER = list(LABELS)
LABELS |= {
    "no_dist": "w/o r_dist",
    "no_div": "w/o r_div",
    "task_only": "task-only",
    "soft_shaping": "soft shaping",
    "success_only": "success-only",
} | {f"k{k}": f"K = {k}" for k in (5, 10, 15, 20)}  # of flows/ablation.py
LABELS |= {"untrained": "untrained rewriter"}  # a reference of comparisons, not a method


def to_json(data: ReportData) -> str:
    """The JSON of `report --json`: UTF-8, indented, no NaN."""
    return json.dumps(_strict(data.model_dump(mode="json")), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _strict(value: Any) -> Any:
    """What JSON in UTF-8 can hold: no lone surrogates (json.loads lets them in), null for what is not finite."""
    if isinstance(value, str):
        return utf8(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {utf8(key): _strict(entry) for key, entry in value.items()}
    return [_strict(entry) for entry in value] if isinstance(value, list) else value


def schema() -> dict[str, Any]:
    """JSON schema of `to_json`'s output (docs/report.schema.json)."""
    return ReportData.model_json_schema(mode="serialization")


if __name__ == "__main__":  # python -m tasks.report.data > docs/report.schema.json
    print(json.dumps(schema(), indent=1, ensure_ascii=False))
