"""Where things lie on this machine: the only settings that are not a stage's config, and never part of a key."""

import os
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

ROOT = Path(__file__).resolve().parents[2]


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
    methods: Path | None = Field(
        default=None, description="Folder with methods of one's own, a YAML file each (docs/methods.md)."
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        default="auto", description="What engines compute on; auto: what their environments were installed for."
    )
    cores: int = Field(default=os.cpu_count() or 1, ge=1, description="CPU cores that engines may use at once.")
    memory: int | None = Field(
        default=None,
        ge=1,
        description="GiB of memory that engines on CPU cores may use at once; by default nine tenths of the machine's.",
    )
    fork_engines: bool = Field(
        default=True, description="Fork engines on CPU cores from processes that hold their imports (0: start each)."
    )
    gpus: int | None = Field(
        default=None, ge=0, description="GPUs that engines may use at once, of those that CUDA_VISIBLE_DEVICES names."
    )

    dashboard: str | None = Field(
        default=None, description="Address of the dashboard that shows this store; `make up` sets it for its runs."
    )

    # Sinks (docs/sinks.md): off where not given. An empty value is none: it switches off what a shell's profile has on.
    openlineage: str | None = Field(
        default=None, description="File or http(s):// address that gets OpenLineage events; no credentials in it."
    )
    mlflow: str | None = Field(
        default=None, description="MLflow's tracking URI (sqlite:///mlflow.db, http://host:5000); no credentials in it."
    )
    wandb: str | None = Field(default=None, description="W&B's project, or entity/project.")
    tensorboard: Path | None = Field(default=None, description="Folder of TensorBoard's event files.")

    @field_validator("openlineage", "mlflow", "wandb", "tensorboard", mode="before")
    @classmethod
    def _empty_is_off(cls, value: object) -> object:
        return None if value == "" else value

    def cuda(self) -> bool:
        """Whether engines run on GPUs: as told, else as the environments were installed (infra/environments)."""
        installed = self.environments / "device"
        device = installed.read_text().strip() if self.device == "auto" and installed.exists() else self.device
        return device == "cuda"

    def gib(self) -> int:
        """GiB that engines on CPU cores may use at once; a container may have less than its machine."""
        if self.memory is not None:
            return self.memory
        limit = Path("/sys/fs/cgroup/memory.max")
        said = limit.read_text().strip() if limit.exists() else "max"
        whole = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        return max(1, int(0.9 * min(whole, int(said) if said.isdigit() else whole)) // 2**30)

    def gpu_names(self) -> list[str]:
        """What CUDA calls the GPUs that engines may use: those of CUDA_VISIBLE_DEVICES, else of the driver's device
        nodes (the core environment has no torch to ask)."""
        listed = os.environ.get("CUDA_VISIBLE_DEVICES")
        if listed is None:
            nodes = (node.name.removeprefix("nvidia") for node in Path("/dev").glob("nvidia[0-9]*"))
            names = sorted((name for name in nodes if name.isdigit()), key=int)
        else:
            names = [name.strip() for name in listed.split(",") if name.strip()]
        return names[: self.gpus]

    def gpu_model(self) -> str:
        """What the driver calls the first GPU, "NVIDIA H100 80GB HBM3"; "cpu" where engines compute on none."""
        told = sorted(Path("/proc/driver/nvidia/gpus").glob("*/information")) if self.cuda() else []
        lines = told[0].read_text(encoding="utf-8", errors="replace").splitlines() if told else []
        model = (line.partition(":")[2].strip() for line in lines if line.startswith("Model:"))
        return next(model, "gpu" if self.cuda() and self.gpu_names() else "cpu")


class SettingsError(ValueError):
    """An environment variable that cannot be used: names it, and what it should be."""


@cache
def settings() -> Settings:
    """The settings, read once a process.

    Raises:
        SettingsError: one cannot be used.
    """
    try:
        return Settings()
    except ValidationError as error:
        said = [(str(one["loc"][0]).upper(), one["input"], one["msg"]) for one in error.errors()]
        raise SettingsError("; ".join(f"REWRITING_AGENT_{name}={given}: {why}" for name, given, why in said)) from None
