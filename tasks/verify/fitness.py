"""Whether a judge is fit for rows: their own expert solutions must pass it.

In:  rows.jsonl: {"id", "question", "solution"}, and a gate whose judge is of kind `arithmetic` or `self`
Out: nothing; or UnfitJudge: "… the arithmetic checker, which judges alone, refuses 277 of 500 expert solutions …"

The arithmetic checker computes equalities of plain numbers. On word problems that is most of the reasoning: it refuses
3 % of GSM8K's solutions and none of nano's. On other mathematics it refuses half, most of them since they state no such
equality, and an agent that is paid for passing learns to write sums instead of proofs.

A small backbone may say NO to everything: then it rewrites nothing, and an agent earns nothing.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tasks.rows.jsonl import read_rows
from tasks.verify.arithmetic.arithmetic import ArithmeticJudge
from tasks.verify.gate import GateConfig
from tasks.verify.judges.self_judge import log_odds
from tasks.verify.types import Candidate, Judge, JudgeItem
from tasks.verify.verifiers import registry
from tasks.verify.verify import Verifier

CHECKED = 500  # solutions at most, evenly spaced
MOST_REFUSED = 0.2  # share; between 0.03 (GSM8K) and 0.4 to 0.56 (MATH, NuminaMath, OpenMathInstruct-2, AQuA-RAT)


ASKED = 64  # solutions that a backbone is asked about, evenly spaced
LEAST_PASSED = 0.5  # share
LEAST_ACCEPTED = 0.5  # share of the experts' solutions that a verifier other than math accepts
LEAST_SPOILT = 4  # spoilt answers from which on accepting all of them is no chance
NO_ANSWER = "I do not know."


class UnfitJudge(ValueError):
    """The judge refuses too many of the rows' own expert solutions; says how many and what to set."""


def require_fit(gate: GateConfig, rows: Path) -> None:
    """Check a verifier other than math, and a judge of kind `arithmetic`, on the expert solutions of a rows.jsonl.

    Other judges are not asked.

    Raises:
        UnfitJudge: the verifier accepts too few of them, or whatever it is given (`require_fit_verifier`).
        UnfitJudge: it refuses more than `MOST_REFUSED` of them beyond chance: the whole 95 % interval (Wilson) lies
            above. `judge.allow_unfit` switches the check off.
    """
    require_fit_verifier(gate, rows)
    judge = gate.judge
    if judge.kind != "arithmetic" or judge.allow_unfit or not gate.answers.reasoning:
        return
    solutions = [row["solution"] for row in read_rows(rows, ["id", "question", "solution"])]
    checker = ArithmeticJudge(judge.require_step)
    chosen = solutions[:: -(-len(solutions) // CHECKED) or 1]
    refused = [verdict for verdict in map(checker.judge_text, chosen) if not verdict.valid]
    from scipy.stats import binomtest  # a second, at the start of every command

    if not refused or binomtest(len(refused), len(chosen)).proportion_ci(method="wilson").low <= MOST_REFUSED:
        return
    reasons = Counter("a false equality" if one.first_wrong_step else "no equality to check" for one in refused)
    counts = ", ".join(f"{number} for {reason}" for reason, number in reasons.most_common())
    raise UnfitJudge(
        f"{rows}: the arithmetic checker, which judges alone (gate.judge.kind=arithmetic), refuses {len(refused)} of "
        f"{len(chosen)} of the rows' own expert solutions ({counts}): they are not arithmetic word problems. Let a "
        "model judge, with the checker as a filter before it: gate.judge.kind=self, or openai for a stronger one. "
        "gate.judge.allow_unfit=true uses the checker all the same."
    )


def require_fit_verifier(gate: GateConfig, rows: Path) -> None:
    """Check a verifier other than math: it must accept the experts' own solutions, and not everything.

    What it must not accept is every row's answer by another row, whose reference differs, and `NO_ANSWER`. A verifier
    that reads no reference (a schema) accepts the first and not the second. One that leaves all to the judge is not
    asked; neither is math, whose rows are checked when the corpus is read.

    Raises:
        UnfitJudge: it accepts fewer than `LEAST_ACCEPTED` of the solutions beyond chance (Wilson, 95 %), or everything.
    """
    if gate.verifier in (registry.MATH, "judge"):
        return
    every = [(row, row.get("answer") or row["solution"]) for row in read_rows(rows, ["id", "question", "solution"])]
    chosen = every[:: -(-len(every) // CHECKED) or 1]
    own = [Candidate(row["id"], row["question"], gold, row["solution"]) for row, gold in chosen]
    others = [
        Candidate(row["id"], row["question"], gold, other["solution"])
        for (row, gold), (other, other_gold) in zip(chosen, chosen[1:] + chosen[:1], strict=True)
        if gold != other_gold
    ]
    empty = [Candidate(row["id"], row["question"], gold, NO_ANSWER) for row, gold in chosen]
    with Verifier(gate.without_judge().answers, answers=gate.open_answers()) as verifier:
        verdicts = [verdict.answer for verdict in verifier(own)]
        spoilt = [verdict.answer for verdict in verifier(others + empty)]
    accepted = sum(verdict.correct for verdict in verdicts)
    from scipy.stats import binomtest  # a second, at the start of every command

    if chosen and binomtest(accepted, len(chosen)).proportion_ci(method="wilson").high < LEAST_ACCEPTED:
        reasons = Counter(verdict.reason for verdict in verdicts if not verdict.correct).most_common(2)
        said = ", ".join(f"{number}: {reason}" for reason, number in reasons)
        first = next(one.id for one, verdict in zip(own, verdicts, strict=True) if not verdict.correct)
        raise UnfitJudge(
            f"{rows}: the verifier {gate.verifier} accepts {accepted} of {len(chosen)} of the rows' own expert "
            f"solutions ({said}; first: row {first}): an agent could earn nothing. Does another verifier fit "
            f"(gate.verifier: {', '.join(registry.names())}), or an option (gate.options.pattern "
            "says where the answer stands)?"
        )
    if len(spoilt) >= LEAST_SPOILT and all(verdict.correct for verdict in spoilt):
        raise UnfitJudge(
            f"{rows}: the verifier {gate.verifier} accepts everything: all of {len(others)} answers that belong to "
            f"other rows, and {NO_ANSWER!r} for each of {len(empty)}. It decides nothing; see gate.options"
        )


def require_self_fit(gate: GateConfig, judge: Judge | None, rows: Sequence[JudgeItem]) -> None:
    """Ask a judge of kind `self`, opened, about the rows' own expert solutions; other judges are not asked.

    Args:
        rows: an item a row, whose `solution` is the expert's.

    Raises:
        UnfitJudge: it passes fewer than `LEAST_PASSED` of them beyond chance (Wilson, 95 %). `judge.allow_unfit`
            switches the check off.
    """
    if judge is None or not gate.asks_backbone or gate.judge.allow_unfit or not rows:
        return
    verdicts = judge.judge(rows[:: -(-len(rows) // ASKED)])
    decided = [verdict for verdict in verdicts if verdict.valid is not None]
    passed = sum(verdict.valid is True for verdict in decided)
    from scipy.stats import binomtest  # a second, at the start of every command

    if not decided or binomtest(passed, len(decided)).proportion_ci(method="wilson").high >= LEAST_PASSED:
        return
    odds = sorted(found for verdict in decided if (found := log_odds(verdict)) is not None)
    margin = f" gate.judge.margin={odds[len(odds) // 10]:.2f} would pass nine of ten;" if odds else ""
    raise UnfitJudge(
        f"the backbone as its own judge (gate.judge.kind=self) passes {passed} of {len(decided)} of the rows' own "
        f"expert solutions: it says NO to most of them.{margin} whether it then tells right from wrong, `judge-eval "
        "--kind self` says on labelled rows. Or let a stronger model judge: gate.judge.kind=openai. "
        "gate.judge.allow_unfit=true uses it all the same."
    )
