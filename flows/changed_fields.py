"""What an experiment changes of its backbone's file: {"sample.rows": 500}, as a report says it and `--set` takes it."""

from collections.abc import Iterator
from typing import Any

from flows.experiment import Experiment, load_experiment
from flows.experiment_files import backbone_names


def changed_fields(experiment: Experiment) -> dict[str, Any] | None:
    """What differs from the file of the experiment's backbone, as `--set` takes it: {"sample.rows": 500}.

    None where no file under infra/backbones has the backbone's name: the experiment came from a file of the user's own.
    """
    if experiment.backbone.name not in backbone_names():
        return None
    of_file = load_experiment(experiment.backbone.name).model_dump(mode="json", exclude={"placement"})
    return dict(_differences(of_file, experiment.model_dump(mode="json", exclude={"placement"}), ""))


def _differences(before: dict[str, Any], after: dict[str, Any], at: str) -> Iterator[tuple[str, Any]]:
    for name, value in after.items():
        if isinstance(value, dict) and isinstance(before.get(name), dict):
            yield from _differences(before[name], value, f"{at}{name}.")
        elif name not in before or value != before[name]:
            yield f"{at}{name}", value
