"""Where an experiment's stages are built: its table is checked before anything is downloaded, then used.

In:  experiment.placement {"train_agent": {"pool": "gpu"}}, whose config asks for four GPUs
Out: nothing, or "placement.train_agent.pool=gpu: train_agent needs 4 GPUs, a run of gpu has at most 1: …"
"""

from collections.abc import Iterator
from typing import Any

from flows.experiment import Experiment, Stage
from tasks.backbone.backbone import backbone
from tasks.drift.drift import drift
from tasks.drift.read_base import read_base
from tasks.evaluate.evaluate import evaluate
from tasks.finetune.finetune import finetune
from tasks.measure.measure import measure
from tasks.rewrite.rewrite import rewrite, self_solve
from tasks.runtime.futures import StageTask
from tasks.runtime.placement import placement
from tasks.runtime.placement.placement_check import check
from tasks.score.score import score
from tasks.train_agent.train_agent import train_agent
from tasks.verify.stage import verify


def place(experiment: Experiment) -> None:
    """Send the stages that are submitted from here on where the experiment's table sends them.

    Raises:
        PlacementError: a pool that is not there, has no worker or too few GPUs: a sentence each, with what to type.
    """
    table: placement.Table = dict(experiment.placement.items())
    check(table, {stage: task.gpus(config) for stage, task, config in computing(experiment)})
    placement.use(table)


def computing(experiment: Experiment) -> Iterator[tuple[Stage, StageTask, Any]]:
    """Every stage that may compute on GPUs, with its config."""
    yield "backbone", backbone, experiment.backbone
    yield "train_agent", train_agent, experiment.grpo(0)
    yield "measure", measure, experiment.measuring()
    yield "rewrite", rewrite, {"": experiment.rewrite}
    yield "self_solve", self_solve, {"": experiment.rewrite}
    yield "verify", verify, experiment.gate
    yield "finetune", finetune, experiment.finetune
    yield "score", score, experiment.score
    yield "evaluate", evaluate, experiment.evaluate.by_benchmark()
    yield "read_base", read_base, experiment.thermometers()
    yield "drift", drift, experiment.thermometers()
