"""Where things lie on this machine: the only settings that are not a stage's config, and never part of a key."""

import os
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

ROOT = Path(__file__).resolve().parent.parent


class Settings(BaseSettings):
    """Read from the environment: `REWRITING_AGENT_STORE=/data/store` and so on."""

    model_config = SettingsConfigDict(env_prefix="REWRITING_AGENT_")

    store: Path = Field(default=ROOT / "store", description="Folder of the artifact store.")
    shared_store: str | None = Field(
        default=None, description="Where machines share artifacts (s3://bucket/prefix); no credentials in it."
    )
    shared_lease: float = Field(
        default=60.0, gt=0, description="Seconds after which another machine that is building counts as dead."
    )
    environments: Path = Field(default=ROOT / ".envs", description="Folder that holds one virtual environment a name.")
    device: Literal["auto", "cpu", "cuda"] = Field(default="auto", description="What engines compute on.")
    cores: int = Field(default=os.cpu_count() or 1, ge=1, description="CPU cores that engines may use at once.")
    gpus: int | None = Field(
        default=None, ge=0, description="GPUs that engines may use at once; counted when not given."
    )
    placement: dict[str, str] = Field(
        default_factory=dict, description="Stage → work pool that builds it, as JSON; others run where the flow runs."
    )

    def cuda(self) -> bool:
        """Whether engines run on GPUs: as told, else whether an NVIDIA device is there."""
        return self.device == "cuda" or (self.device == "auto" and self.gpu_count() > 0)

    def gpu_count(self) -> int:
        """GPUs of this machine, from the driver's device nodes (the core environment has no torch to ask)."""
        if self.gpus is not None:
            return self.gpus
        return len([node for node in Path("/dev").glob("nvidia[0-9]*") if node.name[6:].isdigit()])


@cache
def settings() -> Settings:
    """The settings, read once a process."""
    return Settings()
