"""The same verdicts in every environment, though their antlr versions (and with them the LaTeX parsers) differ."""

import gzip
import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

from tasks.runtime.settings import settings

ROOT = Path(__file__).resolve().parents[3]
SCRIPT = """
import json, sys
from importlib.metadata import version
from tasks.verify.config import VerifyConfig
from tasks.verify.verify import Verifier
pairs = json.load(sys.stdin)
with Verifier(VerifyConfig(processes=1, deadline_seconds=20)) as verifier:
    verdicts = verifier.check_answers([tuple(pair) for pair in pairs])
print(json.dumps([version("antlr4-python3-runtime"), [[v.verdict, v.extracted, v.gold] for v in verdicts]]))
"""


def verdicts(python: Path, pairs: list[tuple[str, str]]) -> tuple[str, list[list[str]]]:
    ended = subprocess.run(
        [str(python), "-c", SCRIPT], input=json.dumps(pairs), capture_output=True, text=True, cwd=ROOT, timeout=500
    )
    assert ended.returncode == 0, ended.stderr[-2000:]
    version, found = json.loads(ended.stdout.splitlines()[-1])
    return version, found


def pairs_of(data: Path, size: int) -> list[tuple[str, str]]:
    """References of MATH, Minerva and IMO-AnswerBench against themselves re-styled and against each other's kind."""
    from tasks.verify.answers.extract import extract_gold

    golds = []
    for name, field in (("math500", "answer"), ("minerva_math", "solution"), ("imo_answerbench", "Short Answer")):
        with gzip.open(data / "benchmarks" / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
            found = [extract_gold(str(json.loads(line)[field])) for line in lines]
        golds += [gold.text for gold in found if gold and not gold.text.isdigit()]
    draw = random.Random(11)
    chosen = draw.sample(golds, size)
    restyled = [(gold, rf"\boxed{{1\cdot {gold}}}") for gold in chosen]
    changed = [(gold, rf"\boxed{{{gold.replace('2', '3', 1) if '2' in gold else gold + '+1'}}}") for gold in chosen]
    return restyled + changed


def test_core_and_inference_give_the_same_verdicts(data_folder: Path) -> None:
    other = settings().environments / "inference" / "bin" / "python"
    if not other.exists():
        pytest.skip(f"{other} is not installed (make setup-inference)")
    pairs = pairs_of(data_folder, 20)
    here, ours = verdicts(Path(sys.executable), pairs)
    there, theirs = verdicts(other, pairs)
    assert here != there, "both environments have one antlr; the test compares nothing"
    differing = [(pair, a, b) for pair, a, b in zip(pairs, ours, theirs, strict=True) if a != b]
    assert not differing
    assert len({verdict[0] for verdict in ours}) > 1


@pytest.mark.slow
def test_core_and_inference_give_the_same_verdicts_over_the_benchmarks(data_folder: Path) -> None:
    other = settings().environments / "inference" / "bin" / "python"
    if not other.exists():
        pytest.skip(f"{other} is not installed (make setup-inference)")
    pairs = pairs_of(data_folder, 400)
    _, ours = verdicts(Path(sys.executable), pairs)
    _, theirs = verdicts(other, pairs)
    differing = [(pair, a, b) for pair, a, b in zip(pairs, ours, theirs, strict=True) if a != b]
    assert not differing
