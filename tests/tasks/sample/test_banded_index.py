"""The index finds the earlier sketches that share a band, as datasketch's own does, also when its tables grow."""

import random

import numpy as np
from datasketch import MinHash, MinHashLSH

from tasks.sample.banded_index import BandedIndex


def test_sketches_that_share_a_band_in_the_order_in_which_they_came() -> None:
    index = BandedIndex(2, 2)
    sketches = ([1, 2, 3, 4], [1, 2, 9, 9], [5, 5, 9, 9], [2, 1, 4, 3], [1, 2, 9, 9])
    found = [index.add(np.array(sketch, np.uint64)) for sketch in sketches]
    assert found == [set(), {0}, {1}, set(), {0, 1, 2}]


def test_the_same_pairs_as_datasketchs_own_index() -> None:
    draw = random.Random(0)
    own = MinHashLSH(0.5, 64, weights=(0.1, 0.9))
    ours = BandedIndex(own.b, own.r)
    texts: list[set[int]] = []
    hits = 0
    for place in range(2600):  # tables are made anew at 1,024 and 2,048
        text = set(draw.choice(texts)) if texts and place % 3 == 0 else {draw.randrange(10**6) for _ in range(30)}
        text = {word if draw.random() > 0.1 else draw.randrange(10**6) for word in text}
        texts.append(text)
        sketch = MinHash(64)
        sketch.update_batch([str(word).encode() for word in sorted(text)])
        expected = set(own.query(sketch))
        own.insert(place, sketch)
        assert ours.add(sketch.hashvalues) == expected
        hits += bool(expected)
    assert hits > 500
