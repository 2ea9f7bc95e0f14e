"""The verl engine: GRPO of the agent on one or many GPUs (verl 0.9.1), and on a CPU for its tests.

In:  a spec (tasks/train_agent/spec.py)
Out: adapter/       the agent, a PEFT folder
     steps.jsonl    a row a step (tasks/train_agent/step_log.py), seconds by part
     samples.jsonl  rewrites of some steps
     metrics.jsonl  verl's own metrics, a row a step, with the attempt that made it
     scratch/verl/  rows, checkpoints, verl's own log of each attempt; scratch/metrics.json

verl brings the loop, Ray's processes, FSDP2, the vLLM rollout, the loss and the checkpoints. Ours are: which rows,
their token ids (agent_loop.py), the gate beside the rollout (gate.py), the reward of whole groups, the canary and the
log (trainer.py). This process starts the others, says how far they are and writes the result.
"""

import json
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tasks.rows.context import longest_context
from tasks.rows.precision import resolve
from tasks.rows.tokens import ChatTokens
from tasks.runtime.engines.spec import read_spec, write_metrics
from tasks.train_agent.replay import GROUPS
from tasks.train_agent.rows import enough_rows
from tasks.train_agent.spec import TrainSpec
from tasks.train_agent.step_log import StepLog, report_step, summary
from tasks.train_agent.verl.checkpoints import export_adapter, last_whole_step
from tasks.train_agent.verl.environment import prepare


def main() -> None:
    spec = read_spec(TrainSpec)
    folder = spec.out / "scratch" / "verl"
    folder.mkdir(parents=True, exist_ok=True)
    attempt = len(list(folder.glob("metrics-*.jsonl"))) + 1
    alone = spec.config.verl.ray_address is None
    prepare(spec.cuda, folder / f"metrics-{attempt}.jsonl", alone, spec.config.seed)  # before anything imports verl
    from omegaconf import OmegaConf

    from tasks.train_agent.verl.dataset import write_kept_rows
    from tasks.train_agent.verl.hydra_config import validate, verl_config
    from tasks.train_agent.verl.layout import Layout

    context = longest_context(spec.backbone)
    rows, counts = enough_rows(spec, ChatTokens(spec.backbone), context)
    steps = spec.config.steps or counts.kept // spec.config.prompts_per_step
    layout = Layout(folder, attempt)
    layout.spec.write_text(spec.model_dump_json(indent=1), encoding="utf-8")
    write_kept_rows(layout.rows, rows)
    done = last_whole_step(layout.checkpoints)
    log = StepLog(spec.out / "steps.jsonl")
    for one in (log, *(StepLog(spec.out / name) for name in ("samples.jsonl", GROUPS, "metrics.jsonl"))):
        one.cut_after(done)
    if done < steps:
        config = verl_config(spec, layout, counts.kept, steps, context)
        validate(config)
        with temporary_folder(folder) as ray_folder, progress(log, steps):
            if alone:
                OmegaConf.update(config, "ray_kwargs.ray_init._temp_dir", str(ray_folder), force_add=True)
            train(config, layout.stopped)
    last = layout.checkpoints / f"global_step_{last_whole_step(layout.checkpoints)}"
    export_adapter(last / "actor", spec.out / "adapter", spec.config.rank, spec.config.alpha)
    metrics = asdict(counts) | summary(log.rows())
    metrics["dtype"] = resolve(spec.config.dtype, spec.backbone, spec.cuda)
    write_metrics(spec.out, metrics)


def train(config: Any, stopped: Path) -> None:
    """Run verl to its end.

    Raises:
        SystemExit: a watchdog ended it, with its reason.
        ray.exceptions.RayError: it failed; the cause is in the message and in the log.
    """
    import ray
    from verl.trainer.main_ppo import run_ppo

    from tasks.train_agent.verl.task_runner import RemoteTaskRunner

    stopped.unlink(missing_ok=True)
    try:
        run_ppo(config, task_runner_class=RemoteTaskRunner)
    except ray.exceptions.RayError:
        if stopped.exists():
            raise SystemExit(f"the watchdog ended the training: {stopped.read_text(encoding='utf-8')}") from None
        raise
    finally:
        ray.shutdown()


@contextmanager
def progress(log: StepLog, steps: int) -> Iterator[None]:
    """Reports each new row of steps.jsonl: Ray puts the process's name before every line that a worker prints."""
    ended = threading.Event()

    def follow() -> None:
        seen = -1
        while not ended.wait(1.0):
            size = log.path.stat().st_size if log.path.exists() else 0
            if size != seen:
                seen = size
                tell(log, steps)

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
    tell(log, steps)


def tell(log: StepLog, steps: int) -> None:
    """Report the last whole row."""
    text = log.path.read_text(encoding="utf-8") if log.path.exists() else ""
    if lines := text[: text.rfind("\n") + 1].splitlines():
        report_step(json.loads(lines[-1]), steps)


@contextmanager
def temporary_folder(folder: Path) -> Iterator[Path]:
    """A short path for Ray's sockets (108 bytes at most), removed at the end, or by the next attempt after a kill."""
    note = folder / "ray_folder.txt"
    if note.exists():
        shutil.rmtree(note.read_text(encoding="utf-8"), ignore_errors=True)
    path = Path(tempfile.mkdtemp(prefix="ra-"))
    note.write_text(str(path), encoding="utf-8")
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        note.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
