"""`instructions`: the text keeps to each instruction of its row that a program can check (IFEval, Zhou et al. 2023).

In:  gold '[{"instruction": "punctuation:no_comma"}, {"instruction": "detectable_format:title"}]', "<<Seas>> Cold, deep"
Out: wrong, "not kept: punctuation:no_comma"; of the verdict `gold` names all, `extracted` those that are kept
"""

import json
from collections.abc import Sequence
from typing import Any

from tasks.verify.types import AnswerVerdict, Candidate
from tasks.verify.verifiers.instruction_checks import CHECKS, unfit
from tasks.verify.verifiers.one_by_one import OneByOne
from tasks.verify.verifiers.options import VerifierOptions


class InstructionsVerifier(OneByOne):
    """Checks each instruction of a row; the answer is right where all are kept (prompt-level strict)."""

    def __init__(self, options: VerifierOptions) -> None: ...

    def verifiable(self, gold: str) -> tuple[bool, str]:
        """Whether the reference is a list of instructions that can be checked."""
        try:
            asked = json.loads(gold)
        except ValueError:
            asked = None
        if not isinstance(asked, list) or not asked or not all(isinstance(one, dict) for one in asked):
            return False, 'it is no JSON list of instructions: [{"instruction": "punctuation:no_comma"}]'
        why_not = next((problem for one in asked if (problem := unfit(**one))), "")
        return not why_not, why_not

    def compare(self, candidate: Candidate) -> AnswerVerdict:
        """Whether all instructions are kept."""
        asked = json.loads(candidate.gold)
        kept = [_keeps(candidate.solution, **one) for one in asked]
        names = [one["instruction"] for one in asked]
        missed = ", ".join(name for name, held in zip(names, kept, strict=True) if not held)
        followed = ", ".join(name for name, held in zip(names, kept, strict=True) if held)
        reason = f"not kept: {missed}" if missed else "all kept"
        return AnswerVerdict("wrong" if missed else "correct", reason, followed, ", ".join(names))


def instruction_level(golds: Sequence[str], verdicts: Sequence[AnswerVerdict]) -> dict[str, Any]:
    """Instruction-level strict accuracy: of all instructions of all rows, the share that is kept."""
    asked = sum(len(json.loads(gold)) for gold in golds)
    kept = sum(len(one.extracted.split(", ")) for one in verdicts if one.extracted)
    return {"instructions": {"n": asked, "kept": kept, "accuracy": kept / asked}}


def _keeps(text: str, instruction: str, **arguments: Any) -> bool:
    return CHECKS[instruction](text, **arguments)
