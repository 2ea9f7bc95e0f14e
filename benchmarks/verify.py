"""Answers verified a second, against a plain math-verify loop in the same run.

    REWRITING_AGENT_DATA=… python -m benchmarks.verify [--rows 240] [--mix 50000]

Two strata are built from the gold solutions of MATH, GSM8K and AQuA: *plain* (numbers, fractions, letters: 70 % the
gold answer, as it stands or re-formatted, 30 % another value) and *hard* (expressions, intervals, sets, equations,
text: equal forms and near misses). Prints one JSON line a figure; `spread` is the lowest and highest of the slices,
each measured with both, one after the other.
"""

import argparse
import gzip
import json
import logging
import os
import random
import re
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks._beside import tell
from tasks.verify.answers.extract import extract_gold
from tasks.verify.config import VerifyConfig
from tasks.verify.verify import Candidate, Verifier

Row = tuple[str, str]  # (reference answer, candidate solution)
_PLAIN = re.compile(
    r"\\?\$?-?[0-9][0-9,]*(?:\.[0-9]+)?(?:\\?%)?|-?\\frac\{-?[0-9]+\}\{[0-9]+\}|\(?[A-E]\)?|\\text\{\(?[A-E]\)?\}"
)
SLICES = 3


def solutions(data: Path) -> Iterator[tuple[str, str]]:
    """(reference answer, gold solution) of MATH and GSM8K (train) and AQuA."""
    with gzip.open(data / "corpora" / "numinamath_cot_subset.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            gold = extract_gold(row["solution"])
            if gold is not None:
                yield gold.text, row["solution"]
    with gzip.open(data / "corpora" / "aqua_rat_train_cot.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            yield row["answer"], f"{row['chain_of_thought']}\nThe answer is {row['answer']}."


def with_answer(solution: str, answer: str) -> str:
    """The solution ending in another answer: what a rewrite looks like."""
    body = re.split(r"\\boxed|####|The answer is", solution)[0]
    return f"{body} so we are done.\n\n$\\boxed{{{answer}}}$"


def plain_candidate(gold: str, draw: random.Random) -> str:
    """70 %: the gold answer as it stands or re-formatted; 30 %: another value."""
    if draw.random() < 0.3:
        return perturbed(gold, draw)
    formats: list[Callable[[str], str]] = [
        str,
        str,
        lambda text: text.replace(r"\frac", r"\dfrac"),
        lambda text: f"x = {text}" if text[:1].isdigit() else text,
        lambda text: re.sub(r"^([0-9]{1,3})([0-9]{3})$", r"\1,\2", text),
        lambda text: f"{text}.00" if text.isdigit() else text,
        lambda text: re.sub(r"^\\frac\{([0-9]+)\}\{([0-9]+)\}$", r"\1/\2", text),
        lambda text: rf"\text{{({text})}}" if text in "ABCDE" else text,
    ]
    return draw.choice(formats)(gold)


def perturbed(gold: str, draw: random.Random) -> str:
    """Another value of the same form: one number, sign, letter or variable changed."""
    numbers = list(re.finditer(r"[0-9]+", gold))
    if numbers:
        at = draw.choice(numbers)
        return f"{gold[: at.start()]}{int(at[0]) + draw.randint(1, 3)}{gold[at.end() :]}"
    letter = re.search(r"[A-E]", gold)
    if letter:
        return gold.replace(letter[0], draw.choice([other for other in "ABCDE" if other != letter[0]]), 1)
    return f"-({gold})"


def hard_candidate(gold: str, draw: random.Random) -> str:
    """Half equal forms (re-ordered, re-grouped, re-styled), half near misses."""
    if draw.random() < 0.5:
        return perturbed(gold, draw)
    equal = gold.replace(r"\frac", r"\dfrac").replace("+", " + ")
    if match := re.fullmatch(r"([A-Za-z0-9^ \\{}]+)\+([A-Za-z0-9^ ]+)", gold):
        return f"{match[2]}+{match[1]}"
    if match := re.fullmatch(r"([^,=()\[\]{}!]+),([^,=()\[\]{}!]+)", gold):
        return f"{match[2]},{match[1]}"
    if match := re.fullmatch(r"([A-Za-z0-9^ +\\{}-]+)=([A-Za-z0-9^ +\\{}-]+)", gold):
        return f"{match[1]}-({match[2]})=0"
    if re.fullmatch(r"[0-9A-Za-z\\{}^ ]+", gold) and "text" not in gold and "mbox" not in gold:
        return f"1\\cdot {equal}"
    return equal


def math_verify_loop(rows: list[Row]) -> list[bool]:
    """What one writes first: parse, parse, verify, with math-verify's defaults."""
    from math_verify import parse, verify

    return [bool(verify(parse(f"${gold}$"), parse(solution))) for gold, solution in rows]


def measure(name: str, rows: list[Row], processes: int) -> None:
    """Rows a second of both on the same slices; prints the figure and the agreement."""
    ours, theirs, differing, undecided = [], [], 0, 0
    with Verifier(VerifyConfig(processes=processes)) as verifier:
        verifier.check_answer(r"\sqrt{2}+x", r"x+\sqrt 2")  # start the child processes
        warm = rows[len(rows) - len(rows) // 4 :]  # both read these first: their parsers' tables fill as they go
        verifier.check_answers(warm)
        math_verify_loop(warm)
        rows = rows[: len(rows) - len(warm)]
        size = len(rows) // SLICES
        for start in range(0, size * SLICES, size):
            part = rows[start : start + size]
            began = time.perf_counter()
            verdicts = verifier.check_answers(part)
            ours.append(size / (time.perf_counter() - began))
            began = time.perf_counter()
            plain = math_verify_loop(part)
            theirs.append(size / (time.perf_counter() - began))
            differing += sum(verdict.correct != other for verdict, other in zip(verdicts, plain, strict=True))
            undecided += sum(verdict.verdict == "undecided" for verdict in verdicts)
    more = {"rows": size * SLICES, "differing": differing, "undecided": undecided}
    tell(f"verify/{name}", "rows/s", "math-verify loop", ours, theirs, **more)


def scaling(rows: list[Row], most: int) -> None:
    """Rows a second of 1, 2, 4 … processes on the same rows; the first quarter starts the processes and warms them."""
    warm, part = rows[: len(rows) // 4], rows[len(rows) // 4 :]
    counts = sorted({*(2**power for power in range(most.bit_length())), most})
    rates: dict[int, list[float]] = {processes: [] for processes in counts}
    for _ in range(SLICES):
        for processes in counts:
            with Verifier(VerifyConfig(processes=processes)) as verifier:
                verifier.check_answers(warm)
                began = time.perf_counter()
                verifier.check_answers(part)
                rates[processes].append(len(part) / (time.perf_counter() - began))
    for processes in counts:
        name = f"verify/hard/{processes} processes"
        tell(name, "rows/s", "1 process", rates[processes], rates[1], rows=len(part))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--data", type=Path, default=os.environ.get("REWRITING_AGENT_DATA"), help="folder of the shared data"
    )
    parser.add_argument("--rows", type=int, default=240, help="rows of a stratum that math-verify reads too")
    parser.add_argument(
        "--mix", type=int, default=50_000, help="rows of the mix of 90 %% plain and 10 %% hard; 0: none"
    )
    parser.add_argument("--processes", type=int, default=2, help="child processes for the mix")
    options = parser.parse_args()
    if options.data is None:
        sys.exit("verify: left out; name the folder of real corpora (--data or REWRITING_AGENT_DATA)")
    logging.disable(logging.WARNING)
    draw = random.Random(17)
    pool = list(solutions(Path(options.data)))
    draw.shuffle(pool)
    golds = {
        "plain": [(gold, solution) for gold, solution in pool if _PLAIN.fullmatch(gold)],
        "hard": [(gold, solution) for gold, solution in pool if not _PLAIN.fullmatch(gold) and len(gold) <= 200],
    }

    def row(stratum: str, gold: str, solution: str) -> Row:
        candidate = plain_candidate if stratum == "plain" else hard_candidate
        return gold, with_answer(solution, candidate(gold, draw))

    rows = {stratum: [row(stratum, *one) for one in golds[stratum]] for stratum in golds}
    measure("plain", rows["plain"][: 5 * options.rows], 1)
    measure("hard", rows["hard"][: options.rows], 1)
    if options.mix:
        scaling(rows["hard"][: 6 * options.rows], options.processes)
        strata = ["hard" if draw.random() < 0.1 else "plain" for _ in range(options.mix)]
        mix = [row(stratum, *draw.choice(golds[stratum])) for stratum in strata]  # each with a candidate of its own
        with Verifier(VerifyConfig(processes=options.processes)) as verifier:
            began = time.perf_counter()
            verifier([Candidate(str(number), "", gold, solution) for number, (gold, solution) in enumerate(mix)])
            seconds = time.perf_counter() - began
        name = f"verify/mix of {options.mix} rows, {options.processes} processes"
        tell(name, "s", "goal", [seconds], [60.0], better="lower", rows=options.mix)


if __name__ == "__main__":
    main()
