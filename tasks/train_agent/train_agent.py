"""Stage I: GRPO trains the rewriting agent, a LoRA adapter on the frozen backbone (3.3, 3.4, E.2).

In:  backbone  a transformers model folder
     rows      rows.jsonl: {"id", "question", "solution", "answer"}
Out: adapter/       the agent: a PEFT folder that transformers and vLLM load
     steps.jsonl    {"step", "pass_rate", "nll", "diversity", "length", "kl", "seconds_rollout", …}
     samples.jsonl  rewrites of some steps with the components of their rewards, which are shown in the UI as well
     metrics.jsonl  with engine verl: its own metrics, {"step", "attempt", "critic/score/mean", …}
"""

from functools import partial
from pathlib import Path

from tasks.generation.variables import engine_variables
from tasks.rows.memory import on_cores
from tasks.rows.precision import parameters
from tasks.rows.prompts import prompts_digest
from tasks.runtime.engines.engine import run
from tasks.runtime.engines.spec import read_metrics
from tasks.runtime.progress.progress import handled_by
from tasks.runtime.settings import settings
from tasks.runtime.stage import Metrics, stage
from tasks.score.embedder_source import embedder_identity, embedder_location
from tasks.train_agent.config import TrainAgentConfig
from tasks.train_agent.memory import host_bytes
from tasks.train_agent.samples_view import SamplesView
from tasks.train_agent.spec import TrainSpec
from tasks.train_agent.view import view
from tasks.verify.fitness import require_fit


def identity(config: TrainAgentConfig) -> object:
    """What the agent depends on besides its config and inputs."""
    found: dict[str, object] = {"prompts": prompts_digest(config), "embedder": embedder_identity(config.embedder)}
    verifier = config.gate.verifier_identity()
    return found if verifier is None else found | {"verifier": verifier}


ENGINES = {
    "trl": ("inference", "tasks.train_agent.trl.engine"),
    "verl": ("verl", "tasks.train_agent.verl.engine"),
}


def environment(config: TrainAgentConfig) -> str:
    """The environment of the engine that trains."""
    return ENGINES[config.engine][0]


def gpus(config: TrainAgentConfig) -> int | None:
    """GPUs of this machine that training takes; None: all of them."""
    return (config.verl.gpus or None) if config.engine == "verl" else 1


def variables(config: TrainAgentConfig, cuda: bool) -> dict[str, str]:
    """Environment variables of the engine, for a vLLM in TRL's process; verl starts its own."""
    return engine_variables(cuda) if config.engine == "trl" and config.rollout == "vllm" else {}


LARGEST_ON_TRANSFORMERS = 500_000_000  # parameters of a backbone from which sampling with transformers takes weeks


class UnfitEngine(ValueError):
    """An engine that would not end within days for this backbone."""


def check_engine(config: TrainAgentConfig, backbone: Path, cuda: bool) -> None:
    """Raises UnfitEngine where TRL would sample from a large backbone with transformers, on a GPU."""
    if not cuda or config.engine != "trl" or config.rollout != "transformers":
        return
    if (size := parameters(backbone)) > LARGEST_ON_TRANSFORMERS:
        raise UnfitEngine(
            f"train_agent.engine=trl with train_agent.rollout=transformers samples a backbone of {size / 1e9:.1f}B "
            "parameters for weeks (about 20 days for Mistral-7B, where the paper's way takes one): set "
            "train_agent.engine=verl (its GPUs by --preset one_gpu or four_gpus), or train_agent.rollout=vllm"
        )


def smaller(config: TrainAgentConfig) -> TrainAgentConfig | None:
    """Half of the rewrites, or of verl's tokens, in a pass; verl's holds at least one prompt with its rewrite."""
    if config.engine == "trl":
        return config.model_copy(update={"micro_batch": half}) if (half := config.micro_batch // 2) else None
    tokens = config.verl.tokens_per_gpu // 2
    if tokens < config.max_prompt_tokens + config.max_new_tokens:
        return None
    return config.model_copy(update={"verl": config.verl.model_copy(update={"tokens_per_gpu": tokens})})


def memory(config: TrainAgentConfig, *, backbone: Path, rows: Path) -> int:
    """Bytes that training takes on a machine without GPUs."""
    return on_cores(backbone, config.dtype, partial(host_bytes, config))


@stage(
    version=3,
    environment=environment,
    gpus=gpus,
    memory=memory,
    identity=identity,
    timeout_minutes=7 * 24 * 60,
    smaller=smaller,
    shows=view,
)
def train_agent(config: TrainAgentConfig, out: Path, *, backbone: Path, rows: Path) -> Metrics:
    """Train the agent on `rows`; resumes from the newest whole checkpoint of a killed attempt in `out`.

    Returns:
        rows, kept, overlong, no_room, steps, seconds, and pass_rate, nll, diversity, length_passing, kl and
        groups_without_signal (a share) of the first and of the last three steps.

    Raises:
        EngineError: training failed; the canary found rollouts that are not the policy's; too few rows fit.
        EnvironmentMissing: the engine's environment is not installed (`make setup-verl`).
        SourceError: the embedding model cannot be had.
        UnfitEngine: TRL with rollouts by transformers, on a GPU, for a backbone over 500M parameters.
        UnfitJudge: the arithmetic checker judges alone and refuses the rows' own solutions.
    """
    check_engine(config, backbone, settings().cuda())
    require_fit(config.gate, rows / "rows.jsonl")
    spec = TrainSpec(
        config=config,
        backbone=backbone,
        rows=rows / "rows.jsonl",
        embedder=embedder_location(config.embedder),
        out=out,
        cuda=settings().cuda(),
    )
    with handled_by(SamplesView(out)):
        run(*ENGINES[config.engine], spec, out, variables(config, spec.cuda))
    return read_metrics(out)
