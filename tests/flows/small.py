"""The whole experiment on a handful of rows: every stage, every engine that runs on a CPU.

`python -m tests.flows.small [METHOD [FIELD=VALUE …]]` runs it, in the store and against the server that the environment
names.
"""

import sys

from flows.experiment import Experiment, load_experiment

SMALL = {
    "sample.rows": 60,
    "split.sft_rows": 20,
    "split.held_out_rows": 6,
    "split.agent_rows": 34,
    "train_agent.steps": 2,
    "train_agent.prompts_per_step": 4,
    "train_agent.candidates": 4,
    "train_agent.micro_batch": 16,
    "train_agent.save_every": 1,
    "measure.candidates": 4,
    "rewrite.block": 4,
    "finetune.global_batch": 4,
    "finetune.per_device_batch": 4,
    "finetune.checkpoint_minutes": 0,
    "evaluate.limit": 6,
}


def small_experiment() -> Experiment:
    return load_experiment("nano", SMALL)


if __name__ == "__main__":
    from flows.pipeline import pipeline

    method, *changes = sys.argv[1:] or ["rewriting_agent"]
    pipeline(method, experiment=load_experiment("nano", SMALL | dict(one.split("=", 1) for one in changes)))
