"""What a report shows and what `report --json FILE` writes: one `ReportData`.

Shares and accuracies are fractions of 1, intervals are `low`/`high` at the report's `confidence`, NLL is in nats per
token (eq. 6), durations are in seconds. `null` means: not measured, or not defined (a base model has no yield).

    {"schema_version": 1, "backbone": {"name": "nano", "nano": true, …}, "runs": [{"method": "sft", "seed": 0,
     "scores": {"math500": {"accuracy": 0.41, "n": 200, "correct": 82, "low": 0.344, "high": 0.479, …}}, …}], …}
"""

import json
import math
from typing import Any, Literal

from pydantic import Field, JsonValue

from tasks.methods import strength
from tasks.methods.method import methods
from tasks.report.schema.answer_data import Answered, Subject
from tasks.report.schema.calibration_data import Calibrated
from tasks.report.schema.compared_data import Comparison, Forgetting, HeldOut, Summary
from tasks.report.schema.drift_data import Drifts
from tasks.report.schema.lineage_data import Graph
from tasks.report.schema.pass_at_k_data import PassAtK
from tasks.report.schema.row_data import Cases, Example, Histogram, Quarantine
from tasks.report.schema.run_data import Run
from tasks.report.schema.values import Count, Model
from tasks.runtime.files.plain_text import utf8

SCHEMA_VERSION = 1


class Backbone(Model):
    """pi_0."""

    name: str
    digest: str
    nano: bool = Field(description="true for the toy backbone: its figures claim nothing about large models")
    parameters: Count | None = None


class ReportData(Model):
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
    calibration: list[Calibrated] = Field(default_factory=list, description="empty where no likelihoods are had")
    pass_at_k: list[PassAtK] = Field(default_factory=list, description="empty where no answers were sampled")
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
        return sorted(dict.fromkeys(run.method for run in [self.base, *self.runs]), key=place_of)

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


def label_of(method: str) -> str | None:
    """What figures and tables call a method, a variant or a method at another strength; None of what has no name."""
    return LABELS.get(method) or strength.label_of(method)


def place_of(method: str) -> tuple[int, float]:
    """Its place in tables, strengths of one method by size; others behind."""
    plain = strength.method_of(method)
    return ORDER.index(plain) if plain in ORDER else len(ORDER), strength.strength_of(method) or 0.0


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


if __name__ == "__main__":  # python -m tasks.report.schema.data > docs/report.schema.json
    print(json.dumps(schema(), indent=1, ensure_ascii=False))
