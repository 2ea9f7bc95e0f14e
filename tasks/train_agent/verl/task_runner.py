"""verl's task runner, which knows our trainer: a Ray actor that holds the training loop."""

from importlib import import_module
from typing import Any

import ray
from verl.trainer.main_ppo import TaskRunnerV1


class AgentTaskRunner(TaskRunnerV1.__ray_metadata__.modified_class):
    """`trainer.v1.trainer_mode=rewriting_agent` names the trainer that importing trainer.py registers."""

    def run(self, config: Any) -> None:
        """Train to the end."""
        import_module("tasks.train_agent.verl.trainer")  # registers it with verl
        super().run(config)


RemoteTaskRunner = ray.remote(AgentTaskRunner)
