"""Whether a question is a benchmark's, or holds most of one: a number before it or a sentence behind do not hide it.

In:  "3. Natalia sold clips to 48 of her friends in April, and then … altogether in April and May? Show your work."
Out: Overlap(left_out=True, reason="13-gram", score=1.0, benchmark="gsm8k", partner="17")

Two rules: the same normal form (tasks/rows/questions.py), and shared 13-grams of words, the length that GPT-3 (appendix
C) and those after it compare. The score is the share of the benchmark question's 13-grams that a row's question holds.
Benchmark questions of fewer words are found by the first rule alone.
"""

import re
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tasks.rows.jsonl import Row
from tasks.rows.questions import long_enough, normalised

WORDS = 13
SHOWN = (0.25, 0.5, 0.8, 1.0)  # thresholds of which the manifest says how many rows each would leave out
# An ideograph is a word; elsewhere letters and digits that stand together are.
_IDEOGRAPHS = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uac00-\ud7af"
_POWERS = np.array([pow(0x9E3779B97F4A7C15, power, 1 << 64) for power in range(WORDS)], dtype=np.uint64)
_WORD = re.compile(f"[{_IDEOGRAPHS}]|[^\\W_{_IDEOGRAPHS}]+")


class Overlap(NamedTuple):
    """The benchmark question that a question is, or shares most 13-grams with."""

    left_out: bool
    reason: str
    score: float
    benchmark: str
    partner: str


def words(text: str) -> list[str]:
    """The words of a text, without case; an ideograph is one."""
    return _WORD.findall(text.casefold())


def grams(text: str) -> NDArray[np.uint64]:
    """Hashes of a text's 13-grams, each once and sorted; valid in this process alone."""
    said = words(text)
    if len(said) < WORDS:
        return np.empty(0, dtype=np.uint64)
    hashes_W = np.fromiter(map(hash, said), dtype=np.int64, count=len(said)).view(np.uint64)
    return np.unique(np.lib.stride_tricks.sliding_window_view(hashes_W, WORDS) @ _POWERS)  # modulo 2^64


class BenchmarkQuestions:
    """Their normal forms and, where shared words are looked for, their 13-grams (12 bytes each)."""

    def __init__(self, questions: Iterable[Row], overlap: float | None) -> None:
        self._least = overlap
        self._names: list[tuple[str, str]] = []
        self._sizes: list[int] = []
        self._forms: dict[str, int] = {}
        hashes: list[NDArray[np.uint64]] = []
        for number, row in enumerate(questions):
            self._names.append((str(row.get("benchmark", "")), str(row.get("id", number))))
            form = normalised(row["question"])
            if long_enough(form):
                self._forms.setdefault(form, number)
            hashes.append(grams("" if overlap is None else row["question"]))
            self._sizes.append(len(hashes[-1]))
        together = np.concatenate([np.empty(0, dtype=np.uint64), *hashes])
        order = np.argsort(together, kind="stable")
        self._hashes = together[order]
        self._owners = np.repeat(np.arange(len(self._sizes), dtype=np.int32), self._sizes)[order]

    def overlap(self, question: str) -> Overlap | None:
        """What `question` is or shares words with; None where it is no benchmark's and shares no 13-gram."""
        same = self._forms.get(normalised(question))
        if same is not None:
            return Overlap(True, "the same question", 1.0, *self._names[same])
        if self._least is None or not len(self._hashes):
            return None
        own = grams(question)
        begins = np.searchsorted(self._hashes, own, side="left")
        ends = np.searchsorted(self._hashes, own, side="right")
        shared: Counter[int] = Counter()
        for begin, end in zip(begins[begins < ends], ends[begins < ends], strict=True):
            shared.update(self._owners[begin:end].tolist())
        if not shared:
            return None
        score, first = max((number / self._sizes[owner], -owner) for owner, number in shared.items())
        return Overlap(score >= self._least, f"{WORDS}-gram", round(score, 4), *self._names[-first])


def counted(overlaps: list[Row]) -> dict[str, int]:
    """What a manifest says of them: removals by rule, rows listed, and what each threshold would remove."""
    shared = [row for row in overlaps if row["reason"] != "the same question"]
    counts = {"in_a_benchmark": len(overlaps) - len(shared)}
    if shared:
        counts["shares_most_words_with_a_benchmark"] = sum(row["left_out"] for row in shared)
        counts["shares_13_words_with_a_benchmark"] = len(shared)
        counts |= {f"13_gram_share_{least}": sum(row["score"] >= least for row in shared) for least in SHOWN}
    return {name: count for name, count in counts.items() if count}
