"""A method of fine-tuning: targets, mixture, loss, weights, and how a reader knows it. One YAML file declares it.

In:  tasks/methods/dft.yaml: {label: DFT, said: "the expert's solutions, …", order: 50, changes: {finetune.loss: dft}}
Out: Method(name="dft", label="DFT", targets=Targets(rewriter=None, …), changes={"finetune.loss": "dft"}, …)

The file is all: the command line, the form, the study, the plan and the report take their methods from `methods()`.
REWRITING_AGENT_METHODS names a folder with files of one's own, which go before those here.
"""

from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from tasks.runtime.files.yaml_text import YamlError, mapping, validated
from tasks.runtime.settings import settings

FOLDER = Path(__file__).resolve().parent
RATE = "finetune.learning_rate"
Colour = Literal["vermillion", "blue", "green", "purple", "orange", "sky"]


class MethodError(ValueError):
    """A method's file that cannot be used: names the file and the field."""


class Targets(BaseModel):
    """Where a row's target comes from; the expert's solution where nothing else is asked for or passes the gate."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rewriter: Literal["backbone", "agent"] | None = Field(
        default=None, description="Who rewrites the expert's solutions: pi_0 by the template, or the trained agent."
    )
    self_solutions: bool = Field(
        default=False, description="pi_0 solves the questions itself; what passes goes before a rewrite."
    )
    samples: int = Field(
        default=0,
        ge=0,
        le=64,
        description="Rewrites drawn of each row, of which one is kept; 0: a greedy one.",
    )
    temperature: float = Field(default=1.0, gt=0, le=2, description="At which samples are drawn.")
    most_diverse: bool = Field(
        default=False, description="Of the samples that pass keep the one that adds most to their diversity (eq. 11)."
    )
    likeliest: bool = Field(
        default=False, description="Of the samples that pass keep the one of the lowest NLL under pi_0; else the first."
    )


class Mixture(BaseModel):
    """General rows that are trained on beside the targets: those that the experiment's `replay` names."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    share: float = Field(gt=0, le=1, description="General rows for each row of the SFT split.")
    own_answers: bool = Field(
        default=False, description="Their texts are pi_0's own greedy answers that pass replay.gate, not the rows'."
    )


class Strength(BaseModel):
    """Which of its fields makes a method act more or less: the second axis of a study, beside the learning rate."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    field: str = Field(
        description="One of `changes`, or share, mixture.share, targets.samples, targets.temperature of the file."
    )
    grid: tuple[float, ...] = Field(
        min_length=2, description="What `study --strengths` runs it at; the file's own value is one of them."
    )
    label: str = Field(pattern=r"^[^{}]*\{\}[^{}]*$", description="What the method is called at one: SFT + KL, {}.")


class Method(BaseModel):
    """What a file declares."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$", description="The file's.")
    label: str = Field(min_length=1, max_length=24, description="What figures and tables call it.")
    said: str = Field(min_length=1, description="What the form and the command line say it does.")
    order: int = Field(description="Its place in tables: methods by their order, then by name.")
    colour: Colour = Field(description="Of its points and lines.")
    dash: int = Field(
        default=0,
        ge=0,
        le=8,
        description="Of its lines: whole, dashed, dotted, dash and dot; 4 to 8: long dashes, wide gaps, two and three "
        "dots.",
    )
    studied: bool = Field(default=False, description="Whether a study compares it when no method is named.")
    variant: bool = Field(
        default=False, description="Whether it is another's variant or control: the form names it without its sentence."
    )
    targets: Targets = Field(default_factory=Targets)
    mixture: Mixture | None = Field(
        default=None, description="General rows beside the targets; none: the targets alone."
    )
    changes: dict[str, Any] = Field(
        default_factory=dict, description="Fields of the experiment that it sets, after every preset and --set."
    )
    rate: float = Field(
        default=1.0,
        gt=0,
        le=100,
        description="Its learning rate, in the experiment's: 10 for matrices of low rank, commonly trained at ten "
        "times the rate of all weights.",
    )
    share: float | None = Field(
        default=None,
        gt=0,
        lt=1,
        description="Share of the tuned weights in the average with pi_0's that is evaluated; none: the tuned model.",
    )

    strength: Strength | None = Field(default=None, description="None: it has no strength of its own.")

    @model_validator(mode="after")
    def _one_rate(self) -> "Method":
        if self.rate != 1.0 and RATE in self.changes:
            raise ValueError(f"rate {self.rate:g}: changes sets {RATE} itself; leave one of them out")
        return self

    @model_validator(mode="after")
    def _strength_is_there(self) -> "Method":
        if self.strength is None:
            return self
        own = self.own_strength()
        if not isinstance(own, (int, float)) or isinstance(own, bool):
            there = ", ".join([*self.changes, "share, mixture.share, targets.samples, targets.temperature"])
            raise ValueError(f"strength.field {self.strength.field}: the file sets no such number; it may be {there}")
        if own not in self.strength.grid:
            raise ValueError(f"strength.grid: lacks {own:g}, which {self.strength.field} is in this file")
        return self

    def own_strength(self) -> Any:
        """What the file sets its strength's field to."""
        if self.strength is None or self.strength.field in self.changes:
            return self.strength and self.changes[self.strength.field]
        at: Any = self
        for name in self.strength.field.split("."):
            at = getattr(at, name, None)
        return at

    def decides(self) -> dict[str, Any]:
        """Fields of the experiment that it sets, by its changes or by how its targets are drawn."""
        drawn = {"rewrite.temperature": self.targets.temperature} if self.targets.samples else {}
        return drawn | self.changes


@cache
def methods() -> dict[str, Method]:
    """Every method by its name, in the order of tables.

    Raises:
        MethodError: a file that declares none.
    """
    own = settings().methods
    if own is not None and not own.is_dir():
        raise MethodError(f"REWRITING_AGENT_METHODS={own}: no such folder")
    paths = {path.stem: path for folder in (FOLDER, own) if folder for path in sorted(folder.glob("*.yaml"))}
    found = [read(path) for path in paths.values()]
    return {one.name: one for one in sorted(found, key=lambda one: (one.order, one.name))}


def read(path: Path) -> Method:
    """The method that a file declares.

    Raises:
        MethodError: it declares none.
    """
    try:
        return validated(path, Method, {"name": path.stem} | mapping(path, "a method (label: …)"))
    except YamlError as error:
        raise MethodError(str(error)) from None


def text() -> str:
    """All of them in one sentence each, variants and controls by their names, for the form."""
    told = "; ".join(f"{one.name}: {one.said}" for one in methods().values() if not one.variant)
    variants = ", ".join(one.name for one in methods().values() if one.variant)
    return told + (f". Variants and controls (docs/methods.md): {variants}" if variants else "")
