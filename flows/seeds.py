"""Runs with one training seed after the other: those that are asked for, or the next that the store lacks.

In:  seeds (0, 1), or "next"; what is run with a seed
Out: {"sft/0": {"model": …, "scores": …}, "sft/1": {…}, …}: artifacts by role
"""

from collections.abc import Callable, Mapping
from itertools import count
from typing import Any

from flows.form import Seeds
from tasks.runtime.futures import settle
from tasks.runtime.stage import BUILT

Runs = dict[str, Mapping[str, object]]  # by "method/seed": artifacts by role
COSTLY = ("agent", "model", "scores")  # roles of what a new seed makes anew


def run_seeds(seeds: Seeds, run: Callable[[int], Runs], name: Callable[[int], None]) -> Runs:
    """`run` with each of the seeds, by "method/seed".

    "next": the seeds from 0 up, as the store has them, and the first of which something was still to be made. After a
    change of corpora, config, code or a lock that is seed 0 again. `name` is told each of them.
    """
    runs: Runs = {}
    for seed in count() if seeds == "next" else seeds:
        if seeds == "next":
            name(seed)
        runs |= (made := run(seed))
        if seeds == "next":
            costly: list[Any] = [one[role] for one in made.values() for role in COSTLY if role in one]
            failed = [settle(future) for future in costly]
            if any(failed) or any(future.state.name == BUILT for future in costly):
                break  # a seed of which something failed is the one to go on with
    return runs
