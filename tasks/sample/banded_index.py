"""Locality-sensitive hashing of sketches: which earlier ones agree with a new one in all values of some band.

In:  BandedIndex(bands=2, width=2); add([1, 2, 3, 4]), add([1, 2, 9, 9]), add([5, 5, 9, 9])
Out: set(), {0}, {1}

A band is a table of places, found by a 64-bit hash of the band's values; the bands of a sketch are looked up at once,
in arrays. Only places that share a hash are listed, in `_groups`: in text that no template made they are few.
"""

import numpy as np
from numpy.typing import NDArray

_FIRST = 1024  # sketches that there is room for at first
_ROOM = 2  # slots of a table a sketch, at least


class BandedIndex:
    """Sketches in the order in which they came, each known by its place."""

    def __init__(self, bands: int, width: int) -> None:
        """`bands` of `width` values each; a sketch has at least so many values, and those beyond are not looked at."""
        self._bands, self._width, self._count = np.arange(bands), width, 0
        self._factors = np.random.default_rng(0).integers(0, 2**63, width, np.uint64) * np.uint64(2) + np.uint64(1)
        self._hashes = np.empty((0, bands), np.uint64)
        self._groups: list[list[int]] = []
        self._group = np.empty((0, bands), np.int32)  # of a place in a band; -1: nobody shares its hash
        self._grow(_FIRST)

    def add(self, sketch: NDArray[np.unsignedinteger]) -> set[int]:
        """Places of the earlier sketches that share a band with this one, which is the next place."""
        if self._count == len(self._hashes):
            self._grow(2 * self._count)
        place, hashes = self._count, self._hashed(sketch)
        slots = self._slots(hashes)
        before = self._table[self._bands, slots]
        self._hashes[place], self._group[place] = hashes, -1
        self._table[self._bands, slots] = place
        self._count += 1
        found = set[int]()
        for band in np.flatnonzero(before >= 0):
            last = int(before[band])
            if self._group[last, band] < 0:
                self._group[last, band] = len(self._groups)
                self._groups.append([last])
            self._group[place, band] = self._group[last, band]
            group = self._groups[self._group[last, band]]
            found.update(group)
            group.append(place)
        return found

    def _hashed(self, sketch: NDArray[np.unsignedinteger]) -> NDArray[np.uint64]:
        values = sketch[: len(self._bands) * self._width].astype(np.uint64).reshape(-1, self._width)
        hashes = np.zeros(len(self._bands), np.uint64)
        for column in range(self._width):  # a product mixes upwards, the shift downwards
            hashes = (hashes ^ values[:, column]) * self._factors[column]
            hashes ^= hashes >> np.uint64(29)
        return hashes

    def _slots(self, hashes: NDArray[np.uint64]) -> NDArray[np.int64]:
        """In each band's table the slot of the last sketch of this hash, or the free one where it belongs."""
        last = self._table.shape[1] - 1
        slots = (hashes & np.uint64(last)).astype(np.int64)
        open_ = self._bands
        while len(open_):
            held = self._table[open_, slots[open_]]
            other = (held >= 0) & (self._hashes[held, open_] != hashes[open_])
            open_ = open_[other]
            slots[open_] = (slots[open_] + 1) & last
        return slots

    def _grow(self, room: int) -> None:
        """Room for so many sketches, a power of two; those that are there are put into larger tables."""
        bands = len(self._bands)
        hashes, group = np.empty((room, bands), np.uint64), np.empty((room, bands), np.int32)
        hashes[: self._count], group[: self._count] = self._hashes[: self._count], self._group[: self._count]
        self._hashes, self._group = hashes, group
        self._table = np.full((bands, _ROOM * room), -1, np.int32)
        for place in range(self._count):
            self._table[self._bands, self._slots(hashes[place])] = place
