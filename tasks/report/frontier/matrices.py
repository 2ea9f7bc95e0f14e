"""What was measured as matrices, one a method at a rate, over its seeds.

In:  by rate and run answers {"sft/0": {"math500": {"row-1": 1.0, …}}}, or rises of thermometers by text
Out: "sft@0.0008" -> benchmark or thermometer -> [seeds, rows], rows in the order of their ids
"""

from collections.abc import Mapping, Sequence
from hashlib import sha256

import numpy as np

from tasks.report.frontier.curves import at
from tasks.report.frontier.data import RISES
from tasks.report.paired import paired
from tasks.report.statistics import Matrix

Answers = Mapping[str, Mapping[str, float]]  # benchmark or thermometer -> row id -> value
Matrices = dict[str, dict[str, Matrix]]


class FrontierError(ValueError):
    """Runs that cannot be compared; says which."""


def of_answers(base: Answers, runs: Mapping[float, Mapping[str, Answers]]) -> Matrices:
    """Of the base and every run.

    Raises:
        FrontierError: a run was asked other questions than the base.
    """
    asked = {"base": [base]}
    for rate, method, of_seeds in _by_method(runs):
        for run, answers in of_seeds.items():
            if other := sorted(name for name in base if answers.get(name, {}).keys() != base[name].keys()):
                raise FrontierError(f"{run} at {rate:g} was asked other questions than the base: {', '.join(other)}")
        asked[at(method, rate)] = list(of_seeds.values())
    found: Matrices = {who: {} for who in asked}
    for name in base:
        for who, matrix in paired({who: [one[name] for one in of] for who, of in asked.items()}).items():
            found[who][name] = matrix
    return found


def of_rises(rises: Mapping[float, Mapping[str, Answers]], seeds: Mapping[str, int]) -> Matrices:
    """Of methods at rates where every seed was read by the thermometer, on the texts that all of them have read; the
    base's own rise is nothing."""
    measured = {at(method, rate): list(of.values()) for rate, method, of in _by_method(rises)}
    whole = {name: of for name, of in measured.items() if len(of) == seeds.get(name)}
    found: Matrices = {}
    for outcome in RISES:
        having = {name: [one[outcome] for one in of] for name, of in whole.items() if all(outcome in one for one in of)}
        for name, matrix in paired(having).items():
            found.setdefault("base", {})[outcome] = np.zeros((1, matrix.shape[1]))
            found.setdefault(name, {})[outcome] = matrix
    return found


def half_of(ids: Mapping[str, Sequence[str]], number: int) -> dict[str, list[str]]:
    """The questions whose id's digest is even (0) or odd (1): the same ones in every study."""
    return {name: [row for row in rows if sha256(row.encode()).digest()[0] % 2 == number] for name, rows in ids.items()}


def half(
    answers: Mapping[str, Mapping[str, Matrix]], ids: Mapping[str, Sequence[str]], chosen: Mapping[str, Sequence[str]]
) -> Matrices:
    """The chosen questions' columns; texts stay whole."""
    columns = {name: np.isin(rows, chosen[name]) for name, rows in ids.items()}
    return {
        who: {name: found[:, columns[name]] if name in columns else found for name, found in of.items()}
        for who, of in answers.items()
    }


def _by_method(runs: Mapping[float, Mapping[str, Answers]]) -> list[tuple[float, str, dict[str, Answers]]]:
    """Runs of one method at one rate, by rising seed: the same order at every rate."""
    found: dict[tuple[float, str], dict[str, Answers]] = {}
    for rate in sorted(runs):
        for run in sorted(runs[rate], key=lambda name: int(name.partition("/")[2] or 0)):
            found.setdefault((rate, run.partition("/")[0]), {})[run] = runs[rate][run]
    return [(rate, method, of) for (rate, method), of in found.items()]
