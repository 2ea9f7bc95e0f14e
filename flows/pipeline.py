"""One backbone, one method: from two corpora to a report. Read it top to bottom; it is the story of a run.

    sample ─ split ┬─ agent split ───────────── train_agent ─┐ (adapter)
                   └─ SFT split ─ shards ─ (self_solve) ─ rewrite×N ─ verify×N ─ assemble ─┐ (dataset; mix)
    backbone ┬───────────────────────────────────────────────── finetune ─ (average) ─ evaluate ─┐
             ├─ measure (held-out rewrites, pi_0 NLL), score (pi_0 NLL of the targets) ──────────┼─ report
             └─ evaluate (base) ─ drift (thermometers of forgetting) ────────────────────────────┘

Every step is a stage: built once, looked up afterwards, whoever asks. The base's and vanilla SFT's scores are inputs
of the report like any other.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from itertools import count
from typing import Any

from prefect import flow, tags
from prefect.futures import PrefectFuture
from prefect.task_runners import ThreadPoolTaskRunner

from flows.changed_fields import changed_fields
from flows.experiment import Experiment, MethodName
from flows.form import Changes, Presets, Seeds, asks, experiment_of
from flows.matched import score_arms
from flows.placement import place
from flows.plan.start import ready
from flows.replay import mix_in
from flows.views import introduce, show_in_ui
from tasks.assemble.assemble import assemble
from tasks.average.average import average
from tasks.average.config import AverageConfig
from tasks.backbone.backbone import backbone
from tasks.corpus.corpus import corpus
from tasks.diversity.config import DiversityConfig
from tasks.diversity.diversity import diversity
from tasks.drift.drift import drift
from tasks.evaluate.evaluate import evaluate
from tasks.evaluate.questions import questions
from tasks.finetune.finetune import finetune
from tasks.measure.measure import measure
from tasks.methods.method import Targets
from tasks.methods.strength import method_at
from tasks.report.stage import ReportConfig, report
from tasks.rewrite.config import RewriteConfig
from tasks.rewrite.rewrite import rewrite, self_solve
from tasks.runtime.futures import finish, part, settle
from tasks.runtime.stage import BUILT
from tasks.runtime.store import Artifact
from tasks.sample.sample import sample
from tasks.score.score import score
from tasks.split.split import split
from tasks.train_agent.train_agent import train_agent
from tasks.verify.stage import verify

Future = PrefectFuture[Artifact]
Shards = dict[str, Future]
Runs = dict[str, Mapping[str, object]]  # by "method/seed": artifacts by role

# Stages wait for slots of the machine inside their tasks, so threads are cheap: enough that none waits for another's.
RUNNER: Any = ThreadPoolTaskRunner(max_workers=64)
COSTLY = ("agent", "model", "scores")  # roles of what a new seed makes anew


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


def run_seeds(seeds: Seeds, run: Callable[[int], Runs], name: Callable[[int], None]) -> Runs:
    """`run` with each of the seeds, by "method/seed".

    "next": the seeds from 0 up, as the store has them, and the first of which something was still to be made. After a
    change of corpora, config, code or a lock that is seed 0 again. `name` is told each of them.
    """
    runs: Runs = {}
    for seed in count() if seeds == "next" else seeds:
        if seeds == "next":
            name(seed)
        runs |= (made := run(seed))
        if seeds == "next":
            costly: list[Any] = [one[role] for one in made.values() for role in COSTLY if role in one]
            failed = [settle(future) for future in costly]
            if any(failed) or any(future.state.name == BUILT for future in costly):
                break  # a seed of which something failed is the one to go on with
    return runs


def run_methods(experiment: Experiment, data: "Data", names: Iterable[str], seed: int) -> Runs:
    """Every method with one seed, by "method/seed"."""
    runs: Runs = {}
    for name in names:
        with tags(run := f"{name}/{seed}"):
            runs[run] = run_method(experiment, data, name, seed)
    return runs


class Data:
    """What all methods of an experiment share: the backbone, the rows, and how well pi_0 rewrites untrained."""

    def __init__(self, experiment: Experiment) -> None:
        place(experiment)
        self.pi_0: Future = backbone.submit(experiment.backbone)
        counting = [one.model_copy(update={"tokenizer_only": True}) for one in experiment.all_backbones()]
        self.tokenizers = {one.name: backbone.submit(one) for one in counting}
        corpora = {one.name: corpus.submit(experiment.reading(one)) for one in experiment.corpora}
        self.tested: Future = questions.submit(experiment.evaluate)
        self.sampled: Future = sample.submit(
            experiment.sample, corpora=corpora, tokenizers=self.tokenizers, benchmarks=self.tested
        )
        part = experiment.split.model_copy
        self.sft: Future = split.submit(part(update={"part": "sft"}), sample=self.sampled)
        self.agent: Future = split.submit(part(update={"part": "agent"}), sample=self.sampled)
        self.held_out: Future = split.submit(part(update={"part": "held_out"}), sample=self.sampled)
        self.scores: Future = evaluate_on_benchmarks(experiment, self.pi_0)

    def base(self) -> dict[str, object]:
        """The untrained backbone's scores, and the rows on which rewriters are shown."""
        return {"scores": self.scores, "held_out": self.held_out}


def run_method(experiment: Experiment, data: Data, name: str, seed: int) -> dict[str, object]:
    """One method's targets, model and scores: the artifacts that a report needs, by role. Its file in tasks/methods
    says what differs: the targets, what is mixed in, the loss, the weights."""
    method = method_at(name)
    experiment = experiment.of_method(method)
    made = make_targets(experiment, data, method.targets, seed)
    trained_on: Any = made["dataset"]
    if method.mixture:
        trained_on = mix_in(experiment, method.mixture, trained_on, data.pi_0, data.tokenizers, data.tested)
    model = finetune.submit(experiment.sft(seed), backbone=data.pi_0, dataset=trained_on)
    nll = score.submit(experiment.score, backbone=data.pi_0, rows=made["dataset"])
    tried = average_with(data, model, method.share) if method.share else model
    moved = drift.submit(experiment.thermometers(), backbone=data.pi_0, model=tried, answers=data.scores)
    return made | {
        "model": model,
        "target_nll": nll,
        "scores": evaluate_on_benchmarks(experiment, tried),
        "drift": moved,
    }


def average_with(data: Data, model: Future, share: float) -> Future:
    """The average of pi_0's weights and the model's (WiSE-FT)."""
    return average.submit(AverageConfig(share=share), backbone=data.pi_0, model=model)


def make_targets(experiment: Experiment, data: Data, targets: Targets, seed: int) -> dict[str, object]:
    """D_R of one method (Appendix D), with what was trained for it."""
    more = train_and_measure(experiment, data, seed) if targets.rewriter == "agent" else {}
    found: dict[str, Any] = {}
    if targets.rewriter:
        found |= (made := rewrite_and_verify(experiment, data, more.get("agent"), targets))
        if targets.most_diverse:
            config = DiversityConfig(embedder=experiment.train_agent.embedder)
            chosen = {"rewrites": made["rewrites"], "verdicts": made["rewrite_verdicts"]}
            found["rewrite_diversity"] = diversity.submit(config, **chosen)
    if targets.self_solutions:
        found |= solve_and_verify(experiment, data)
    if experiment.assemble.match:
        found |= score_arms(experiment, data.pi_0, data.sft, found)
    return more | {"dataset": assemble.submit(experiment.assemble, rows=data.sft, **found)}


def train_and_measure(experiment: Experiment, data: Data, seed: int) -> dict[str, Future]:
    """Stage I: the agent, and how it rewrites rows that it never saw, beside the untrained rewriter."""
    adapter = train_agent.submit(experiment.grpo(seed), backbone=data.pi_0, rows=data.agent)
    return {
        "agent": adapter,
        "untrained": held_out(experiment, data),
        "trained": held_out(experiment, data, adapter),
    }


def rewrite_and_verify(
    experiment: Experiment, data: Data, adapter: Future | None, targets: Targets
) -> dict[str, Shards]:
    """Rewrites of the SFT split, their verdicts and, where the likeliest is wanted, their NLL; shard by shard."""
    rewrites, verdicts, nll = {}, {}, {}
    for shard in shards(experiment, targets):
        made = rewrite.submit(shard, backbone=data.pi_0, rows=data.sft, adapter=adapter)
        for name in shard:
            with tags(*([f"sample {name}"] if targets.samples else [])):
                rewrites[name] = one = part(made, name)
                verdicts[name] = verify_shard(experiment, data, one)
                if targets.likeliest:
                    nll[name] = score.submit(experiment.score, backbone=data.pi_0, rows=data.sft, rewrites=one)
    return {"rewrites": rewrites, "rewrite_verdicts": verdicts, "rewrite_nll": nll}


def solve_and_verify(experiment: Experiment, data: Data) -> dict[str, Shards]:
    """pi_0's own solutions of the SFT split and their verdicts, shard by shard (Mind the Gap)."""
    solutions, verdicts = {}, {}
    for shard in shards(experiment, Targets()):
        made = self_solve.submit(shard, backbone=data.pi_0, rows=data.sft)
        for name in shard:
            solutions[name] = part(made, name)
            verdicts[name] = verify_shard(experiment, data, solutions[name])
    return {"self_solutions": solutions, "self_verdicts": verdicts}


def verify_shard(experiment: Experiment, data: Data, rewrites: Future) -> Future:
    """The gate's verdicts on one shard; the backbone goes with it only where it is its own judge."""
    judging = data.pi_0 if experiment.gate.asks_backbone else None
    return verify.submit(experiment.gate, rows=data.sft, rewrites=rewrites, backbone=judging)


def shards(experiment: Experiment, targets: Targets) -> Iterator[dict[str, RewriteConfig]]:
    """What one engine makes, a shard of the rewriting: {"001": greedy}, or all samples, {"00-001": …, "07-001": …}."""
    whole = experiment.rewrite
    for number in range(whole.shards):
        shard = whole.model_copy(update={"shard": number})
        drawn = [{"seed": whole.seed + one, "temperature": targets.temperature} for one in range(targets.samples)]
        samples = {f"{one:02}-{number:03}": shard.model_copy(update=update) for one, update in enumerate(drawn)}
        yield samples or {f"{number:03}": shard}


def held_out(experiment: Experiment, data: Data, adapter: Future | None = None) -> Future:
    """How the agent, or pi_0 without one, rewrites rows that no agent was trained on."""
    return measure.submit(experiment.measuring(), backbone=data.pi_0, rows=data.held_out, adapter=adapter)


def evaluate_on_benchmarks(experiment: Experiment, model: Future) -> Future:
    """Scores on every benchmark: one engine for those that are missing, one artifact each."""
    return evaluate.submit(experiment.evaluate.by_benchmark(), model=model)


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
