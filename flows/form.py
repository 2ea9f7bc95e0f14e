"""What a run's form asks, the experiment that the answers stand for, and what such a run is called.

In:  backbone "nano", preset ["smoke"], changes ["sample.rows=500"], experiment None
Out: the Experiment of infra/backbones/nano.yaml + infra/presets/smoke.yaml, with 500 rows

The flows take these answers as their parameters: the form, the command line, a schedule and a program ask alike.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import Field, ValidationError

from flows.decided import refuse_elsewhere, refuse_of_methods
from flows.experiment import Experiment, load_experiment
from flows.experiment_files import ExperimentError, preset_names
from flows.overrides import OverrideError, parse, problems
from tasks.methods.method import text

# What the form says at each question; `asks` puts it into the flow's docstring, from which Prefect takes it.
QUESTIONS = {
    "method": f"How the training targets are made; vanilla SFT always runs beside it. {text()}.",
    "methods": f"What to compare; vanilla SFT is always among them. {text()}.",
    "variants": "The agent without a part of it. no_dist, no_div, task_only: a reward without r_dist, r_div, both "
    "(Table 3); success_only: rows whose rewrite fails are left out (Table 4); soft_shaping: failing rewrites are "
    "rewarded too (Table 5); k5 to k20: so many rewrites a prompt (Figure 4).",
    "seeds": "Of training (GRPO and SFT), from 0; the rows are the same for all. The next seed: the first that was not "
    "run yet, reported beside those before it, as schedules have it.",
    "preset": "How much is computed (smoke, small) and on what (one_gpu, small_gpu, four_gpus, several_machines); the "
    "later one wins. None: the whole experiment, on what the backbone's file says. What it would make, take and cost: "
    "[plan-of-a-run](/deployments?deployments.flowOrDeploymentNameLike=plan-of-a-run).",
    "changes": "Single fields of the experiment, each FIELD=VALUE: sample.rows=500, finetune.learning_rate=1e-5, "
    "corpora=[{name: mine, path: mine.jsonl}]. A field that does not exist is refused with what was meant.",
    "downstream": "Fine-tune and evaluate as well; off: only train agents and measure them on held-out rows.",
    "backbone": "A name under infra/backbones, a YAML file of your own, or the folder of a model.",
    "rates": "Learning rates of SFT, each studied with all methods; two or more are compared in a frontier, where the "
    "methods gained the same. None: the backbone's own rate.",
    "strengths": "Of methods that have a strength of their own. all: each of them over the grid of its file; "
    "sft_kl=0.5,2: that one at these. None: each at its file's.",
    "measured": "Files measured.parquet of frontiers of the same experiment, on the machine that runs this: what they "
    "hold is not run again, and compared with the rest. None: everything is run.",
    "backbones": "Names under infra/backbones, YAML files of your own, or folders of models; one report each.",
    "price": "Of a GPU-hour, on a CPU of a core-hour, in any currency.",
    "experiment": "Advanced: a whole experiment in place of the backbone's file. Preset and changes are put upon it.",
    "experiments": "Advanced: whole experiments in place of the backbones' files. Preset and changes are put on them.",
}

_Number = Annotated[int, Field(ge=0)]
Seeds = (
    Annotated[Sequence[_Number], Field(title="these seeds", min_length=1)]
    | Annotated[Literal["next"], Field(title="the next seed")]
)
Rates = Sequence[Annotated[float, Field(gt=0)]]
Strengths = Sequence[Annotated[str, Field(pattern=r"^\s*[a-z]\w*\s*(=.*)?$")]]
Presets = Sequence[Annotated[str, Field(json_schema_extra={"enum": preset_names()})]]
Changes = Sequence[Annotated[str, Field(pattern=r"^\s*\w[\w.]*\s*=")]]
Function = TypeVar("Function", bound=Callable[..., Any])


class FormError(ValueError):
    """Answers of a form that do not fit; says which and what would."""


def asks(function: Function) -> Function:
    """Add to a flow's docstring what the form says at each of its parameters."""
    given = function.__annotations__.keys() & QUESTIONS.keys()
    lines = "".join(f"    {name}: {said}\n" for name, said in QUESTIONS.items() if name in given)
    function.__doc__ = f"{(function.__doc__ or '').strip()}\n\nArgs:\n{lines}"
    return function


def experiment_of(
    backbone: str,
    preset: Sequence[str] = (),
    changes: Sequence[str] = (),
    experiment: Experiment | None = None,
    *,
    of: Iterable[str] = (),
) -> Experiment:
    """The experiment that a form's answers stand for. A change may hold several lines.

    Args:
        of: the methods that it is run with.

    Raises:
        FormError: no such backbone, preset or field, a value that does not fit, or one that a method decides.
    """
    lines = [line.strip() for one in changes for line in one.splitlines() if line.strip()]
    try:
        given = parse(lines, Experiment)
        refuse_elsewhere(given)
        asked = load_experiment(experiment or backbone, given, preset)
        refuse_of_methods(asked, given, of)
        return asked
    except (ExperimentError, OverrideError) as error:
        raise FormError(str(error)) from None


def experiments_of(parameters: Mapping[str, Any]) -> list[Experiment]:
    """The experiments of a flow's parameters as they travel, in JSON: {"backbone": "nano", "preset": ["smoke"], …}.

    Raises:
        FormError: they do not fit.
    """
    whole = [parameters.get("experiment"), *(parameters.get("experiments") or [])]
    try:
        given = [Experiment.model_validate(one) for one in whole if one is not None]
    except ValidationError as error:
        raise FormError(f"experiment: {problems(error, Experiment)}") from None
    names = parameters.get("backbones") or [parameters.get("backbone", "nano")]
    rest = parameters.get("preset") or (), parameters.get("changes") or ()
    of = parameters.get("methods") or ([parameters["method"]] if "method" in parameters else [])
    made = [experiment_of("", *rest, one, of=of) for one in given]
    return made or [experiment_of(name, *rest, of=of) for name in names]


def name_of(kind: str, parameters: Mapping[str, Any], seed: int | None = None) -> str:
    """What a run is called: nano-sft-seed-0, nano-smoke-study-seeds-0-1, nano-ablation-seed-next.

    Args:
        kind: pipeline, study or ablation: the flow.
        seed: the one that "next" turned out to be.
    """
    whole = [parameters.get("experiment"), *(parameters.get("experiments") or [])]
    names = [_field(_field(one, "backbone"), "name") for one in whole if one is not None]
    names = names or [
        Path(name).name.removesuffix(".yaml")
        for name in parameters.get("backbones") or [parameters.get("backbone", "nano")]
    ]
    asked = parameters.get("seeds", [0]) if seed is None else [seed]
    seeds = [asked] if isinstance(asked, str) else [str(one) for one in asked]
    what = parameters.get("method", "rewriting_agent") if kind == "pipeline" else kind
    what += f"-{len(rates)}-rates" if (rates := parameters.get("rates")) else ""
    what += "-strengths" if parameters.get("strengths") else ""
    ends = f"seed{'s' if len(seeds) > 1 else ''}-{'-'.join(seeds)}"
    return "-".join([*names, *(parameters.get("preset") or ()), what, ends])


def tags_of(kind: str, parameters: Mapping[str, Any], experiments: Sequence[Experiment]) -> list[str]:
    """What a run is found by: kind:pipeline, backbone:nano, method:sft, and cpu, gpu:4 or gpu:all."""
    methods = parameters.get("methods") or [parameters.get("method", "rewriting_agent")]
    needed = [one.gpus() for one in experiments]
    gpus = "gpu:all" if None in needed else f"gpu:{most}" if (most := max(one or 0 for one in needed)) else "cpu"
    found = {f"kind:{kind}", *(f"backbone:{one.backbone.name}" for one in experiments)}
    found |= {f"method:{method}" for method in methods} | {gpus}
    return sorted(found)


def _field(value: Any, name: str) -> Any:
    return value[name] if isinstance(value, Mapping) else getattr(value, name)
