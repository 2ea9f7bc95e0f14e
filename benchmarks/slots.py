"""A simulated day of a study on 4 and on 8 GPUs: the share of GPU time in which a stage holds a GPU.

    {"name": "slots/4/hours/busy", "value": 0.958, "unit": "share of GPU time in use",
     "baseline": {"name": "first come, holds what it has", "value": 0.958}, "ratio": 1.0, "spread": [1.0, 1.0], "n": 20}

The policy is the real one, `left_for` of tasks/runtime/slots.py; the clock is simulated. Beside it, the policy that was
there before: whoever is first in the line takes each GPU as it comes free, holds it while it waits for the rest, and
nobody overtakes. Six chains of stages (one a method and seed) are under way at any time, each stage asks when the one
before it has ended, and a new chain begins where one ends, so that there is always work: what is not in use was lost to
waiting. Stages take the GPUs that they ask for, and GPU-hours drawn around what flows/plan/table.yaml reckons; n days a
figure, both policies of the same days. `/longest` is the longest wait of a stage that needs all GPUs: what overtaking
costs it. `/dealt` is the real policy beside one by which dealt work waits for all GPUs instead of taking those that are
free.
"""

import heapq
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count, product

from benchmarks._beside import tell
from tasks.runtime.slots import PATIENCE, Dealt, fewest, given, left_for

DAY, HOUR = 24 * 3600.0, 3600.0
CHAINS, DAYS, WARM = 6, 20, 12 * HOUR  # the first hours, in which all chains begin alike, are not counted
ALL = 99  # of the machine's GPUs
Stages = Sequence[tuple[int | Dealt, float]]
# train_agent, measure, rewrite, finetune, evaluate, drift: GPUs and GPU-hours of an agent's chain, and of one without.
AGENT: Stages = [(4, 12.0), (1, 0.3), (Dealt(), 2.0), (ALL, 3.0), (Dealt(), 1.2), (1, 0.2)]
PLAIN: Stages = AGENT[2:]
AGENTS = 0.25  # share of the chains
SIZES = {"hours": 1.0, "minutes": 0.03}  # of models of 3 to 7B; of half a billion, or of few rows

Waiting = list[tuple[float, int | Dealt]]  # when it asked, GPUs
Policy = Callable[
    [float, int, int, Waiting], dict[int, int]
]  # moment, free and all GPUs, who waits: who begins on how many


@dataclass(frozen=True)
class Day:
    """What came of a day: share of GPU time in use, and the longest wait of a stage that needs all GPUs, in hours."""

    busy: float
    longest: float


def main() -> None:
    for gpus, (size, scale) in product((4, 8), SIZES.items()):

        def days(policy: Policy, gpus: int = gpus, scale: float = scale) -> list[Day]:
            return [day(gpus, policy, seed, scale) for seed in range(DAYS)]

        ours, others, whole = days(backfilled), days(held_in_turn), days(waiting_for_all)
        at, unit, before = f"slots/{gpus}/{size}", "share of GPU time in use", "first come, holds what it has"
        tell(f"{at}/busy", unit, before, *([one.busy for one in part] for part in (ours, others)))
        tell(f"{at}/longest", "h", before, *([one.longest for one in part] for part in (ours, others)), better="lower")
        tell(f"{at}/dealt", unit, "waits for all", *([one.busy for one in part] for part in (ours, whole)))


def backfilled(now: float, free: int, gpus: int, waiting: Waiting) -> dict[int, int]:
    """As `slots.take` decides: all or none, dealt work what finds room; oldest first, others may overtake a while."""
    begin: dict[int, int] = {}
    for place, (_, wanted) in enumerate(waiting):
        before = [
            (now - asked, fewest(more, gpus)) for at, (asked, more) in enumerate(waiting[:place]) if at not in begin
        ]
        left = left_for(free, before, PATIENCE)
        if found := given(wanted, left, gpus):
            begin[place] = found
            free -= found
    return begin


def waiting_for_all(now: float, free: int, gpus: int, waiting: Waiting) -> dict[int, int]:
    """The same where dealt work takes all GPUs or none."""
    return backfilled(now, free, gpus, [(asked, most(wanted, gpus)) for asked, wanted in waiting])


def held_in_turn(_: float, free: int, gpus: int, waiting: Waiting) -> dict[int, int]:
    """The first alone takes what comes free and holds it; the next one's turn is when that has all."""
    begin: dict[int, int] = {}
    for place, (_, wanted) in enumerate(waiting):
        if most(wanted, gpus) > free:
            break
        begin[place] = most(wanted, gpus)
        free -= begin[place]
    return begin


def most(wanted: int | Dealt, gpus: int) -> int:
    """GPUs that it can use."""
    return wanted.room(gpus) if isinstance(wanted, Dealt) else min(wanted, gpus)


def day(gpus: int, policy: Policy, seed: int, scale: float) -> Day:
    """A day after the warm-up, its stages `scale` of their hours. Each chain draws by its own number, so that it is the
    same for every policy."""
    ends: list[tuple[float, int, int, int]] = []  # moment, order, chain, GPUs
    waiting: list[tuple[float, int, int | Dealt, float]] = []  # when it asked, chain, GPUs, seconds on one
    chains: dict[int, Iterator[tuple[int | Dealt, float]]] = {}
    numbers, order = count(), count()
    now, free, used, longest = 0.0, gpus, 0.0, 0.0

    def ask(chain: int) -> None:
        if (stage := next(chains[chain], None)) is None:
            del chains[chain]
            begin()
        else:
            waiting.append((now, chain, *stage))

    def begin() -> None:
        chain = next(numbers)
        chains[chain] = drawn(seed, chain, scale)
        ask(chain)

    for _ in range(CHAINS):
        begin()
    until = WARM + DAY
    while now < until:
        # Who overtakes may do so when something comes free, and no longer once a patience has run out.
        places = policy(now, free, gpus, [(asked, wanted) for asked, _, wanted, _ in waiting])
        for place, taken in places.items():
            asked, chain, wanted, seconds = waiting[place]
            free -= taken
            heapq.heappush(ends, (now + seconds / taken, next(order), chain, taken))
            used += taken * max(0.0, min(until, now + seconds / taken) - max(WARM, now))
            if fewest(wanted, gpus) == gpus and now > WARM:
                longest = max(longest, (now - asked) / HOUR)
        waiting = [one for place, one in enumerate(waiting) if place not in places]
        now, _, chain, back = heapq.heappop(ends)
        free += back
        ask(chain)
    return Day(used / (gpus * DAY), longest)


def drawn(seed: int, chain: int, scale: float) -> Iterator[tuple[int | Dealt, float]]:
    """The stages of a chain: GPUs and GPU-seconds, a third more or less."""
    draw = random.Random(f"{seed}/{chain}")
    for wanted, hours in AGENT if draw.random() < AGENTS else PLAIN:
        yield wanted, hours * scale * HOUR * draw.lognormvariate(0.0, 0.3)


if __name__ == "__main__":
    main()
