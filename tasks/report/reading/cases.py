"""Appendix F's case, found by rule: a held-out row as the expert solved it, as pi_0 rewrote it, as the agent did.

In:  the held-out split, and `measure` of the untrained rewriter and of the agent
Out: Cases(rows=159, in_order=0.83, example=Example(versions=[expert 0.74, direct rewrite 0.63, agent rewrite 0.44]))

The paper shows one row on which the NLL falls from expert to direct rewrite to agent. Here such a row is not picked by
hand: of the rows where the first rewrite of both passes, those in that order are counted, and of these the one is shown
whose fall from expert to agent is the median one.
"""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from tasks.report.reading.examples import held_out_examples
from tasks.report.schema.row_data import Cases, Example

EVERY = 10**9


def cases(rows: Path, untrained: Sequence[Path], trained: Sequence[Path]) -> Cases | None:
    """None where no row has a first rewrite of both that passes and was scored."""
    found = [one for one in held_out_examples(rows, untrained, trained, EVERY) if _fit(one)]
    if not found:
        return None
    ordered = sorted((one for one in found if _falls(one)), key=_fall)
    return Cases(
        rows=len(found),
        in_order=len(ordered) / len(found),
        example=ordered[len(ordered) // 2] if ordered else None,
    )


def _fit(example: Example) -> bool:
    expert, *rewrites = example.versions
    return expert.nll is not None and all(one.verdict == "passed" and one.nll is not None for one in rewrites)


def _falls(example: Example) -> bool:
    nlls = [one.nll for one in example.versions]
    return all(before > after for before, after in pairwise(nlls))  # type: ignore[operator]


def _fall(example: Example) -> float:
    return float(example.versions[0].nll) - float(example.versions[-1].nll)  # type: ignore[arg-type]
