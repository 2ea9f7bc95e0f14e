"""Which targets go through the model together: prefixes first, then targets sorted by length, in few shapes.

In:  Question(prompt=[1, 5, 9], targets=[[7, 2], [7, 8, 8, 2]]), one a question with its K candidates
Out: PrefixBatch(questions=[0, 3], length=16, targets=[TargetBatch(items=[(0, 1), (3, 0)], rows=8, length=16), …])

A prefix batch is one forward pass over prompts; its target batches are passes over candidates that attend to the
prefixes just computed. Lengths are rounded up to a bucket and rows to a power of two: the work that padding costs is
less than what an unseen shape costs.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Question:
    """Token ids of a prompt, generation prompt included, and of the targets that answer it."""

    prompt: Sequence[int]
    targets: Sequence[Sequence[int]]


@dataclass(frozen=True)
class TargetBatch:
    """Targets as (question, target) positions; `rows` and `length` are the padded shape."""

    items: list[tuple[int, int]]
    rows: int
    length: int


@dataclass(frozen=True)
class PrefixBatch:
    """Questions whose prompts are computed together; `rows` and `length` are the padded shape."""

    questions: list[int]
    rows: int
    length: int
    targets: list[TargetBatch] = field(default_factory=list)


def plan(questions: Sequence[Question], tokens: int, bucket: int) -> list[PrefixBatch]:
    """Batches that hold every non-empty target once, none over `tokens` padded tokens unless it is a single row.

    Args:
        questions: prompts with their targets; questions without targets are left out.
        tokens: budget of one pass. A target batch counts its prefixes too: their keys and values are in memory.
        bucket: lengths are rounded up to a multiple of it.
    """
    order = sorted((i for i, q in enumerate(questions) if any(q.targets)), key=lambda i: len(questions[i].prompt))
    batches: list[PrefixBatch] = []
    while order:
        # The longest prompt of a batch is its last; fill from the long end, so that the shortest are the rest.
        length = _rounded(len(questions[order[-1]].prompt), bucket)
        rows = _power_of_two_below(tokens // length)
        chosen, order = order[-rows:], order[:-rows]
        batch = PrefixBatch(sorted(chosen), _power_of_two_from(len(chosen)), length)
        batch.targets.extend(_target_batches(questions, batch.questions, length, tokens, bucket))
        batches.append(batch)
    return batches


def _target_batches(
    questions: Sequence[Question], chosen: list[int], prefix: int, tokens: int, bucket: int
) -> list[TargetBatch]:
    items = [(i, k) for i in chosen for k, target in enumerate(questions[i].targets) if target]
    items.sort(key=lambda item: len(questions[item[0]].targets[item[1]]))
    batches = []
    while items:
        i, k = items[-1]
        length = _rounded(len(questions[i].targets[k]), bucket)
        rows = _power_of_two_below(tokens // (prefix + length))
        batches.append(TargetBatch(items[-rows:], _power_of_two_from(len(items[-rows:])), length))
        items = items[:-rows]
    return batches


def _rounded(length: int, bucket: int) -> int:
    return max(1, -(-length // bucket)) * bucket


def _power_of_two_below(number: int) -> int:
    return 1 << max(0, number.bit_length() - 1)


def _power_of_two_from(number: int) -> int:
    return 1 << (number - 1).bit_length()
