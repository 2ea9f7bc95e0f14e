"""Sorted arrays say the same as a set does, and hold no more than the digests."""

import random

from tasks.corpus.digests import Digests


def test_it_says_what_a_set_says() -> None:
    draw = random.Random(0)
    digests, seen, known = Digests(), [], set()
    for size in [0, 1, *(draw.randint(0, 60) for _ in range(300))]:
        block = [draw.choice([draw.randrange(2000), 2**64 - 1 - draw.randrange(2000)]) for _ in range(size)]
        expected = []
        for one in block:
            expected.append(one not in known)
            known.add(one)
        assert digests.new(block) == expected
        seen += expected
    assert sum(seen) == len(known) == sum(map(len, digests._known))
    assert len(digests._known) <= 12 and sum(one.nbytes for one in digests._known) == 8 * len(known)
