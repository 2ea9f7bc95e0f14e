"""Rewards of one step's rollouts, group by group: the gate, then pi_0's NLL, then embeddings, then eq. 3.

In:  [Sample(row="r1", text="First, 3 * 4 = 12. …", ids=[14, …], finished=True), …]      K a row
Out: StepRewards: totals in the order of the samples, with everything they were made from

An engine brings rollouts and takes totals; nothing here knows which engine it is.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tasks.rewards.config import RewardConfig
from tasks.rewards.group import GroupRewards, group_rewards, whole_groups
from tasks.rows.agent_rows import AgentRow
from tasks.score.nll import NLLScorer, Target, TooLong
from tasks.verify.types import Candidate, JudgeItem, NoVerdict, Verdict

# A Verifier, an NLLScorer over any engine's log-likelihoods, an Embedder; or what an engine puts in their place.
Gate = Callable[[Sequence[Candidate]], list[Verdict]]
Embed = Callable[[Sequence[str]], NDArray[np.float32]]


MOST_WITHOUT_VERDICT = 0.5  # of a step's candidates whose answer is right


@dataclass(frozen=True, slots=True)
class Sample:
    """A rollout: the row it rewrites, its decoded text, the sampled ids, and whether it ended itself."""

    row: str
    text: str
    ids: Sequence[int]
    finished: bool

    @property
    def tokens(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class StepRewards:
    """Rewards of a step's samples; arrays and lists have one entry a sample, in their order."""

    samples: Sequence[Sample]
    verdicts: list[Verdict]
    nll: NDArray[np.float64]  # nats per token, nan where it was not needed or there is nothing that can be scored
    retokenized: NDArray[np.bool_]  # scored, and of other ids than were sampled: the text has another tokenisation
    groups: list[tuple[NDArray[np.intp], GroupRewards]]  # positions of a group's samples, and what it earned
    vectors: NDArray[np.float32]  # shape (samples, d), f of eq. 9; zeros where a sample is not shaped
    seconds: dict[str, float] = field(default_factory=dict)  # gate, nll, embedding

    @property
    def totals(self) -> list[float]:
        """Eq. 3 of each sample."""
        totals = np.empty(len(self.samples))
        for positions, rewards in self.groups:
            totals[positions] = rewards.total
        return [float(total) for total in totals]


class GroupReward:
    """Holds what the reward needs; one call a step."""

    def __init__(
        self,
        config: RewardConfig,
        candidates: int,
        rows: Mapping[str, AgentRow],
        verifier: Gate,
        scorer: NLLScorer,
        embedder: Embed,
    ) -> None:
        self.config, self.candidates, self.rows = config, candidates, rows
        self.verifier, self.scorer, self.embedder = verifier, scorer, embedder

    def __call__(self, samples: Sequence[Sample]) -> StepRewards:
        """Rewards of whole groups.

        Args:
            samples: all K samples of each row that occurs.

        Raises:
            ValueError: a group is not whole.
            NoVerdict: the judge decided too few of the candidates whose answer is right.
        """
        groups = whole_groups([sample.row for sample in samples], self.candidates)
        seconds: dict[str, float] = {}
        with _timed(seconds, "gate"):
            verdicts = self.verifier([self._candidate(i, sample) for i, sample in enumerate(samples)])
        _require_verdicts(verdicts)
        passed = [verdict.passed for verdict in verdicts]
        soft = self.config.variant == "soft_shaping"
        shaped = np.array([verdict is True or (soft and verdict is not None) for verdict in passed])
        with _timed(seconds, "nll"):
            nll, retokenized = self._nll(samples, shaped)
        with _timed(seconds, "embedding"):
            # Also where r_div has no weight: D(S+) is what every variant is compared by.
            vectors = self._vectors(samples, shaped, groups)
        nll_or_none = np.where(shaped & np.isnan(nll), np.inf, nll)  # inf: there is nothing to score
        rewards = [
            group_rewards([passed[i] for i in group], nll_or_none[group], vectors[group], self.config)
            for group in groups
        ]
        rewarded = list(zip(groups, rewards, strict=True))
        return StepRewards(samples, verdicts, nll, retokenized, rewarded, vectors, seconds)

    def _candidate(self, position: int, sample: Sample) -> Candidate:
        row = self.rows[sample.row]
        return Candidate(f"{sample.row}#{position}", row.question, row.gold, sample.text, sample.finished)

    def _target(self, position: int, sample: Sample) -> Target:
        row = self.rows[sample.row]
        return Target(f"{sample.row}#{position}", row.question, sample.text, sample.finished, row.domain)

    def _nll(
        self, samples: Sequence[Sample], wanted: NDArray[np.bool_]
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        nll, retokenized = np.full(len(samples), np.nan), np.zeros(len(samples), dtype=np.bool_)
        targets = {i: self._target(i, samples[i]) for i in map(int, np.flatnonzero(wanted))}
        try:
            scores = self.scorer.score(list(targets.values()))
        except TooLong:  # bytes that are no text have more tokens when they are read again
            targets = {i: target for i, target in targets.items() if self.scorer.misfit(target) is None}
            scores = self.scorer.score(list(targets.values()))
        for i, score in zip(targets, scores, strict=True):
            nll[i], retokenized[i] = score.nll, score.ids != list(samples[i].ids)
        return nll, retokenized

    def _vectors(
        self, samples: Sequence[Sample], wanted: NDArray[np.bool_], groups: Sequence[NDArray[np.intp]]
    ) -> NDArray[np.float32]:
        """Embeddings of the wanted samples of groups that have two or more, zeros elsewhere; shape (n, d)."""
        positions = [i for group in groups if wanted[group].sum() >= 2 for i in group if wanted[i]]
        if not positions:
            alone = np.zeros((len(samples), 1), dtype=np.float32)
            alone[wanted] = 1.0
            return alone
        found = self.embedder([samples[i].text for i in positions])
        vectors = np.zeros((len(samples), found.shape[1]), dtype=np.float32)
        vectors[wanted, 0] = 1.0  # the only one of its group: any direction, it has no pair
        vectors[positions] = found
        return vectors


def _require_verdicts(verdicts: Sequence[Verdict]) -> None:
    right = [verdict for verdict in verdicts if verdict.answer.correct]
    without = [verdict for verdict in right if verdict.passed is None]
    if len(without) > MOST_WITHOUT_VERDICT * len(right):
        # The rewards of such a step would be noise. Started again, the training resumes.
        counts = f"{len(without)} of {len(right)} right answers"
        raise NoVerdict(f"the judge gave no verdict on {counts}; one: {without[0].judges_reason}")


@contextmanager
def _timed(seconds: dict[str, float], name: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    seconds[name] = time.perf_counter() - start


def experts(rows: Iterable[AgentRow]) -> list[JudgeItem]:
    """The experts' own solutions, as a judge would be asked about them."""
    return [JudgeItem(row.id, row.question, row.gold, row.solution) for row in rows]
