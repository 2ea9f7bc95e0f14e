"""Which digests are new among millions: 8 bytes each are held, in sorted arrays that are merged as they grow.

In:  [5, 9, 5], then [9, 2]
Out: [True, True, False], then [False, True]
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


class Digests:
    """64-bit numbers that were there already."""

    def __init__(self) -> None:
        self._known: list[NDArray[np.uint64]] = []  # each sorted, and more than twice as long as the next

    def new(self, digests: Sequence[int]) -> list[bool]:
        """Of each whether it comes for the first time; they are known from now on."""
        if not digests:
            return []
        asked = np.array(digests, dtype=np.uint64)
        fresh = np.zeros(len(asked), dtype=bool)
        fresh[np.unique(asked, return_index=True)[1]] = True
        for known in self._known:
            at = np.minimum(np.searchsorted(known, asked), len(known) - 1)
            fresh &= known[at] != asked
        if fresh.any():
            self._known.append(np.sort(asked[fresh]))
        while len(self._known) > 1 and len(self._known[-2]) <= 2 * len(self._known[-1]):
            last, before = self._known.pop(), self._known.pop()
            self._known.append(np.sort(np.concatenate([before, last]), kind="stable"))
        return [bool(one) for one in fresh]
