"""Calibration in the report: whether models are right as often as they are sure, on multiple choice by likelihood.

{"method": "sft", "of": "mmlu_likelihood", "questions": 1200, "seeds": 3, "ece": 0.081, "ece_by_chance": 0.019,
 "figures": {"Brier": {"value": 0.61, …}, …}, "bins": [{"confidence": 0.93, "right": 0.81, "n": 120}, …]}
"""

from typing import Literal

from pydantic import Field

from tasks.report.schema.values import Contrast, Count, Estimate, Model, Share

Figure = Literal["right", "overconfidence", "Brier", "NLL"]

# Heading, unit, factor and digits of a figure's column.
COLUMNS: tuple[tuple[Figure, str, str, float, int], ...] = (
    ("right", "right by likelihood", "%", 100, 1),
    ("overconfidence", "confidence − right", "points", 100, 1),
    ("Brier", "Brier", "0 to 2", 1, 3),
    ("NLL", "NLL", "nats", 1, 3),
)


class Bin(Model):
    """A tenth of the questions of all seeds: how sure the model was of its likeliest letter, how often it was right."""

    confidence: Share
    right: Share
    n: Count


class Calibrated(Model):
    """One method on one set of questions. A letter's probability is the softmax over the letters' likelihoods."""

    method: str
    of: str = Field(description='a benchmark by likelihood, or "general choices", those of the thermometers')
    questions: Count = Field(description="of one seed, those that every model was asked")
    seeds: Count
    figures: dict[Figure, Estimate] = Field(
        description="means over questions and seeds: share right; confidence minus share right; Brier score, the sum "
        "over letters of (p - y)^2, 0 to 2; NLL of the right letter, nats"
    )
    against_base: dict[Figure, Contrast] = Field(
        default_factory=dict, description="its figure minus the base's, paired over questions; none for the base"
    )
    against_sft: dict[Figure, Contrast] = Field(default_factory=dict, description="the same against vanilla SFT's")
    ece: Share = Field(
        description="expected calibration error of the likeliest letter, ten bins of equal mass, mean over seeds"
    )
    ece_by_chance: Share = Field(
        description="what a calibrated model with these confidences shows on average on as many questions: its bias"
    )
    bins: list[Bin] = Field(description="of the reliability diagram, equal mass")
