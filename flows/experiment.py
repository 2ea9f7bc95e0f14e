"""Everything that an experiment depends on, one model a stage; the defaults are the paper's.

infra/backbones/<name>.yaml says what a backbone changes of them, infra/presets/<name>.yaml what a machine or size does:
`load_experiment("Llama-3.2-1B-Instruct", presets=["one_gpu"])` reads both.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from flows.experiment_files import BACKBONES, PRESETS, ExperimentError, absolute, merged, read_file
from flows.general_rows import ReplayConfig
from flows.overrides import OverrideError, problems, put
from tasks.assemble.assemble import AssembleConfig
from tasks.backbone.config import BackboneConfig
from tasks.corpus.corpus import CorpusConfig
from tasks.corpus.papers import PAPERS
from tasks.drift.config import DriftConfig
from tasks.evaluate.config import EvaluateConfig
from tasks.finetune.config import FinetuneConfig
from tasks.measure.config import MeasureConfig
from tasks.methods.method import RATE, Method, methods
from tasks.rewrite.config import RewriteConfig
from tasks.runtime.files.meant import meant
from tasks.runtime.files.secret import fields_with_secrets, refusal
from tasks.runtime.placement.placement import Place
from tasks.sample.sample import SampleConfig
from tasks.score.config import ScoreConfig
from tasks.split.split import SplitConfig
from tasks.train_agent.config import TrainAgentConfig
from tasks.verify.gate import GateConfig

METHODS = tuple(methods())
STUDIED = tuple(name for name, one in methods().items() if one.studied)


def known_method(name: str) -> str:
    """`name`, if a file declares such a method; raises ValueError, which says what was meant, if none does."""
    if name in METHODS:
        return name
    raise ValueError(f"{name!r} is no method: {meant(name, METHODS)}")


MethodName = Annotated[str, AfterValidator(known_method), Field(json_schema_extra={"enum": list(METHODS)})]

Stage = Literal[
    "backbone",
    "corpus",
    "questions",
    "sample",
    "split",
    "train_agent",
    "measure",
    "rewrite",
    "self_solve",
    "verify",
    "diversity",
    "assemble",
    "mix",
    "finetune",
    "average",
    "score",
    "evaluate",
    "read_base",
    "drift",
    "report",
    "frontier",
]
STAGES: tuple[Stage, ...] = get_args(Stage)


class Experiment(BaseModel):
    """One backbone's experiment. Each part is the config of the stage of its name."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, field_title_generator=lambda name, _: name.replace("_", " ").capitalize()
    )

    backbone: BackboneConfig = Field(description="pi_0: the model that rewrites, scores and is fine-tuned.")
    corpora: tuple[CorpusConfig, ...] = Field(PAPERS, min_length=1, description="Expert demonstrations, merged.")
    shared_with: tuple[BackboneConfig, ...] = Field(
        (), description="Other backbones of the study: the sample's length filter counts with their tokenizers too."
    )
    sample: SampleConfig = Field(default_factory=SampleConfig, description="What is drawn from the corpora.")
    split: SplitConfig = Field(default_factory=SplitConfig, description="Agent training, held-out, downstream SFT.")
    gate: GateConfig = Field(default_factory=GateConfig, description="The task-consistency gate: answers and judge.")
    train_agent: TrainAgentConfig = Field(default_factory=TrainAgentConfig, description="GRPO of the agent.")
    measure: MeasureConfig = Field(default_factory=MeasureConfig, description="The agent on held-out rows.")
    rewrite: RewriteConfig = Field(default_factory=RewriteConfig, description="Decoding of the rewrites.")
    assemble: AssembleConfig = Field(default_factory=AssembleConfig, description="Verify, fall back (eq. 14).")
    replay: ReplayConfig | None = Field(
        None, description="General rows, which methods with a mixture (replay_10, on_policy_replay) train on as well."
    )
    score: ScoreConfig = Field(default_factory=ScoreConfig, description="NLL of the targets under pi_0.")
    finetune: FinetuneConfig = Field(default_factory=FinetuneConfig, description="Downstream SFT.")
    evaluate: EvaluateConfig = Field(default_factory=EvaluateConfig, description="Benchmarks.")
    drift: DriftConfig = Field(default_factory=DriftConfig, description="Thermometers of forgetting.")
    placement: dict[Stage, Place] = Field(
        default_factory=dict,
        description="Stage → work pool that builds it, with GPUs and memory: {train_agent: {pool: gpu}}; the others "
        "are built where the run is. Changes no result.",
        json_schema_extra={"key": False},
    )

    @model_validator(mode="before")
    @classmethod
    def _empty_json_of_the_form(cls, values: Any) -> Any:
        """Prefect's run form (3.8.8) sends {"__prefect_kind": "json"}, without a value, for an empty JSON field."""
        return without_empty_json(values)

    @model_validator(mode="before")
    @classmethod
    def _one_gate(cls, values: Any) -> Any:
        """The reward, dataset assembly and self-solving are judged alike."""
        for part in ("train_agent", "measure"):
            if isinstance(values, dict) and isinstance(values.get(part), dict) and "gate" in values[part]:
                raise ValueError(f"{part}.gate: one gate decides everywhere; set `gate` of the experiment")
        return values

    @field_validator("placement", mode="before")
    @classmethod
    def _stages_are_there(cls, table: Any) -> Any:
        for name in table if isinstance(table, dict) else ():
            if name not in STAGES:
                raise ValueError(f"there is no stage {name!r}: {meant(name, STAGES)}")
        return table

    def reading(self, corpus: CorpusConfig) -> CorpusConfig:
        """A corpus, of whose rows the gate's verifier says which can be verified."""
        return corpus.model_copy(update={"verifier": self.gate.verifier, "options": self.gate.options})

    def grpo(self, seed: int) -> TrainAgentConfig:
        """GRPO of one seed, with the experiment's gate."""
        return self.train_agent.model_copy(update={"gate": self.gate, "seed": self.train_agent.seed + seed})

    def measuring(self) -> MeasureConfig:
        """Measuring on held-out rows, with the gate of training and, unless it has its own, the embeddings."""
        embedder = self.measure.embedder or self.train_agent.embedder
        return self.measure.model_copy(update={"gate": self.gate, "embedder": embedder})

    def thermometers(self) -> DriftConfig:
        """The thermometers, with the benchmarks' data where evaluation has it."""
        return self.drift.model_copy(update={"benchmark_data": self.evaluate.benchmark_data})

    def of_method(self, method: Method) -> "Experiment":
        """The experiment with what the method changes of it. The loss is the method's alone, the rate in its measure.

        Raises:
            ExperimentError: it changes a field that does not exist, or to what does not fit.
        """
        own: dict[str, Any] = {"finetune.loss": "nll"} | method.changes
        if method.rate != 1.0:
            own[RATE] = float(f"{self.finetune.learning_rate * method.rate:.12g}")  # 0.012, not 0.011999999999999999
        return load_experiment(self, own)

    def sft(self, seed: int) -> FinetuneConfig:
        """Downstream SFT of one seed."""
        return self.finetune.model_copy(update={"seed": self.finetune.seed + seed})

    def gpus(self) -> int | None:
        """The most GPUs that a stage of it trains on; 0 for a backbone that a CPU does, None for all that there are."""
        agent = self.train_agent
        if agent.engine == "verl":
            return agent.verl.gpus * agent.verl.machines or None
        return int(agent.rollout == "vllm")

    def all_backbones(self) -> list[BackboneConfig]:
        """The backbones whose tokenizers the sample is filtered with, in an order that all of them share."""
        return sorted({one.name: one for one in (self.backbone, *self.shared_with)}.values(), key=lambda one: one.name)


def without_empty_json(value: Any) -> Any:
    """`value` without the fields that a run form left empty."""
    if isinstance(value, dict):
        return {name: without_empty_json(one) for name, one in value.items() if one != {"__prefect_kind": "json"}}
    return [without_empty_json(one) for one in value] if isinstance(value, list) else value


def load_experiment(
    backbone: "str | Experiment", overrides: Mapping[str, Any] | None = None, presets: Sequence[str] = ()
) -> Experiment:
    """The experiment of a backbone: its file's values, then those of the presets in their order, then the overrides.

    Args:
        backbone: a name under infra/backbones, a YAML file, or the folder of a model; or a whole experiment.
        overrides: what to change, by dotted field: {"sample.rows": 500, "drift.passages": "mine.jsonl"}; a relative
            path is looked up in the current folder first, then from the project's root.
        presets: names under infra/presets, or YAML files of the same kind: part of an experiment.

    Raises:
        ExperimentError: no such backbone or preset, or a field that does not exist or does not fit.
    """
    values: dict[str, Any]
    if isinstance(backbone, Experiment):
        title, values = backbone.backbone.name, backbone.model_dump(mode="json", exclude_unset=True)
    elif Path(title := backbone).is_dir():
        folder = Path(backbone).resolve()
        values = {"backbone": {"name": folder.name, "model": str(folder)}}
    else:
        values = read_file(backbone, "backbone", BACKBONES, "a YAML file, or the folder of a model")
    for preset in presets:
        values = merged(values, read_file(preset, "preset", PRESETS, "a YAML file"))
    try:
        for field, value in (overrides or {}).items():
            put(values, Experiment, field, absolute(value, Path.cwd(), field.rpartition(".")[2]))
        if secrets := [*fields_with_secrets(values)]:
            raise ExperimentError(refusal(secrets))
        return Experiment.model_validate(values)
    except OverrideError as error:
        raise ExperimentError(str(error)) from None
    except ValidationError as error:
        raise ExperimentError(f"{' + '.join([title, *presets])}: {problems(error, Experiment)}") from None
