"""When a run is checkpointed, and which checkpoints are left.

    out/scratch/trainer/checkpoint-120/whole     the newest; the one before is removed once this file is there

A checkpoint is written when `minutes` have gone by since the last, and seldom enough to take a twentieth of the time at
most. While one is written there are two of them, otherwise one: whenever the run is killed, a whole one is left.
"""

import shutil
import time
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

WHOLE = "whole"  # marks a checkpoint that every rank has finished writing
SHARE = 20  # a checkpoint that takes a second is followed by so many seconds of training


def drop_unfinished(trainer: Path) -> None:
    """Remove checkpoints that a killed run was writing, and what is older than the newest whole one."""
    whole = []
    for checkpoint in trainer.glob("checkpoint-*"):
        if (checkpoint / WHOLE).exists():
            whole.append(checkpoint)
        else:
            print(f"dropping {checkpoint.name}: the run was killed while it was written")
            shutil.rmtree(checkpoint)
    for checkpoint in sorted(whole, key=_step)[:-1]:
        _remove(checkpoint)


class ByTime(TrainerCallback):  # type: ignore[misc]
    """Asks for a checkpoint by the clock of the first process, marks it whole and removes the one before.

    `every`: only after steps whose number this divides.
    """

    def __init__(self, minutes: float, every: int = 1) -> None:
        self.seconds, self.started, self.every = minutes * 60, time.monotonic(), every
        self.last, self.took = self.started, 0.0

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        due = time.monotonic() - self.last >= max(self.seconds, SHARE * self.took if self.seconds else 0.0)
        allowed = state.global_step % self.every == 0 and state.global_step < state.max_steps
        if allowed and _of_the_first(due, args.device):
            control.should_save = True
            self.started = time.monotonic()

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        import torch.distributed as dist

        if dist.is_available() and dist.is_initialized():
            dist.barrier()
        if state.is_world_process_zero:
            folder = Path(args.output_dir)
            new = folder / f"checkpoint-{state.global_step}"
            (new / WHOLE).touch()
            for checkpoint in folder.glob("checkpoint-*"):
                if checkpoint != new:
                    _remove(checkpoint)
        self.last = time.monotonic()
        self.took = self.last - self.started


def _of_the_first(value: bool, device: Any) -> bool:
    """`value` as the first process has it: all of them have to save at the same step."""
    import torch
    import torch.distributed as dist

    if not (dist.is_available() and dist.is_initialized()):
        return value
    told = torch.tensor([int(value)], device=device)
    dist.broadcast(told, src=0)
    return bool(told.item())


def _remove(checkpoint: Path) -> None:
    """Without its mark first: what a kill leaves of it is no whole checkpoint."""
    (checkpoint / WHOLE).unlink(missing_ok=True)
    shutil.rmtree(checkpoint)


def _step(checkpoint: Path) -> int:
    return int(checkpoint.name.rpartition("-")[2])
