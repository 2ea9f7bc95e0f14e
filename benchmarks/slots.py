"""A simulated day of a study on 4 and on 8 GPUs: the share of GPU time in which a stage holds a GPU.

    {"name": "slots/4/hours/busy", "value": 0.958, "unit": "share of GPU time in use",
     "baseline": {"name": "first come, holds what it has", "value": 0.958}, "ratio": 1.0, "spread": [1.0, 1.0], "n": 20}

The policy is the real one, `left_for` of tasks/runtime/slots.py; the clock is simulated. Beside it, the policy that was
there before: whoever is first in the line takes each GPU as it comes free, holds it while it waits for the rest, and
nobody overtakes. Six chains of stages (one a method and seed) are under way at any time, each stage asks when the one
before it has ended, and a new chain begins where one ends, so that there is always work: what is not in use was lost to
waiting. Hours are drawn around what flows/plan/table.yaml reckons; n days a figure, both policies of the same days.
`/longest` is the longest wait of a stage that needs all GPUs: what overtaking costs it.
"""

import heapq
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count, product

from benchmarks._beside import tell
from tasks.runtime.slots import PATIENCE, left_for

DAY, HOUR = 24 * 3600.0, 3600.0
CHAINS, DAYS, WARM = 6, 20, 12 * HOUR  # the first hours, in which all chains begin alike, are not counted
ALL = 0  # of the machine's GPUs
# Stage, GPUs, hours; a rewrite is four shards that ask at once. An agent's chain, and that of a method without one.
Stages = list[list[tuple[int, float]]]
AGENT: Stages = [
    [(ALL, 3.0)],
    [(1, 0.3)],
    [(1, 0.5)] * 4,
    [(2, 1.5)],
    [(1, 0.4)] * 3,
    [(1, 0.2)],
]
PLAIN: Stages = [[(1, 0.4)] * 4, [(2, 1.5)], [(1, 0.4)] * 3, [(1, 0.2)]]
AGENTS = 0.25  # share of the chains
SIZES = {"hours": 1.0, "minutes": 0.03}  # of models of 3 to 7B; of half a billion, or of few rows

Waiting = list[tuple[float, int]]  # when it asked, GPUs
Policy = Callable[[float, int, Waiting], list[int]]  # moment, free GPUs, who waits: places of those that begin


@dataclass(frozen=True)
class Day:
    """What came of a day: share of GPU time in use, and the longest wait of a stage that needs all GPUs, in hours."""

    busy: float
    longest: float


def main() -> None:
    for gpus, (size, scale) in product((4, 8), SIZES.items()):
        days = [[day(gpus, policy, seed, scale) for seed in range(DAYS)] for policy in (backfilled, held_in_turn)]
        for name, unit in (("busy", "share of GPU time in use"), ("longest", "h")):
            ours, theirs = ([getattr(one, name) for one in part] for part in days)
            better = {"better": "lower"} if name == "longest" else {}
            tell(f"slots/{gpus}/{size}/{name}", unit, "first come, holds what it has", ours, theirs, **better)


def backfilled(now: float, free: int, waiting: Waiting) -> list[int]:
    """As `slots.take` decides: all or none, oldest first; others may overtake for a while."""
    begin: list[int] = []
    for place, (_, wanted) in enumerate(waiting):
        before = [(now - asked, more) for at, (asked, more) in enumerate(waiting[:place]) if at not in begin]
        if wanted <= left_for(free, before, PATIENCE):
            begin.append(place)
            free -= wanted
    return begin


def held_in_turn(_: float, free: int, waiting: Waiting) -> list[int]:
    """The first alone takes what comes free and holds it; the next one's turn is when that has all."""
    begin: list[int] = []
    for place, (_, wanted) in enumerate(waiting):
        if wanted > free:
            break
        begin.append(place)
        free -= wanted
    return begin


def day(gpus: int, policy: Policy, seed: int, scale: float) -> Day:
    """A day after the warm-up, its stages `scale` of their hours. Each chain draws by its own number, so that it is the
    same for every policy."""
    ends: list[tuple[float, int, int, int]] = []  # moment, order, chain, GPUs
    waiting: list[tuple[float, int, int, float]] = []  # when it asked, chain, GPUs, seconds that it takes
    chains: dict[int, Iterator[list[tuple[int, float]]]] = {}
    open_stages: dict[int, int] = {}
    numbers, order = count(), count()
    now, free, used, longest = 0.0, gpus, 0.0, 0.0

    def ask(chain: int) -> None:
        if (stage := next(chains[chain], None)) is None:
            del chains[chain]
            begin()
        else:
            open_stages[chain] = len(stage)
            waiting.extend((now, chain, wanted or gpus, seconds) for wanted, seconds in stage)

    def begin() -> None:
        chain = next(numbers)
        chains[chain] = drawn(seed, chain, scale)
        ask(chain)

    for _ in range(CHAINS):
        begin()
    until = WARM + DAY
    while now < until:
        # Who overtakes may do so when something comes free, and no longer once a patience has run out.
        places = policy(now, free, [(asked, wanted) for asked, _, wanted, _ in waiting])
        for place in places:
            asked, chain, wanted, seconds = waiting[place]
            free -= wanted
            heapq.heappush(ends, (now + seconds, next(order), chain, wanted))
            used += wanted * max(0.0, min(until, now + seconds) - max(WARM, now))
            if wanted == gpus and now > WARM:
                longest = max(longest, (now - asked) / HOUR)
        waiting = [one for place, one in enumerate(waiting) if place not in set(places)]
        now, _, chain, given = heapq.heappop(ends)
        free += given
        open_stages[chain] -= 1
        if not open_stages[chain]:
            ask(chain)
    return Day(used / (gpus * DAY), longest)


def drawn(seed: int, chain: int, scale: float) -> Iterator[list[tuple[int, float]]]:
    """The stages of a chain: GPUs and seconds of each part, a third more or less."""
    draw = random.Random(f"{seed}/{chain}")
    stages: Sequence[list[tuple[int, float]]] = AGENT if draw.random() < AGENTS else PLAIN
    for stage in stages:
        yield [(wanted, hours * scale * HOUR * draw.lognormvariate(0.0, 0.3)) for wanted, hours in stage]


if __name__ == "__main__":
    main()
