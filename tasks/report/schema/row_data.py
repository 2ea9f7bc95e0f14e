"""Rows in the report: texts before and after rewriting, histograms of their NLL, and rows that were set aside.

{"id": "q/7", "question": "…", "versions": [{"name": "expert", "text": "…", "nll": 1.9}, {"name": "agent rewrite", …}]}
"""

from typing import Literal

from pydantic import Field, FiniteFloat

from tasks.report.schema.values import Count, Model, Share

Verdict = Literal["passed", "failed", "no verdict"]


class Histogram(Model):
    """NLL under pi_0 of one kind of target, over rows: counts between edges, and how many lay outside."""

    name: str = Field(description="expert, direct rewrite or agent rewrite")
    of: str = Field(default="", description="held-out rows, or the rows that SFT trains on")
    edges: list[FiniteFloat]
    counts: list[Count]
    n: Count
    median: FiniteFloat
    outside: Count = 0


class Version(Model):
    """One text for a question: the expert's or a rewrite."""

    name: str
    text: str
    verdict: Verdict | None = None
    reason: str | None = None
    nll: FiniteFloat | None = None
    tokens: Count | None = None


class Example(Model):
    """A row before and after rewriting; the first version is the expert's."""

    id: str
    question: str
    versions: list[Version]


class Cases(Model):
    """Appendix F: one held-out row rewritten by pi_0 and by the agent, both verified; and how typical its order is."""

    rows: Count = Field(description="held-out rows where the first rewrite of both passes")
    in_order: Share = Field(description="of them: NLL of the expert above the direct rewrite's above the agent's")
    example: Example | None = Field(default=None, description="of those in order the one with the median difference")


class Quarantine(Model):
    """Rows set aside by a stage, with the reasons."""

    stage: str
    key: str
    rows: Count
    of: Count | None = None
    reasons: dict[str, Count] = Field(default_factory=dict)
