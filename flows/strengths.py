"""The methods of a study, each at the strengths that are asked for; what cannot be run is refused before anything is.

In:  experiments, the methods ["sft", "sft_kl"], strengths ["sft_kl=0.5,2"]
Out: ["sft", "sft_kl=0.5", "sft_kl=2"], what `run_methods` runs; FormError("sft_kl=-1: finetune.anchor=-1.0: …")
"""

from collections.abc import Iterable, Sequence

from pydantic import ValidationError

from flows.experiment import Experiment
from flows.experiment_files import ExperimentError
from flows.form import FormError
from flows.overrides import problems
from tasks.methods.method import Method
from tasks.methods.strength import StrengthError, method_at, over_strengths


def at_strengths(experiments: Sequence[Experiment], methods: Iterable[str], asked: Sequence[str]) -> list[str]:
    """The methods' names at the strengths (tasks/methods/strength.py).

    Raises:
        FormError: a method that has none or is not compared, or a value out of its field's bounds in an experiment.
    """
    try:
        names = over_strengths(methods, asked)
    except StrengthError as error:
        raise FormError(str(error)) from None
    for name in names if asked else ():
        try:
            method = method_at(name)
            for experiment in experiments:
                experiment.of_method(method)
        except ValidationError as error:
            raise FormError(f"{name}: {problems(error, Method)}") from None
        except ExperimentError as error:
            raise FormError(f"{name}: {error}") from None
    return names
