"""What `@stage` was told of a function, and what follows from it: the artifacts that it makes and the GPUs it wants.

    @stage(version=1, environment="sft", cores=2)       Declaration(function=finetune, version=1, environment="sft", …)
    config, {"backbone": …, "dataset": …}               {"finetune": Manifest(kind="finetune", key="9f3c…", …)}

An artifact is told apart from the others of its stage by its part: the stage's name, or a name of the batch.
"""

import platform
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from tasks.runtime import retries
from tasks.runtime.key import Inputs, flatten, lock_digest, stage_key
from tasks.runtime.settings import settings
from tasks.runtime.show import View
from tasks.runtime.slots import Dealt
from tasks.runtime.store.store import Manifest

Metrics = dict[str, Any]  # what a stage's function gives: figures by name


@dataclass(frozen=True)
class Declaration:
    """A function and what `@stage` was told of it; the fields are its arguments."""

    function: Callable[..., Metrics]
    version: int
    environment: str | Callable[[Any], str]
    cores: int | Callable[[Any], int]
    gpus: int | Callable[[Any], int | Dealt | None]
    memory: Callable[..., int] | None
    timeout_minutes: float | None
    identity: Callable[[Any], Any] | None
    batch: bool
    smaller: retries.Smaller | None
    shows: View | None

    @property
    def name(self) -> str:
        return self.function.__name__

    def gpus_for(self, config: Any) -> int | Dealt | None:
        """How many GPUs the stage computes on with this config (a batch: a dict of configs that agree in it); None: all
        of a machine's."""
        if not callable(self.gpus):
            return self.gpus
        return self.gpus(next(iter(config.values())) if self.batch else config)

    def most_gpus(self, config: Any) -> int | None:
        """How many it computes on where all are free."""
        asked = self.gpus_for(config)
        if not isinstance(asked, Dealt):
            return asked
        return None if asked.each == 1 else max(asked.each, asked.room(len(settings().gpu_names())))

    def cores_for(self, config: Any) -> int:
        """How many cores the stage computes on with this config."""
        if not callable(self.cores):
            return self.cores
        return max(self.cores(one) for one in (config.values() if self.batch else [config]))

    def gib_for(self, config: Any, paths: dict[str, Any]) -> int:
        """GiB of memory that the stage takes on a machine without GPUs, of these inputs; 0 where it tells none."""
        return 0 if self.memory is None else -(-self.memory(config, **paths) // 2**30)

    def configs(self, config: Any) -> dict[str, BaseModel]:
        """Of each artifact its config."""
        return dict(config) if self.batch else {self.name: config}

    def config_of(self, configs: dict[str, BaseModel], parts: Any) -> Any:
        """The config that the function takes for these parts: the inverse of `configs`."""
        return {part: configs[part] for part in parts} if self.batch else configs[self.name]

    def manifests(self, config: Any, inputs: dict[str, Any]) -> dict[str, Manifest]:
        """Of each artifact what it is made from, with its key."""
        artifacts = flatten(inputs)
        return {part: self.manifest(one, artifacts) for part, one in self.configs(config).items()}

    def manifest(self, config: BaseModel, inputs: Inputs) -> Manifest:
        """What will be said of the artifact, its figures still to come."""
        environment = self.environment(config) if callable(self.environment) else self.environment
        identity = self.identity(config) if self.identity else None
        key, in_key = stage_key(self.name, self.version, environment, config, identity, inputs)
        seed = getattr(config, "seed", None)
        return Manifest(
            kind=self.name,
            key=key,
            stage_version=self.version,
            inputs=inputs,
            config=in_key,
            identity=identity,
            environment={"name": environment, "lock": lock_digest(environment)},
            versions={"python": platform.python_version()},
            seeds={} if seed is None else {"seed": seed},
        )
