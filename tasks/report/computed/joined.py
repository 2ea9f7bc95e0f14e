"""The runs' values as matrices: the same rows in the same order for every method.

In:  runs as they were read (read_runs.py)
Out: {"sft": {"math500": [[1, 0, …], …]}, …}: method -> benchmark -> [seeds, rows], beside the benchmarks the yield and
     the targets' NLL, so that they are paired alike
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from tasks.evaluate.benchmark import benchmark
from tasks.report.computed.read_runs import ReadRun
from tasks.report.schema.run_data import Run
from tasks.report.statistics.paired import ByRow, paired, shared_rows
from tasks.report.statistics.statistics import Matrix

YIELD, NLL = "task-consistency yield", "target NLL"


class ReportError(ValueError):
    """Artifacts that do not fit together: says which run, and which rows."""


def methods_of(read: Iterable[ReadRun]) -> list[str]:
    """Their methods, in the order of the runs."""
    return list(dict.fromkeys(one.run.method for one in read))


def matrices(read: list[ReadRun]) -> dict[str, dict[str, Matrix]]:
    """method -> benchmark -> [seeds, rows], the same rows in the same order for every method; yield and NLL of methods
    all of whose seeds tell them row by row."""
    values: dict[str, dict[str, Matrix]] = {method: {} for method in methods_of(read)}
    for name in dict.fromkeys(name for one in read for name in one.correct):
        _join(values, name, [(one.run, one.correct[name]) for one in read if name in one.correct], same=True)
    _join(values, YIELD, _of_every_seed(read, lambda one: one.passed), same=True)
    _join(values, NLL, _of_every_seed(read, lambda one: one.nll), same=False)
    return values


def _of_every_seed(
    read: list[ReadRun], of: Callable[[ReadRun], dict[str, float]]
) -> list[tuple[Run, dict[str, float]]]:
    """The runs' values; a method of which one seed has none is left out, not told by its other seeds."""
    lacking = {one.run.method for one in read if not of(one)}
    return [(one.run, of(one)) for one in read if one.run.method not in lacking]


def _join(
    values: dict[str, dict[str, Matrix]], name: str, found: list[tuple[Run, dict[str, float]]], same: bool
) -> None:
    """Put the runs' values of `name` into matrices. `same`: other row ids in one run are an error, not left out."""
    shared, by_method = set(shared_rows(by_id for _, by_id in found)), dict[str, list[ByRow]]()
    for run, by_id in found:
        by_method.setdefault(run.method, []).append(by_id)
        if same and len(by_id) != len(shared):
            odd = sorted(set(by_id) - shared)[:3]
            raise ReportError(f"{name}: {run.method}, seed {run.seed}, has rows that others lack (first: {odd})")
    for method, matrix in paired(by_method).items():
        values[method][name] = matrix


def groups_of(values: Mapping[str, Mapping[str, Matrix]]) -> dict[Any, list[str]]:
    """Benchmarks by what they measure, in the order in which they came."""
    groups: dict[Any, list[str]] = {"math": [], "general": []}
    for name in dict.fromkeys(name for by_name in values.values() for name in by_name):
        if name not in (YIELD, NLL):
            groups[benchmark(name).group].append(name)
    return groups


def by_single_run(read: list[ReadRun]) -> dict[str, dict[str, Matrix]]:
    """Like `matrices`, each run by itself, benchmarks only: rows in the order of their ids."""
    return {
        one.name: {name: np.array([[by_id[key] for key in sorted(by_id)]]) for name, by_id in one.correct.items()}
        for one in read
    }
