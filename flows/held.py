"""Runs of a study whose results files hold: measured elsewhere, or before. They are not made again.

In:  ["docs/measured/nano.parquet"], a study of nano at the rates [0.0004, 0.0008]
Out: Held: of nano at 0.0004 {"sft/0", "sft/1", …}, and the file, which nano's frontier takes
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from flows.form import FormError
from tasks.report.frontier.matrices import FrontierError
from tasks.report.frontier.measured import runs_in


@dataclass(frozen=True)
class Held:
    """By backbone its files, and by backbone and rate the names of the runs in them."""

    files: dict[str, list[Path]] = field(default_factory=dict)
    runs: dict[tuple[str, float], set[str]] = field(default_factory=dict)

    def lacks(self, backbone: str, rate: float, names: Iterable[str], seed: int) -> list[str]:
        """Those of the methods that are still to be run with a seed."""
        return [name for name in names if f"{name}/{seed}" not in self.runs.get((backbone, rate), ())]

    def rates(self, backbone: str) -> set[float]:
        """The rates at which files hold a run of the backbone."""
        return {rate for of, rate in self.runs if of == backbone}


def held_in(files: Sequence[Path], backbones: Sequence[str], rates: Sequence[float]) -> Held:
    """What the files hold.

    Raises:
        FormError: no rates are studied, or a file is none of a frontier, or of none of the backbones.
    """
    if files and not rates:
        raise FormError("measured: files of frontiers are added to by a study over rates; name the rates too")
    held = Held()
    for path in files:
        try:
            backbone, runs = runs_in(path)
        except FrontierError as error:
            raise FormError(f"measured: {error}") from None
        if backbone not in backbones:
            raise FormError(f"measured: {path} is of {backbone}, and {', '.join(dict.fromkeys(backbones))} is studied")
        held.files.setdefault(backbone, []).append(path)
        for rate, names in runs.items():
            held.runs.setdefault((backbone, rate), set()).update(names)
    return held
