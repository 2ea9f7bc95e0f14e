"""The labelled pairs that verdicts are counted over.

In:  REWRITING_AGENT_DATA's folder, docs/verification.md, the tests of tasks/verify
Out: Pair(suite="policy", kind="answer", gold="0.5", text=".5", expected=True), …

`kind`: "answer" (is the text's answer the gold's?), "reference" (can it be verified at all?), "steps" (is every
equality that the text states true?). Further pairs come from JSON lines of {"gold", "answer" or "solution",
"expected"}.
"""

import random
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import verify as bench
from tasks.rows.jsonl import read_rows
from tasks.runtime.settings import ROOT
from tasks.verify.answers.extract import extract_gold
from tests.tasks.verify.answers import (
    test_equal_forms,
    test_extract,
    test_gold,
    test_metamorphic,
    test_neighbours,
    test_policy,
    test_reported,
)
from tests.tasks.verify.arithmetic import test_arithmetic

SAMPLE = 300  # gold answers; of the costlier suites fewer, of the arithmetic up to ten times as many


@dataclass(frozen=True)
class Pair:
    """One verdict to be had, and what it should be (None: not known)."""

    suite: str
    kind: str
    gold: str
    text: str
    expected: bool | None


def pairs(data: Path | None, files: Iterable[Path] = (), sample: int = SAMPLE) -> list[Pair]:
    """All pairs, each once, in a fixed order; of the corpora a sample."""
    found = [*_policy(), *_tests(), *_arithmetic_tests()]
    if data is not None:
        draw = random.Random(3)
        golds = list(dict.fromkeys((gold, own) for _, gold, own in test_gold.rows(data)))
        found += _near((gold for gold, _ in golds), sample // 8)
        golds = _sampled(draw, golds, sample)
        found += [Pair("gold", "answer", gold, own, True) for gold, own in golds]
        found += [Pair("gold", "reference", gold, "", None) for gold, _ in golds]
        found += _benchmark(data, sample // 2)
        found += _sampled(draw, _in_words(data), sample // 3)
        found += [
            Pair("expert steps", "steps", "", text, None) for text in _sampled(draw, _solutions(data), 10 * sample)
        ]
        found += _sampled(draw, _slipped(data), 5 * sample)
    for path in files:
        found += _file(path)
    return list(dict.fromkeys(found))


def _sampled(draw: random.Random, things: Iterable[Any], most: int) -> list[Any]:
    listed = list(things)
    return draw.sample(listed, min(most, len(listed)))


def _policy() -> Iterator[Pair]:
    for gold, answer, equal in test_policy.cases():
        yield Pair("policy", "answer", gold, answer, equal)
        if test_policy.is_bare(answer):
            yield Pair("policy", "answer", gold, f"We compute step by step.\n\n$\\boxed{{{answer}}}$", equal)
            yield Pair("policy, turned round", "answer", answer, gold, None)


def _marked(test: Any) -> list[Any]:
    return [case for mark in test.pytestmark if mark.name == "parametrize" for case in mark.args[1]]


def _tests() -> Iterator[Pair]:
    for text, answer in _marked(test_extract.test_the_answer_is_found):
        yield Pair("tests", "answer", answer, text, True)
    for text in _marked(test_extract.test_no_answer_is_made_up):
        yield Pair("tests", "answer", "5", text, False)
    for gold, _ in _marked(test_gold.test_what_can_be_verified):
        yield Pair("tests", "reference", gold, "", None)
    for case in test_reported.CASES:
        yield Pair("tests, reported", "answer", case["gold"], test_reported.text_of(case), case["equal"])
    for kind, rows in test_neighbours.KINDS.items():
        for gold, text, equal in test_neighbours.pairs_of(kind, rows):
            yield Pair("tests, neighbours", "answer", gold, text, equal)
    for gold in test_metamorphic.REFERENCES:
        yield from _variants("tests", gold)
    for number in (0, 7, 14, 21, 40, 100, 365, 1000, 2024, 12_345, 1_000_001, 250_000_000):
        for form in ("{}", r"\text{{{}}}"):
            words = form.format(test_equal_forms.spelled(number))
            yield Pair("tests", "answer", str(number), words, True)
            yield Pair("tests", "answer", str(number + 1), words, False)
        for sentence in test_equal_forms.FORMS:
            yield Pair("tests", "answer", str(number + 20), sentence.format(number + 20), True)
            yield Pair("tests", "answer", str(number + 21), sentence.format(number + 20), False)


def _variants(suite: str, gold: str) -> Iterator[Pair]:
    for text in test_metamorphic.rewritten(gold):
        yield Pair(suite, "answer", gold, f"$\\boxed{{{text}}}$", True)
    for text in test_metamorphic.perturbed(gold):
        yield Pair(suite, "answer", gold, f"$\\boxed{{{text}}}$", False)


def _arithmetic_tests() -> Iterator[Pair]:
    for text in test_arithmetic.TRUE:
        yield Pair("tests", "steps", "", text, True)
    for text, _ in test_arithmetic.FALSE:
        yield Pair("tests", "steps", "", text, False)
    for text in test_arithmetic.NOT_ARITHMETIC:
        yield Pair("tests", "steps", "", text, True)


def _near(golds: Iterable[str], most: int) -> Iterator[Pair]:
    """Re-writings and near misses of the references that are mathematics."""
    texts = {found.text for gold in golds if (found := extract_gold(gold)) and len(found.text) <= 200}
    texts = {text for text in texts if not re.fullmatch(r"-?[0-9]+|[A-J]+", text)}
    for gold in random.Random(7).sample(sorted(texts), min(most, len(texts))):
        yield from _variants("near misses and re-writings", gold)


def _benchmark(data: Path, most: int) -> Iterator[Pair]:
    """The candidates of benchmarks/verify.py; which are equal is known of the letters and numbers only."""
    draw = random.Random(17)
    pool = list(bench.solutions(data))
    draw.shuffle(pool)
    for stratum in ("plain", "hard"):
        plain = stratum == "plain"
        candidate = bench.plain_candidate if plain else bench.hard_candidate
        chosen = [one for one in pool if bool(bench._PLAIN.fullmatch(one[0])) == plain and len(one[0]) <= 200]
        for gold, solution in chosen[:most]:
            text = bench.with_answer(solution, candidate(gold, draw))
            yield Pair(f"benchmark, {stratum}", "answer", gold, text, None)


def _in_words(data: Path) -> Iterator[Pair]:
    """Expert solutions without their mark or box: GSM8K's end on a sentence, AQuA's on "Answer: C" or "Option B"."""
    for row in read_rows(data / "corpora" / "numinamath_cot_subset.jsonl.gz"):
        solution, _, gold = row["solution"].partition("\n####")
        if gold:
            yield Pair("stated in words", "answer", gold.strip(), re.sub(r"<<[^<>]*>>", "", solution), True)
    for row in read_rows(data / "corpora" / "aqua_rat_dev.jsonl.gz"):
        yield Pair("stated in words", "answer", row["correct"], row["rationale"], True)


def _solutions(data: Path) -> Iterator[str]:
    for name, field in (
        ("numinamath_cot_subset", "solution"),
        ("numinamath_cot_sample_1k", "response"),
        ("aqua_rat_train_cot", "chain_of_thought"),
        ("openmathinstruct2_sample_100", "generated_solution"),
    ):
        for row in read_rows(data / "corpora" / f"{name}.jsonl.gz"):
            yield row[field]


def _slipped(data: Path) -> Iterator[Pair]:
    """GSM8K's solutions without marks, one result changed by 1 to 9; and nano's, one by 1, 2 or 10."""
    draw = random.Random(0)
    sources = [
        (data / "corpora" / "numinamath_cot_subset.jsonl.gz", r"(?<=[0-9)])\s*=\s*\$?([1-9][0-9]*)(?![0-9.,:/x])")
    ]
    sources += [(ROOT / "infra/nano/corpora" / f"{name}.jsonl.gz", r" = ([0-9]+)") for name in test_arithmetic.NANO]
    for path, pattern in sources:
        rows = [row for row in read_rows(path) if row.get("source") != "math"]
        for row in rows[::4]:
            text = re.sub(r"<<[^<>]*>>", "", row.get("solution") or row["generated_solution"])
            if results := list(re.finditer(pattern, text)):
                start, end = draw.choice(results).span(1)
                changed = f"{text[:start]}{int(text[start:end]) + draw.randint(1, 9)}{text[end:]}"
                yield Pair("slipped steps", "steps", "", changed, None)


def _file(path: Path) -> Iterator[Pair]:
    for row in read_rows(path):
        text = row.get("solution", row.get("answer", ""))
        yield Pair(row.get("suite", path.stem), "answer", row["gold"], text, row["expected"])
