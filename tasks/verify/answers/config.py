"""How long and how large a comparison of two answers may be."""

import os

from pydantic import BaseModel, ConfigDict, Field


class ComparisonConfig(BaseModel):
    """v_ans (section 3.4.1)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    deadline_seconds: float = Field(
        default=4.0,
        ge=0.2,
        le=120,
        description="CPU seconds that one comparison of two answers may take before its process is killed and the row "
        "is marked undecided; its wall time is limited to three times that.",
    )
    memory_mib: int = Field(
        default=2048, ge=512, description="Address space of one comparing process in MiB; past it the row is undecided."
    )
    processes: int = Field(
        default_factory=lambda: max(1, min(8, os.cpu_count() or 1)),
        ge=1,
        le=256,
        description="Child processes that compare what the fast path cannot decide.",
        json_schema_extra={"key": False},
    )
    rows_per_process: int = Field(
        default=2000,
        ge=1,
        description="Comparisons after which a child process is replaced, so that memory stays flat.",
        json_schema_extra={"key": False},
    )
