"""How far models have moved from pi_0, as the report and the frontier hold it.

{"method": "sft", "seeds": 3, "figures": {"NLL of general text": {"value": 3.71, "low": 3.6, "high": 3.83}}, …}
"""

from typing import Literal

from pydantic import Field

from tasks.report.schema.values import Contrast, Count, Estimate, Model

Thermometer = Literal[
    "NLL of general text",
    "KL(pi_0 || pi), general answers",
    "NLL of own answers, general",
    "KL(pi || pi_0), general answers",
    "KL(pi_0 || pi), downstream answers",
    "top-1 agreement, general answers",
    "choices by likelihood",
]
# Heading, unit, factor and digits of a thermometer's column.
THERMOMETERS: dict[Thermometer, tuple[str, str, float, int]] = {
    "NLL of general text": ("NLL of general text", "nats/token", 1, 3),
    "KL(pi_0 || pi), general answers": ("KL(π₀‖π), general answers", "nats/token", 1, 3),
    "NLL of own answers, general": ("NLL of π₀’s answers, general", "nats/token", 1, 3),
    "KL(pi || pi_0), general answers": ("KL(π‖π₀), general answers", "nats/token", 1, 3),
    "KL(pi_0 || pi), downstream answers": ("KL(π₀‖π), downstream answers", "nats/token", 1, 3),
    "top-1 agreement, general answers": ("top-1 agreement, general answers", "%", 100, 1),
    "choices by likelihood": ("choices by likelihood", "%", 100, 1),
}


class Drift(Model):
    """How far a method's models have moved from pi_0, over its seeds; the base is pi_0 itself."""

    method: str
    seeds: Count
    figures: dict[Thermometer, Estimate]
    against_sft: dict[Thermometer, Contrast] = Field(
        default_factory=dict, description="its figure minus vanilla SFT's, paired over texts; none for SFT and the base"
    )


class Drifts(Model):
    """The thermometers: NLL and KL in nats per token, agreement and choices as shares; means over texts."""

    texts: dict[Thermometer, Count] = Field(description="texts behind each figure")
    rows: list[Drift]
