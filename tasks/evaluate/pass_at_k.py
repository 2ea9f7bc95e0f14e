"""Several sampled answers to each question, and how likely one of k would be right.

In:  {"id": "gsm8k/7", …} asked eight times: samples "gsm8k/7#000" … "gsm8k/7#007", three of them right
Out: samples.jsonl  {"id": "gsm8k/7", "sample": 0, "correct": true, "verdict": "correct", "text": "…", …}, …
     scores.json    {"samples": 8, "temperature": 0.8, "pass_at": {"1": 0.375, "2": 0.643, "4": 0.929, "8": 1.0}, …}
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from math import comb
from statistics import fmean
from typing import Any

from tasks.rows.jsonl import Row


def pass_at_k(n: int, right: int, k: int) -> float:
    """1 - C(n - c, k) / C(n, k): that one of k answers is right, of n sampled of which c are (Chen et al. 2021, eq. 1).

    Over draws of n samples its mean is 1 - (1 - p)^k; that of 1 - (1 - c/n)^k is less. The binomials are whole numbers:
    nothing overflows or cancels. Raises ValueError unless 0 <= c <= n and 1 <= k <= n.
    """
    if not (0 <= right <= n and 1 <= k <= n):
        raise ValueError(f"pass@{k} of {n} samples with {right} right: needs 0 <= right <= n and 1 <= k <= n")
    return (comb(n, k) - comb(n - right, k)) / comb(n, k)


def depths(n: int) -> list[int]:
    """The k that are told of n samples: 1, 2, 4, … and n itself."""
    return [*(2**power for power in range(n.bit_length()) if 2**power < n), n]


def by_question(samples: Iterable[Row]) -> dict[str, tuple[int, int]]:
    """By question's id: how many answers were sampled, and how many are right."""
    asked: Counter[str] = Counter()
    right: Counter[str] = Counter()
    for one in samples:
        asked[one["id"]] += 1
        right[one["id"]] += bool(one["correct"])
    return {key: (n, right[key]) for key, n in asked.items()}


def sample_ids(ids: Iterable[str], count: int) -> dict[str, tuple[str, int]]:
    """Ids of `count` samples a question, with the question's id and the sample's number."""
    return {f"{one}#{number:03}": (one, number) for one in ids for number in range(count)}


def joined(rows: Sequence[Row], answers: Mapping[str, Row], count: int) -> list[Row]:
    """Every sample of every row in order; where the prompt was too long to be asked it is empty, as its greedy answer.

    Args:
        answers: by the sample's id: {"text", "finished", "tokens"}.
    """
    empty = {"text": "", "finished": False, "tokens": 0}
    asked = sample_ids((row["id"] for row in rows), count)
    found = [(row_id, number, answers.get(one, empty)) for one, (row_id, number) in asked.items()]
    return [{"id": row_id, "sample": number} | {name: one[name] for name in empty} for row_id, number, one in found]


def summary(samples: Sequence[Row]) -> dict[str, Any]:
    """Means over questions of pass@k, and what the samples were."""
    counts = by_question(samples).values()
    n = min(asked for asked, _ in counts)
    return {
        "samples": n,
        "pass_at": {str(k): fmean(pass_at_k(asked, right, k) for asked, right in counts) for k in depths(n)},
        "sampled_tokens": sum(one["tokens"] for one in samples),
        "sampled_truncated": sum(not one["finished"] and one["tokens"] > 0 for one in samples),
    }
