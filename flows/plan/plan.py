"""What a plan is: the machine it is reckoned for, and of each stage what is to be made and what that costs.

{"title": "finetune nll seed 0 (sft/0)", "state": "to make", "rows": 800, "amount": 60800.0, "unit": "tokens",
 "seconds": 21.4, "source": "72 of this store", …}
"""

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel

from flows.plan.power import Power
from flows.plan.table import Gpu, table

State = Literal["cached", "goes on", "to make"]


@dataclass(frozen=True)
class Machine:
    """What the run computes on: `gpus` of the kind `gpu`, or the cores of a CPU."""

    device: str  # cpu, or a name of the table's GPUs
    gpus: int
    price: float | None = None  # of a GPU's hour, on a CPU of a core's

    @property
    def gpu(self) -> Gpu | None:
        return table().gpus.get(self.device)


class PlannedArtifact(BaseModel):
    """`key` is null where it holds what is still to be made, and `stored_as`, its readable name, is empty then."""

    name: str
    stored_as: str = ""
    key: str | None
    state: State
    why: str
    nearest: str | None = None


class PlannedStage(BaseModel):
    """A stage's run, with what it makes. Seconds are of wall time, memory and disk in bytes."""

    title: str
    also: list[str]
    kind: str
    state: State
    artifacts: list[PlannedArtifact]
    rows: int | None = None
    rows_each: dict[str, int] = {}
    amount: float = 0.0
    unit: str = ""
    seconds: float = 0.0
    gpus: int = 0
    gpu_hours: float = 0.0
    core_hours: float = 0.0
    money: float | None = None
    source: str = ""
    measured: bool = False
    memory: float | None = None
    memory_told: str = ""
    fits: bool | None = None
    disk: float = 0.0


class Plan(BaseModel):
    """Everything that `rewriting-agent plan --json` writes."""

    schema_version: Literal[1] = 1
    device: str
    gpus: int
    price: float | None
    stages: list[PlannedStage]
    power: list[Power] = []
    refused: list[str] = []

    def total(self, name: str) -> float:
        return sum(getattr(stage, name) or 0.0 for stage in self.stages)
