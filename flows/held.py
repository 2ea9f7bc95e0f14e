"""Runs of a study whose results files hold: measured elsewhere, or before. They are not made again.

In:  ["docs/measured/nano.parquet"], a study of nano at the rates [0.0004, 0.0008]
Out: Held: of nano at 0.0004 {"sft/0": "docs/measured/nano.parquet", …}, and the files, which nano's frontier takes
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from flows.experiment import Experiment
from flows.form import FormError
from tasks.report.frontier.matrices import FrontierError
from tasks.report.frontier.measured import Contents, Recipe, contents, made_alike
from tasks.report.frontier.read import recipe
from tasks.runtime.planning import walking


class Held:
    """What the files of each backbone hold."""

    def __init__(self, files: Mapping[Path, Contents]) -> None:
        self._files = files

    def files(self, backbone: str) -> list[Path]:
        """Those of the backbone."""
        return [path for path, one in self._files.items() if one.backbone == backbone]

    def rates(self, backbone: str) -> set[float]:
        """The rates at which files hold a run of the backbone."""
        return {rate for path in self.files(backbone) for rate in self._files[path].runs}

    def lacks(self, backbone: str, rate: float, names: Iterable[str], seed: int) -> list[str]:
        """Those of the methods that are still to be run with a seed."""
        held = {name for path in self.files(backbone) for name in self._files[path].runs.get(rate, {})}
        return [name for name in names if f"{name}/{seed}" not in held]

    def check(self, experiment: Experiment, runs: Mapping[str, Mapping[str, Any]]) -> None:
        """Refuse, while the study is planned, what its frontier would refuse when all of it is made.

        Args:
            runs: what is planned at the experiment's learning rate: by "method/seed" its artifacts by role.

        Raises:
            FormError: a file is of other benchmarks, or holds runs of other rows or seeds of a method that are made
                otherwise.
        """
        of, rate = experiment.backbone.name, experiment.finetune.learning_rate
        if (walk := walking()) is None or not (files := self.files(of)):
            return
        for path in files:
            if differ := self._files[path].benchmarks ^ {*experiment.evaluate.benchmarks}:
                raise FormError(f"measured: {path} and this study differ in benchmarks: {', '.join(sorted(differ))}")
        models = {name: one["model"].artifacts().key for name, one in runs.items() if "model" in one}
        load = cache(lambda key: walk.manifest(key).model_dump(mode="json"))  # all models come from the same sample
        planned = {("this study", rate, name): recipe(key, load) for name, key in models.items()}
        try:
            made_alike(self._recipes(of) | planned)
        except FrontierError as error:
            raise FormError(f"measured: {error}") from None

    def _recipes(self, backbone: str) -> dict[tuple[str, float, str], Recipe]:
        return {
            (str(path), rate, name): made
            for path in self.files(backbone)
            for rate, runs in self._files[path].runs.items()
            for name, made in runs.items()
        }


def held_in(files: Sequence[Path], backbones: Sequence[str], rates: Sequence[float]) -> Held:
    """What the files hold.

    Raises:
        FormError: no rates are studied, or a file is none of a frontier, or of none of the backbones.
    """
    if files and not rates:
        raise FormError("measured: files of frontiers are added to by a study over rates; name the rates too")
    held: dict[Path, Contents] = {}
    for path in files:
        try:
            held[path] = contents(path)
        except FrontierError as error:
            raise FormError(f"measured: {error}") from None
        if (of := held[path].backbone) not in backbones:
            raise FormError(f"measured: {path} is of {of}, and {', '.join(dict.fromkeys(backbones))} is studied")
    return Held(held)
