"""How much one pair of answers may cost before the comparison gives up.

In:  Spender(leaf).spend("\\{\\{1\\}\\}", "\\{\\{2\\}\\}")
Out: nothing, or TooManyComparisons once the pair has spent it all

The structure of an answer is compared by recursion in the caller's process, where no timer runs: an answer built for it
could otherwise ask for more comparisons than anyone waits for. The work is counted, not timed, so that a verdict is the
same on every machine.
"""

from collections.abc import Callable
from dataclasses import dataclass

Leaf = Callable[[str, str], bool | None]

BUDGET = 1_500_000  # under half a second; two lists of 64 triples that differ in their last item, in reverse: 900,000
_EACH = 50  # characters that a comparison costs beside those that it reads


class TooManyComparisons(Exception):
    """The pair takes more comparisons than one pair may."""


@dataclass(slots=True)
class Spender:
    """The leaf of one pair's comparison, with what that pair has left to spend."""

    leaf: Leaf
    left: int = BUDGET

    def __call__(self, gold: str, answer: str) -> bool | None:
        return self.leaf(gold, answer)

    def spend(self, gold: str, answer: str) -> None:
        """Count one comparison of two parts. Raises TooManyComparisons where none is left."""
        self.left -= _EACH + len(gold) + len(answer)
        if self.left < 0:
            raise TooManyComparisons("too many comparisons: nested lists or sets")
