"""pass@k in the report: how likely one of k sampled answers is right, by method.

{"method": "sft", "group": "math", "benchmark": "gsm8k", "questions": 1319, "samples": 16, "temperature": 0.8,
 "figures": {"1": {"value": 0.41, …}, "16": {"value": 0.78, …}}, "against_base": {"1": …, "16": …}, …}
"""

from typing import Literal

from pydantic import Field, FiniteFloat

from tasks.report.schema.values import Contrast, Count, Estimate, Model

Group = Literal["math", "general"]


class PassAtK(Model):
    """One method's pass@k (Chen et al. 2021, eq. 1), by k: mean over questions and seeds."""

    method: str
    group: Group = Field(default="math", description="what was learnt, or what may be forgotten")
    benchmark: str | None = Field(description="null: the unweighted mean over the group's benchmarks that were sampled")
    questions: Count = Field(description="of one seed")
    seeds: Count
    samples: Count = Field(description="answers sampled to each question")
    temperature: FiniteFloat
    figures: dict[int, Estimate]
    against_base: dict[int, Contrast] = Field(
        default_factory=dict, description="its figure minus the base's, paired over questions; none for the base"
    )
    against_sft: dict[int, Contrast] = Field(default_factory=dict, description="the same against vanilla SFT's")
