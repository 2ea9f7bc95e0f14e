"""A stable id for every row: its own where it has one, its place where not, made unique where it repeats.

In:  ids 1, 1, null, ["a"]  on lines 1 to 4        Out: "1", "1#2", "line 3", "line 4"
"""

from typing import Any


class Ids:
    """Gives ids in the file's order; the same file gives the same ids."""

    def __init__(self) -> None:
        self._given: set[str] = set()
        self.repeated = 0

    def unique(self, own: Any, place: str) -> str:
        """`own` as text where it is a text or an integer, else `place`; with "#2" and so on behind it if need be."""
        named = (isinstance(own, str) and bool(own.strip())) or (isinstance(own, int) and not isinstance(own, bool))
        name = str(own) if named else place
        found, number = name, 1
        while found in self._given:
            number += 1
            found = f"{name}#{number}"
        self.repeated += found != name and named
        self._given.add(found)
        return found
