"""Times the steps, writes their rows, marks checkpoints that are whole."""

import time
from pathlib import Path
from typing import Any, Protocol

from transformers import TrainerCallback

WHOLE = "whole"  # marks a checkpoint that was written to its end


class Watched(Protocol):
    """What a trainer must have to be watched."""

    seconds: dict[str, float]  # of the step under way, by part
    agent_config: Any

    def write_step(self, logs: dict[str, float], seconds: float) -> None: ...


class Watch(TrainerCallback):
    """The trainer's callbacks."""

    def __init__(self, trainer: Watched) -> None:
        self.trainer = trainer
        self.started = self.optimizer = self.logged = time.perf_counter()
        self.logs: dict[str, float] = {}

    def on_train_begin(self, *args: Any, **kwargs: Any) -> None:
        self.started = time.perf_counter()

    def on_pre_optimizer_step(self, *args: Any, **kwargs: Any) -> None:
        self.optimizer = time.perf_counter()

    def on_optimizer_step(self, *args: Any, **kwargs: Any) -> None:
        spent = time.perf_counter() - self.optimizer
        self.trainer.seconds["optimizer"] = self.trainer.seconds.get("optimizer", 0.0) + spent

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **kwargs: Any) -> None:
        """Trainer logs after each update, and once more at the end, without a loss."""
        if not logs or "loss" not in logs or state.global_step % self.trainer.agent_config.updates_per_step:
            return
        now = time.perf_counter()
        self.trainer.write_step(logs, now - self.started)
        self.started, self.logged = now, time.perf_counter()

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Trainer saves right after a step's log, so that the time counts to the next step."""
        self.trainer.seconds["save"] = time.perf_counter() - self.logged
        (Path(args.output_dir) / f"checkpoint-{state.global_step}" / WHOLE).touch()
