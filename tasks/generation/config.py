"""How an engine samples as far as it is only speed: the fields that rewriting, measuring and evaluation share."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


def _speed_last(schema: dict[str, Any]) -> None:
    """A form shows what a stage computes before how fast; pydantic begins with the fields of the base."""
    for name in DealtEngineConfig.model_fields:
        if name in schema["properties"]:
            schema["properties"][name] = schema["properties"].pop(name)


class EngineConfig(BaseModel):
    """Base of the configs of stages that sample; no field is part of a key."""

    model_config = ConfigDict(extra="forbid", frozen=True, json_schema_extra=_speed_last)

    batch: int | None = Field(
        default=None,
        ge=1,
        le=4096,
        description="Most sequences decoded at once; empty: as many as vLLM takes (E.3's 36 is the length of a call), "
        "256 with transformers.",
        json_schema_extra={"key": False},
    )
    block: int = Field(
        default=1024,
        ge=1,
        description="With transformers, and in float32 on a CPU: rows that are computed together and written at once. "
        "Elsewhere each row is written as it ends.",
        json_schema_extra={"key": False},
    )
    tensor_parallel: int = Field(
        default=1,
        ge=1,
        le=64,
        description="GPUs one engine spreads the model over (E.3: 4); 1 on CPU.",
        json_schema_extra={"key": False},
    )
    gpu_memory_utilization: float = Field(
        default=0.9,
        gt=0,
        le=1,
        description="Share of the GPU's memory that vLLM may use.",
        json_schema_extra={"key": False},
    )


class DealtEngineConfig(EngineConfig):
    """Of stages whose rows are dealt to as many engines as there are."""

    engines: int = Field(
        default=1,
        ge=1,
        le=64,
        description="On a CPU: engines at work at once, a core each. On GPUs there is one for every "
        "tensor_parallel GPUs that are free when the stage begins.",
        json_schema_extra={"key": False},
    )
