"""Lengths are dealt to packs of about equal sums, so that rows of many lengths go through a model without padding.

In:  [700, 90, 310, 400], two packs
Out: [[0, 1], [3, 2]]      places of the lengths: 790 and 710 tokens
"""

from collections.abc import Sequence
from math import ceil


def deal(lengths: Sequence[int], packs: int) -> list[list[int]]:
    """Places of `lengths` in so many packs: the longest first, each where there is the least."""
    dealt: list[list[int]] = [[] for _ in range(packs)]
    sums = [0] * packs
    for place in sorted(range(len(lengths)), key=lambda place: (-lengths[place], place)):
        least = sums.index(min(sums))
        dealt[least].append(place)
        sums[least] += lengths[place]
    return dealt


def fewest(lengths: Sequence[int], most: int) -> list[list[int]]:
    """Places of `lengths` in the fewest packs that `deal` keeps within `most`; a longer one makes `most` its own."""
    if not lengths:
        return []
    most = max(most, max(lengths))
    packs = ceil(sum(lengths) / most)
    while largest(lengths, dealt := deal(lengths, packs)) > most:
        packs += 1
    return dealt


def largest(lengths: Sequence[int], packs: Sequence[Sequence[int]]) -> int:
    """The largest sum of a pack."""
    return max(sum(lengths[place] for place in pack) for pack in packs)
