"""The public entry of verification: `Verifier` for batches, `check_answer` for one pair, `verifiable` for a reference.

In:  Candidate(id="gsm8k/3f2a", question="Natalia sold …", gold="#### 72", solution="… $\\boxed{72}$")
Out: Verdict(id="gsm8k/3f2a", passed=True, answer=AnswerVerdict("correct", …), reasoning=ReasoningVerdict(True, …))
"""

import atexit
import os
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from types import TracebackType

from tasks.verify.answers.budget import TooManyComparisons
from tasks.verify.answers.equivalence import plain_leaf, same_answer
from tasks.verify.answers.extract import extract_answer, extract_gold
from tasks.verify.answers.gold import verifiable
from tasks.verify.answers.limits import MAX_CHARACTERS, refuse
from tasks.verify.answers.normal import normalise
from tasks.verify.answers.pool import Comparison, Pool
from tasks.verify.config import VerifyConfig
from tasks.verify.types import AnswerVerdict, Candidate, Judge, JudgeItem, ReasoningVerdict, Verdict

__all__ = [
    "AnswerVerdict",
    "Candidate",
    "ReasoningVerdict",
    "Verdict",
    "Verifier",
    "check_answer",
    "judged",
    "verifiable",
]

BLOCK = 512  # candidates of one round: the judge reads the right ones of a block while the next block is compared
_REMEMBERED = 100_000


class Verifier:
    """Checks answers, then reasoning where the answer is right. A context manager; thread-safe.

    `judge` None means that no reasoning is judged: `passed` is then the answer's verdict alone."""

    def __init__(self, config: VerifyConfig | None = None, judge: Judge | None = None) -> None:
        self.config = config or VerifyConfig()
        self.judge = judge if self.config.reasoning else None
        self._pool = Pool(self.config)
        self._memory: OrderedDict[tuple[str, str], Comparison] = OrderedDict()
        self._lock = threading.Lock()

    def __enter__(self) -> "Verifier":
        self._pool.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the child processes. A later call starts them again."""
        self._pool.close()

    def __call__(self, candidates: Sequence[Candidate]) -> list[Verdict]:
        """Verdicts in the order of the candidates."""
        if self.judge is None:
            return [Verdict(c.id, a.correct, a) for c, a in zip(candidates, self._answers(candidates), strict=True)]
        verdicts: list[Verdict] = []
        with ThreadPoolExecutor(1, thread_name_prefix="judge") as judging:
            rounds: list[Future[list[Verdict]]] = []
            for start in range(0, len(candidates), BLOCK):
                block = candidates[start : start + BLOCK]
                answers = self._answers(block)
                halves = [Verdict(c.id, answer.correct, answer) for c, answer in zip(block, answers, strict=True)]
                rounds.append(judging.submit(judged, block, halves, self.judge))
            for future in rounds:
                verdicts += future.result()
        return verdicts

    def check_answer(self, gold: str, answer_or_solution: str) -> AnswerVerdict:
        """v_ans of one answer or solution against a reference answer or solution."""
        return self._answers([Candidate("", "", gold, answer_or_solution)])[0]

    def check_answers(self, pairs: Iterable[tuple[str, str]]) -> list[AnswerVerdict]:
        """v_ans of many (reference, answer or solution) pairs, in order."""
        return self._answers([Candidate("", "", gold, answer) for gold, answer in pairs])

    def _answers(self, candidates: Sequence[Candidate]) -> list[AnswerVerdict]:
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


def judged(candidates: Sequence[Candidate], verdicts: Sequence[Verdict], judge: Judge) -> list[Verdict]:
    """v_ans · v_rea of candidates whose answers were checked: `judge` is asked about those that are right.

    Raises:
        ValueError: the judge gave another number of verdicts than it was asked for.
    """
    items = [
        JudgeItem(c.id, c.question, c.gold, c.solution)
        for c, verdict in zip(candidates, verdicts, strict=True)
        if verdict.answer.correct
    ]
    given = judge.judge(items) if items else []
    if len(given) != len(items):
        raise ValueError(f"judge {judge.name!r} gave {len(given)} verdicts for {len(items)} items")
    reasoning = iter(given)
    made = []
    for verdict in verdicts:
        one = next(reasoning) if verdict.answer.correct else None
        made.append(Verdict(verdict.id, one.valid if one else False, verdict.answer, one))
    return made


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


_shared: Verifier | None = None
_shared_lock = threading.Lock()


def check_answer(gold: str, answer_or_solution: str) -> AnswerVerdict:
    """v_ans of one pair, by a verifier that the whole process shares and that ends with it."""
    global _shared
    with _shared_lock:
        if _shared is None:
            _shared = Verifier()
            atexit.register(_shared.close)
            os.register_at_fork(after_in_child=_forget)
    return _shared.check_answer(gold, answer_or_solution)


def _forget() -> None:
    """A forked child must not share its parent's sockets: it gets a verifier of its own."""
    global _shared, _shared_lock
    _shared, _shared_lock = None, threading.Lock()
