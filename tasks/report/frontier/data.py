"""What a frontier shows, and its frontier.json. Accuracies are shares of 1, as in the report.

{"backbone": "nano", "nano": true, "rates": [0.0008, 0.0012], "points": [{"method": "sft", "rate": 0.0008, …}],
 "matched": [{"method": "wise_ft", "reference": "sft", "outcome": "general accuracy", "level": 0.795, "value": {…},
              "difference": {…}, …}], …}

An outcome is what is compared where methods gained the same: general accuracy; where answers were sampled, pass@n
downstream or in general, which of equal greedy accuracies says what else a model can still find; or how far a
thermometer has risen above pi_0's own (nats per token): it spreads far less between seeds.
"""

from typing import Literal, get_args

from pydantic import Field, FiniteFloat

from tasks.report.schema.values import Count, Estimate, Share
from tasks.report.schema.values import Model as _Model

SFT = "sft"  # sets the levels and the regimes, and is what methods are held against unless another is named
Rise = Literal["NLL of own answers, general", "KL(pi_0 || pi), general answers"]  # of the report's thermometers
Outcome = Literal["general accuracy", "downstream pass@n", "general pass@n", Rise]
GENERAL: Outcome = "general accuracy"
PASSES: Outcome = "downstream pass@n"
GENERAL_PASSES: Outcome = "general pass@n"
RISES: tuple[Rise, ...] = get_args(Rise)
# How an outcome is called in a title, its unit, and the factor and digits of its figures.
SHOWN: dict[Outcome, tuple[str, str, float, int]] = {
    GENERAL: ("general accuracy", "%", 100, 1),
    PASSES: ("downstream pass@{n}", "%", 100, 1),
    GENERAL_PASSES: ("general pass@{n}", "%", 100, 1),
    "NLL of own answers, general": ("rise of the NLL of the backbone’s own answers", "nats/token", 1, 3),
    "KL(pi_0 || pi), general answers": ("KL(π₀‖π) on the backbone’s own answers", "nats/token", 1, 3),
}


class Point(_Model):
    """One method at one learning rate and strength, over its seeds."""

    method: str
    strength: FiniteFloat | None = Field(
        default=None, description="null where the method was run at its file's own strength alone, or has none"
    )
    rate: FiniteFloat
    seeds: Count
    math: Estimate = Field(description="MathAvg, downstream accuracy")
    general: Estimate = Field(description="GeneralAvg")
    passes: Estimate | None = Field(default=None, description="pass@n, mean over the downstream benchmarks")
    general_passes: Estimate | None = Field(default=None, description="the same over the general ones")
    rises: dict[Outcome, Estimate] = Field(
        default_factory=dict, description="how far thermometers have risen above pi_0's own, nats per token"
    )
    best: bool = Field(description="no other point of any method has both more downstream and more general accuracy")

    def of(self, outcome: Outcome) -> Estimate | None:
        """Its figure of an outcome; None where that was not measured."""
        shares = {GENERAL: self.general, PASSES: self.passes, GENERAL_PASSES: self.general_passes}
        return shares[outcome] if outcome in shares else self.rises.get(outcome)


class Regime(_Model):
    """What a comparison at this rate can show, told from vanilla SFT alone, before a method is looked at."""

    rate: FiniteFloat
    forgotten: FiniteFloat | None = Field(description="GeneralAvg of the base minus SFT's mean over seeds")
    between_seeds: FiniteFloat | None = Field(description="standard deviation of SFT's GeneralAvg over its seeds")
    rise: FiniteFloat | None = Field(
        default=None, description="SFT's mean rise of the NLL of the backbone's own answers, nats per token"
    )
    rise_between_seeds: FiniteFloat | None = Field(default=None, description="its standard deviation over SFT's seeds")
    name: Literal["gradual", "cliff", "lost", "unknown"]


class Difference(_Model):
    """An outcome of a method minus the reference's: at the same rate, at the same downstream accuracy, or each at its
    own best rate."""

    method: str
    reference: str
    outcome: Outcome = GENERAL
    level: Share | None = Field(default=None, description="downstream accuracy of both, where they are matched")
    reached: Share = Field(default=1.0, description="share of the replicates in which both curves reach the level")
    rates: list[FiniteFloat] = Field(
        default_factory=list,
        description="both's, or the method's own best: the validation rows' choice, or each half's",
    )
    strengths: list[FiniteFloat] = Field(
        default_factory=list,
        description="of several that the method was run at: this one, or what was chosen, as rates",
    )
    math: Estimate | None = Field(default=None, description="the method's MathAvg; None where it is matched")
    math_difference: Estimate | None = Field(default=None, description="its MathAvg minus the reference's, same rate")
    value: Estimate | None = Field(default=None, description="the method's own; None where its curve ends below")
    difference: Estimate | None = None
    unmeasured: bool = Field(
        default=False, description="one of the two is read off the line from the backbone to its lowest rate"
    )
    p: Share | None = Field(
        default=None, description="two-sided, by the interval's replicates; None where a method has one seed"
    )
    holm: Share | None = Field(default=None, description="corrected for the number of methods in its table (Holm)")


class Frontier(_Model):
    """Everything in a frontier."""

    schema_version: Literal[2] = 2
    backbone: str
    nano: bool
    against: str = Field(default=SFT, description="the method that all others are held against")
    confidence: float = Field(gt=0, lt=1)
    resamples: Count
    benchmarks: dict[Literal["math", "general"], list[str]]
    questions: dict[Literal["math", "general"], Count]
    outcomes: dict[Outcome, Count] = Field(description="what is compared, and over how many questions or texts")
    rates: list[FiniteFloat]
    validation_rows: Count | None = Field(
        default=None,
        description="rows that no benchmark holds, by which rates and strengths were chosen; null: by one half of the "
        "downstream questions, told on the other, both ways round",
    )
    base_math: Estimate
    base_general: Estimate
    base_passes: Estimate | None = None
    base_general_passes: Estimate | None = None
    samples: Count | None = Field(default=None, description="answers sampled to each question: n of pass@n")
    points: list[Point]
    regimes: list[Regime]
    same_rate: list[Difference]
    matched: list[Difference]
    own_best: list[Difference]

    def called(self, outcome: Outcome) -> str:
        """How a title calls an outcome: downstream pass@16."""
        return SHOWN[outcome][0].format(n=self.samples)

    def base_of(self, outcome: Outcome) -> float:
        """pi_0's own figure, where every curve begins."""
        shares = {GENERAL: self.base_general, PASSES: self.base_passes, GENERAL_PASSES: self.base_general_passes}
        found = shares.get(outcome)
        return found.value if found else 0.0

    def methods(self) -> list[str]:
        """Methods in the order of the tables."""
        return list(dict.fromkeys(point.method for point in self.points))

    def points_of(self, method: str) -> list[Point]:
        """A method's points, by strength and rate: its curve, where it has one strength."""
        found = (one for one in self.points if one.method == method)
        return sorted(found, key=lambda one: (one.strength or 0.0, one.rate))

    def strengths_of(self, method: str) -> list[float]:
        """The strengths that a method was run at; none where it was run at its file's own alone, or has none."""
        return sorted({one.strength for one in self.points if one.method == method and one.strength is not None})
