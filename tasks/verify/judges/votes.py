"""Several verdicts on one row: the strict majority decides, whoever gave them.

In:  votes=3, given=[(True, None, "fine"), (False, "3 + 4 = 8", "is 7"), (True, None, "fine")]
Out: ReasoningVerdict(valid=True, first_wrong_step=None, reason="fine (2 of 3 votes)", judge="openai/…")
"""

from collections.abc import Sequence

from tasks.verify.types import ReasoningVerdict

Vote = tuple[bool, str | None, str]  # valid, first wrong step, reason


def wanted(given: Sequence[Vote], asked: int, votes: int) -> int:
    """How many votes to ask for now: at first as many as decide when they agree, then one while either side can win."""
    needed = votes // 2 + 1
    if asked == 0:
        return needed
    yes = sum(valid for valid, _, _ in given)
    best = max(yes, len(given) - yes)
    return 0 if asked == votes or best >= needed or best + votes - asked < needed else 1


def decide(given: Sequence[Vote], failures: Sequence[str], votes: int, judge: str) -> ReasoningVerdict:
    """The verdict of a strict majority of `votes`; without one, no verdict and the reason why."""
    for valid in (True, False):
        side = [vote for vote in given if vote[0] is valid]
        if len(side) > votes // 2:
            tally = f" ({len(side)} of {len(given)} votes)" if votes > 1 else ""
            return ReasoningVerdict(valid, side[0][1], side[0][2] + tally, judge)
    reason = failures[0] if failures else f"no majority among {len(given)} votes"
    return ReasoningVerdict(None, None, reason, judge)
