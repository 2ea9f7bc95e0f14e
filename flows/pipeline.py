"""One backbone, one method: from two corpora to a report. Read it top to bottom; it is the story of a run.

    sample ─ split ┬─ agent split ───────────── train_agent ─┐ (adapter)
                   └─ SFT split ─ shards ─ (self_solve) ─ rewrite×N ─ verify×N ─ assemble ─┐ (dataset; mix)
    backbone ┬───────────────────────────────────────────────── finetune ─ (average) ─ evaluate ─┐
             ├─ measure (held-out rewrites, pi_0 NLL), score (pi_0 NLL of the targets) ──────────┼─ report
             └─ evaluate (base) ─ read_base ─ drift (thermometers of forgetting) ────────────────┘

Every step is a stage: built once, looked up afterwards, whoever asks. The base's and vanilla SFT's scores are inputs
of the report like any other. What all methods share is in data.py, a method's targets are made in targets.py.
"""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from prefect import flow, tags
from prefect.task_runners import ThreadPoolTaskRunner

from flows.changed_fields import changed_fields
from flows.data import Data
from flows.experiment import Experiment, MethodName
from flows.form import Changes, Presets, Seeds, asks, experiment_of
from flows.plan.start import ready
from flows.replay import mix_in
from flows.seeds import Runs, run_seeds
from flows.targets import make_targets, solve_held_out
from flows.views import introduce, show_in_ui
from tasks.average.average import average
from tasks.average.config import AverageConfig
from tasks.drift.drift import drift
from tasks.evaluate.evaluate import evaluate
from tasks.finetune.finetune import finetune
from tasks.methods.strength import method_at
from tasks.report.stage import ReportConfig, report
from tasks.runtime.futures import Future, finish
from tasks.runtime.store.store import Artifact
from tasks.score.score import score

# Stages wait for slots of the machine inside their tasks, so threads are cheap: enough that none waits for another's.
RUNNER: Any = ThreadPoolTaskRunner(max_workers=64)


@flow(name="pipeline", task_runner=RUNNER)
@asks
def pipeline(
    method: MethodName = "rewriting_agent",
    seeds: Seeds = (0,),
    preset: Presets = (),
    changes: Changes = (),
    backbone: str = "nano",
    experiment: Experiment | None = None,
) -> Artifact:
    """Fine-tune one backbone by one method and report what was gained and what was forgotten."""
    asked = experiment_of(backbone, preset, changes, experiment, of=[method])
    name = introduce("pipeline", [asked])
    ready([asked])
    data = Data(asked)
    compared = tuple(dict.fromkeys(("sft", method)))
    runs: Runs = {"base": data.base()}
    runs |= run_seeds(seeds, partial(run_methods, asked, data, compared), name)
    finished: Artifact = finish(submit_report(asked, runs))
    show_in_ui(finished)
    return finished


def run_methods(
    experiment: Experiment, data: Data, names: Iterable[str], seed: int, *, validated: bool = False
) -> Runs:
    """Every method with one seed, by "method/seed"."""
    runs: Runs = {}
    for name in names:
        with tags(run := f"{name}/{seed}"):
            runs[run] = run_method(experiment, data, name, seed, validated=validated)
    return runs


def run_method(
    experiment: Experiment, data: Data, name: str, seed: int, *, validated: bool = False
) -> dict[str, object]:
    """One method's targets, model and scores: the artifacts that a report needs, by role. Its file in tasks/methods
    says what differs: the targets, what is mixed in, the loss, the weights. Where it is `validated` the model answers
    the held-out rows too, which no benchmark holds and no model was tuned on: by them rates are chosen."""
    method = method_at(name)
    experiment = experiment.of_method(method)
    made = make_targets(experiment, data, method.targets, seed)
    trained_on: Any = made["dataset"]
    if method.mixture:
        trained_on = mix_in(experiment, method.mixture, trained_on, data.pi_0, data.tokenizers, data.tested)
    model = finetune.submit(experiment.sft(seed), backbone=data.pi_0, dataset=trained_on)
    nll = score.submit(experiment.score, backbone=data.pi_0, rows=made["dataset"])
    tried = average_with(data, model, method.share) if method.share else model
    moved = drift.submit(experiment.thermometers(), base=data.read, model=tried)
    if validated:
        made["validation"] = solve_held_out(experiment, data, tried)
    return made | {
        "model": model,
        "target_nll": nll,
        "scores": evaluate.submit(experiment.evaluate.by_benchmark(), model=tried),
        "drift": moved,
    }


def average_with(data: Data, model: Future, share: float) -> Future:
    """The average of pi_0's weights and the model's (WiSE-FT)."""
    return average.submit(AverageConfig(share=share), backbone=data.pi_0, model=model)


def submit_report(
    experiment: Experiment, runs: Mapping[str, Mapping[str, object]], missing: Mapping[str, str] | None = None
) -> Future:
    """The report of `runs`, which takes their artifacts by role: {"model": {"sft/0": …}, "scores": {…}, …}.

    `missing` says of runs that failed what did: {"sdft/0": "rewrite failed"}.
    """
    roles: dict[str, dict[str, object]] = {}
    for run, made in runs.items():
        for role, artifact in made.items():
            roles.setdefault(role, {})[run] = artifact
    config = ReportConfig(
        backbone=experiment.backbone.name, changed=changed_fields(experiment), missing=dict(missing or {})
    )
    return report.submit(config, **roles)
