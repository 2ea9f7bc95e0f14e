"""Weights & Biases: one run a method and seed. REWRITING_AGENT_WANDB is `project` or `entity/project`.

WANDB_MODE=offline writes files only, which `wandb sync` sends later; they lie in WANDB_DIR, else in the store. A note
there says what each run was told: told again the same, nothing is written, and what changed is its summary and
params (a history that W&B has cannot be written anew).
"""

import os
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from infra.sinks.rows import Curve, SinkRun
from tasks.runtime.files.whole_file import whole
from tasks.runtime.settings import settings
from tasks.runtime.sinks.sinks import SinkError

LOCAL = ("offline", "dryrun", "disabled")


def check() -> None:
    """Raises SinkError where W&B would ask for a key in the terminal."""
    if os.environ.get("WANDB_MODE") in LOCAL:
        return
    from wandb import Settings
    from wandb.sdk.lib import wbauth

    host = Settings().base_url
    if wbauth.authenticate_session(host=host, source="rewriting-agent", prompt=False) is None:
        raise SinkError(
            f"REWRITING_AGENT_WANDB is set, and there is no key for {host}: type `.envs/core/bin/wandb login`, or "
            "set WANDB_MODE=offline to write files only"
        )


def folder() -> Path:
    """Where W&B's files lie."""
    return Path(os.environ.get("WANDB_DIR") or settings().store.resolve() / "sinks")


def feed(where: str, runs: Sequence[SinkRun]) -> int:
    """Tell the project `where` of `runs`; returns how many were new or had changed."""
    check()
    return sum(_feed(where, run) for run in runs)


def _feed(where: str, run: SinkRun) -> bool:
    import wandb

    note = folder() / "wandb" / "told" / where / run.id
    before = note.read_text(encoding="utf-8") if note.exists() else None
    if before == run.digest:
        return False
    (folder() / "wandb").mkdir(parents=True, exist_ok=True)
    entity, _, project = where.rpartition("/")
    # No look at the machine, the code, git or what is installed: what is told is in SinkRun.
    quiet = wandb.Settings(
        silent=True,
        console="off",
        root_dir=str(folder()),
        disable_git=True,
        disable_code=True,
        x_disable_meta=True,
        x_disable_stats=True,
        x_disable_machine_info=True,
        x_save_requirements=False,
        init_timeout=30,
    )
    told = wandb.init(
        project=project,
        entity=entity or None,
        id=run.id,
        name=run.name,
        group=run.method,
        config={**run.params, "rewriting_agent": run.tags},
        tags=[run.backbone, run.method],
        resume="allow",
        reinit="create_new",
        settings=quiet,
    )
    failed = True
    try:
        for prefix in dict.fromkeys(name.partition("/")[0] for name in run.curves) if before is None else ():
            told.define_metric(f"{prefix}/step", hidden=True)
            told.define_metric(f"{prefix}/*", step_metric=f"{prefix}/step")
            for row in _by_step(run.curves, prefix):
                told.log(row)
        told.summary.update(run.figures)
        failed = False
    finally:
        told.finish(exit_code=int(failed))
    with whole(note) as file:
        file.write(run.digest)
    return True


def _by_step(curves: dict[str, Curve], prefix: str) -> list[dict[str, float]]:
    """{"sft/step": 1, "sft/loss": 2.3, "sft/learning_rate": 0.001}, a row a step."""
    points = [(step, name, value) for name, curve in curves.items() if name.startswith(f"{prefix}/") for step, value in
              curve]  # fmt: skip
    points.sort(key=lambda point: point[0])
    return [
        {f"{prefix}/step": step} | {name: value for _, name, value in same}
        for step, same in groupby(points, key=lambda point: point[0])
    ]
