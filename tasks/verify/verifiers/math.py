"""v_ans for mathematics: the answer is found, and compared form by form, by SymPy in child processes where it must be.

In:  Candidate(id="gsm8k/3f2a", question="Natalia sold …", gold="#### 72", solution="… $\\boxed{72}$")
Out: AnswerVerdict("correct", "compared form by form", "72", "72")
"""

import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from functools import lru_cache

from tasks.verify.answers.budget import TooManyComparisons
from tasks.verify.answers.config import ComparisonConfig
from tasks.verify.answers.equivalence import plain_leaf, same_answer
from tasks.verify.answers.extract import extract_answer, extract_gold
from tasks.verify.answers.gold import verifiable
from tasks.verify.answers.limits import MAX_CHARACTERS, refuse
from tasks.verify.answers.normal import normalise
from tasks.verify.answers.pool import Comparison, Pool
from tasks.verify.types import AnswerVerdict, Candidate

_REMEMBERED = 100_000


class MathVerifier:
    """Compares final answers by the rules of docs/verification.md; thread-safe."""

    def __init__(self, config: ComparisonConfig) -> None:
        self._pool = Pool(config)
        self._memory: OrderedDict[tuple[str, str], Comparison] = OrderedDict()
        self._lock = threading.Lock()

    def start(self) -> None:
        """Start the child processes; a check starts them where this was not called."""
        self._pool.start()

    def close(self) -> None:
        """End the child processes. A later call starts them again."""
        self._pool.close()

    def verifiable(self, gold: str) -> tuple[bool, str]:
        """Whether an answer can be checked against this reference, and if not, why."""
        return verifiable(gold)

    def check(self, candidates: Sequence[Candidate]) -> list[AnswerVerdict]:
        """Verdicts in the order of the candidates."""
        verdicts: list[AnswerVerdict | None] = [None] * len(candidates)
        slow: dict[tuple[str, str], list[int]] = {}
        texts: list[tuple[str, str]] = [("", "")] * len(candidates)
        for position, candidate in enumerate(candidates):
            decided = _fast(candidate)
            if isinstance(decided, AnswerVerdict):
                verdicts[position] = decided
            else:
                texts[position] = decided[:2]
                slow.setdefault(decided[2:], []).append(position)
        for pair, result in self._compared(list(slow)):
            for position in slow[pair]:
                got, wanted = texts[position]
                outcome = "undecided" if result.same is None else "correct" if result.same else "wrong"
                verdicts[position] = AnswerVerdict(outcome, result.reason, got, wanted)  # type: ignore[arg-type]
        return [verdict for verdict in verdicts if verdict is not None]

    def _compared(self, pairs: list[tuple[str, str]]) -> Iterator[tuple[tuple[str, str], Comparison]]:
        """Each pair compared once; what was decided is remembered (a group's rollouts often agree)."""
        with self._lock:
            known = {pair: self._memory[pair] for pair in pairs if pair in self._memory}
        yield from known.items()
        fresh = [pair for pair in pairs if pair not in known]
        results = self._pool.compare(fresh) if fresh else []
        with self._lock:
            for pair, result in zip(fresh, results, strict=True):
                if result.same is not None:
                    self._memory[pair] = result
            while len(self._memory) > _REMEMBERED:
                self._memory.popitem(last=False)
        yield from zip(fresh, results, strict=True)


@lru_cache(maxsize=16384)
def _reference(gold: str) -> tuple[str, str] | None:
    """Text and normal form of the answer of a reference."""
    extracted = extract_gold(gold)
    if extracted is None or len(extracted.text) > 4 * MAX_CHARACTERS:
        return None
    return extracted.text, normalise(extracted.text)


def _fast(candidate: Candidate) -> AnswerVerdict | tuple[str, str, str, str]:
    """The verdict where no SymPy is needed, else (answer, reference, and the normalised pair for the slow path)."""
    reference = _reference(candidate.gold)
    if reference is None or not reference[1]:
        return AnswerVerdict("undecided", "the reference states no answer", None, None)
    wanted, gold = reference
    if not candidate.finished:
        return AnswerVerdict("no_answer", "the solution was cut off before its end", None, wanted)
    if candidate.solution.strip() in (wanted, candidate.gold):
        return AnswerVerdict("correct", "identical", wanted, wanted)
    extracted = extract_answer(candidate.solution)
    if extracted is None:
        return AnswerVerdict("no_answer", "no boxed answer and no closing statement", None, wanted)
    got = extracted.text
    if got == wanted:
        return AnswerVerdict("correct", "identical", got, wanted)
    if len(got) > 4 * MAX_CHARACTERS:
        return AnswerVerdict("undecided", f"the answer has {len(got)} characters", got[:200], wanted)
    answer = normalise(got)
    if not answer:
        return AnswerVerdict("no_answer", "the answer is empty", got, wanted)
    if len(answer) > MAX_CHARACTERS or len(gold) > MAX_CHARACTERS:
        same = answer == gold
        return AnswerVerdict(
            "correct" if same else "undecided",
            "identical" if same else f"longer than {MAX_CHARACTERS} characters",
            got,
            wanted,
        )
    if len(answer) > 80 and answer != gold and (reason := refuse(answer)):
        return AnswerVerdict("undecided", f"not compared: {reason}", got, wanted)
    try:
        same_plainly = same_answer(gold, answer, plain_leaf)
    except RecursionError:
        return AnswerVerdict("undecided", "nested too deeply to compare", got, wanted)
    except TooManyComparisons as error:
        return AnswerVerdict("undecided", f"not compared: {error}", got, wanted)
    if same_plainly is None:
        return got, wanted, gold, answer
    return AnswerVerdict("correct" if same_plainly else "wrong", "compared form by form", got, wanted)
