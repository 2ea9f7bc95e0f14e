"""References against themselves, and which can be verified at all."""

import gzip
import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tasks.verify.answers.gold import verifiable
from tasks.verify.config import VerifyConfig
from tasks.verify.gold_check import check_gold, references
from tasks.verify.verify import Verifier

PROBLEM_FILES = (
    "math500",
    "minerva_math",
    "amc23",
    "agieval",
    "imo_answerbench",
    "imo_answerbench_v1",
    "mmlu",
    "mmlu_pro",
)
CORPORA = (
    "aqua_rat_dev",
    "aqua_rat_train_cot",
    "numinamath_cot_sample_1k",
    "numinamath_cot_subset",
    "openmathinstruct2_sample_100",
)


@pytest.fixture(scope="module")
def verifier() -> Iterator[Verifier]:
    with Verifier(VerifyConfig(processes=1)) as verifier:
        yield verifier


def rows(data: Path) -> Iterator[tuple[str, str, str]]:
    for folder, names in (("benchmarks", PROBLEM_FILES), ("corpora", CORPORA)):
        for name in names:
            with gzip.open(data / folder / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
                for number, line in enumerate(lines):
                    yield from references(f"{name}/{number}", json.loads(line))


@pytest.mark.parametrize(
    ("gold", "able"),
    [
        ("72", True),
        (r"The sum is $\boxed{42}$.", True),
        ("#### 72", True),
        (r"\text{Evelyn}", True),
        (r"f(x)=cx \text{ for all real } c", True),
        (r"Thus the lines meet, which completes the proof. $\blacksquare$", False),
        (r"\boxed{}", False),
        ("", False),
        (r"\boxed{\text{The graph has a corresponding shifted center of symmetry depending on the polynomial}}", False),
        ("9^{9^{9^{9}}}", False),
    ],
)
def test_what_can_be_verified(gold: str, able: bool) -> None:
    decided, reason = verifiable(gold)
    assert decided is able
    assert bool(reason) is not able


def test_a_sample_of_the_real_data_accepts_its_own_references(verifier: Verifier, data_folder: Path) -> None:
    everything = list(rows(data_folder))
    report = check_gold(random.Random(3).sample(everything, 4000), verifier)
    assert report.accepted >= 0.995, report.refused


@pytest.mark.slow
def test_all_of_the_real_data_accepts_its_own_references(verifier: Verifier, data_folder: Path) -> None:
    report = check_gold(list(rows(data_folder)), verifier)
    assert report.rows > 57_000
    assert report.accepted >= 0.995, report.refused


@pytest.mark.slow
def test_what_is_refused_is_listed_in_the_documentation(verifier: Verifier, data_folder: Path) -> None:
    report = check_gold(list(rows(data_folder)), verifier)
    assert len(report.refused) <= 40, [refused.id for refused in report.refused]
