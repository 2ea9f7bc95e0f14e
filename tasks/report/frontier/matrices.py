"""What was measured as matrices, one a method at a rate, over its seeds.

In:  by rate and run answers {"sft/0": {"math500": {"row-1": 1.0, …}}}, samples, or rises of thermometers by text
Out: "sft@0.0008" -> benchmark or thermometer -> [seeds, rows], rows in the order of their ids
"""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import TypeVar

import numpy as np

from tasks.report.computed.pass_at_k import Samples, alike, passing
from tasks.report.frontier.curves import at
from tasks.report.frontier.data import RISES
from tasks.report.statistics.paired import paired, shared_rows
from tasks.report.statistics.statistics import Matrix

Answers = Mapping[str, Mapping[str, float]]  # benchmark or thermometer -> row id -> value
Matrices = dict[str, dict[str, Matrix]]
Of = TypeVar("Of")  # what was measured of a run


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
            if other := other_questions(base, answers):
                raise FrontierError(f"{run} at {rate:g} was asked other questions than the base: {', '.join(other)}")
        asked[at(method, rate)] = list(of_seeds.values())
    found: Matrices = {who: {} for who in asked}
    for name in base:
        for who, matrix in paired({who: [one[name] for one in of] for who, of in asked.items()}).items():
            found[who][name] = matrix
    return found


def other_questions(base: Answers, answers: Answers) -> list[str]:
    """The base's benchmarks of which others were asked than it was, or none."""
    return sorted(name for name in base if answers.get(name, {}).keys() != base[name].keys())


def of_rises(
    rises: Mapping[float, Mapping[str, Answers]], seeds: Mapping[str, int]
) -> tuple[Matrices, dict[str, list[str]]]:
    """Of methods at rates where every seed was read by the thermometer, and by thermometer the texts that all of them
    have read; the base's own rise is nothing."""
    whole = _whole(rises, seeds)
    found: Matrices = {}
    texts: dict[str, list[str]] = {}
    for outcome in RISES:
        having = {name: [one[outcome] for one in of] for name, of in whole.items() if all(outcome in one for one in of)}
        for name, matrix in paired(having).items():
            found.setdefault("base", {})[outcome] = np.zeros((1, matrix.shape[1]))
            found.setdefault(name, {})[outcome] = matrix
        if outcome in found.get("base", {}):
            texts[outcome] = shared_rows(one for of in having.values() for one in of)
    return found, texts


def of_samples(
    base: Samples, runs: Mapping[float, Mapping[str, Samples]], seeds: Mapping[str, int]
) -> tuple[Matrices, dict[str, str], int]:
    """pass@n of the base and of methods at rates where every seed was sampled: by "pass@n of gsm8k", the benchmark of
    each such name, and n; of nothing where the base was not.

    Raises:
        ReportError: at different temperatures, or other questions than the base.
    """
    sampled = {"base": [base]} | {name: of for name, of in _whole(runs, seeds).items() if all(of)}
    if not base:
        return {}, {}, 0
    names, n, _ = alike([one for of in sampled.values() for one in of])
    called = {f"pass@n of {name}": name for name in names}
    return {who: {of: passing(one, name, n) for of, name in called.items()} for who, one in sampled.items()}, called, n


def seed_numbers(runs: Mapping[float, Mapping[str, Of]]) -> dict[str, list[int]]:
    """Of each method at each rate the numbers of its seeds, in the order of its matrices' rows."""
    return {at(method, rate): [_seed(run) for run in of] for rate, method, of in _by_method(runs)}


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


def _whole(runs: Mapping[float, Mapping[str, Of]], seeds: Mapping[str, int]) -> dict[str, list[Of]]:
    """Those of every seed, of methods at rates where all seeds have them."""
    measured = {at(method, rate): list(of.values()) for rate, method, of in _by_method(runs)}
    return {name: of for name, of in measured.items() if len(of) == seeds.get(name)}


def _by_method(runs: Mapping[float, Mapping[str, Of]]) -> list[tuple[float, str, dict[str, Of]]]:
    """Runs of one method at one rate, by rising seed: the same order at every rate."""
    found: dict[tuple[float, str], dict[str, Of]] = {}
    for rate in sorted(runs):
        for run in sorted(runs[rate], key=_seed):
            found.setdefault((rate, run.partition("/")[0]), {})[run] = runs[rate][run]
    return [(rate, method, of) for (rate, method), of in found.items()]


def _seed(run: str) -> int:
    """Of "sft/0"."""
    return int(run.partition("/")[2] or 0)
