"""Values by row id as matrices whose columns are the same rows for every method, so that differences are paired.

In:  {"sft": [{"row-1": 1.0, "row-2": 0.0, "row-3": 1.0}, …], "sdft": [{"row-1": 1.0, "row-2": 1.0}, …]}, one a seed
Out: {"sft": [[1, 0], …], "sdft": [[1, 1], …]}: [seeds, rows], rows that all have in the order of their ids
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from tasks.report.statistics.statistics import Matrix

ByRow = Mapping[str, float]  # row id -> value


def paired(found: Mapping[str, Sequence[ByRow]]) -> dict[str, Matrix]:
    """A matrix a method; none where no row is shared by all."""
    rows = shared_rows(one for of_seeds in found.values() for one in of_seeds)
    if not rows:
        return {}
    return {method: np.array([[one[row] for row in rows] for one in of_seeds]) for method, of_seeds in found.items()}


def shared_rows(found: Iterable[Mapping[str, Any]]) -> list[str]:
    """The ids that all have, sorted."""
    ids = [set(one) for one in found]
    return sorted(set.intersection(*ids)) if ids else []
