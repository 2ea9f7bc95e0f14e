"""The arithmetic step checker: what it flags, what it leaves alone, and that nothing slows it down."""

import gzip
import json
import os
import random
import re
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.runtime.settings import ROOT
from tasks.verify.arithmetic.arithmetic import ArithmeticJudge, Steps, check_steps
from tasks.verify.types import JudgeItem

TRUE = [
    "10/sqrt(3+1) = 5",
    "so sqrt(16) = 4 and 3*sqrt(16) = 12",
    "10/√(3+1) = 5",
    "48/2 = <<48/2=24>>24 clips",
    "3 days x 8 hours/day = 24 hours",
    "$3 * 12 = $36, and $36 - $20 = $16",
    r"$\frac{1}{2} \cdot 10 = 5$ and $2^{10} = 1024$",
    r"\begin{align*} 3(4+5) &= 3 \cdot 9 \\ &= 27 \end{align*}",
    r"\[\frac34 + \frac{1}{4} = \boxed{1}\]",
    "1,000 + 2,500 = 3,500",
    r"1{,}200 \div 4 = 300",
    "20% of 50 = 10",
    "20/50 * 100 = 40%",
    "1/3 = 33%",
    "10/3 = 3.33",
    "2/3 = .66",
    "2/3 ≈ 0.667",
    r"\frac{22}{7} \approx 3.14",
    "2 1/2 * 4 = 10",
    r"2\frac{1}{2} + \frac12 = 3",
    "5! = 120 and 3!*2=12",
    r"\binom{5}{2} = 10",
    r"\sqrt{144} = 12",
    r"180^\circ - 60^\circ = 120^\circ",
    "10 - 3 = 7 + 5 = 12",
    "5 times 3 = 15",
    "half of 50 + 3 = 28, though 1/2 of 50 = 25",
    "$2.50 - $2.24 = 26 cents",
    "**3 + 4 = 7**",
    "- 3 + 4 = 7\n* 2 + 2 = 4",
    "2**3 = 8",
    r"6.02 \times 10^{23} \div 2 = 3.01 \times 10^{23}",
    "3 + 4\n= 7\n= 14/2",
]

FALSE = [
    ("48/2 = <<48/2=23>>23 clips", "48/2=23"),
    ("5=<<5=51>>51 and <<+3+4=7>>7", "5=51"),
    ("48 + 24 = 74 clips", "48 + 24 = 74"),
    ("1/sqrt(4) = 4", "1/sqrt(4) = 4"),
    ("8 hours - 6 hours = 3 hours", "8 hours - 6 hours = 3"),
    ("3 + 4 = 7, so 7 * 2 = 15, so 15 + 1 = 17", "7 * 2 = 15"),
    (r"$\frac{1}{2} \cdot 10 = 6$", r"\frac{1}{2} \cdot 10 = 6"),
    (r"\begin{align*} 3(4+5) &= 3 \cdot 9 \\ &= 28 \end{align*}", r"3 \cdot 9 \\ &= 28"),
    ("1,000 + 2,500 = 4,500", "1,000 + 2,500 = 4,500"),
    ("20% of 50 = 11", "20% of 50 = 11"),
    ("Total = 5 + 3 = 9", "5 + 3 = 9"),
    ("10/3 = 3", "10/3 = 3"),
    ("10/3 = 3.34", "10/3 = 3.34"),
    ("2/3 ≈ 0.7 but 2/3 ≈ 0.65", "2/3 ≈ 0.65"),
    ("2 + 3 = 5 and 5 + 6 = 12", "5 + 6 = 12"),
    ("Step 1: 3 + 5 = 9", "3 + 5 = 9"),
    ("5 apples + 3 apples = 9 apples", "5 apples + 3 apples = 9"),
    ("(3+4)*2=15", "(3+4)*2=15"),
    ("because 49 + 9 = 60 and 58 - 6 = 52.", "49 + 9 = 60"),
    ("so 49 + 9 = 60 full boxes, about that", "49 + 9 = 60"),
    ("Step 1: 3 + 5 = 9. Step 2: 4 + 4 = 8", "3 + 5 = 9"),
    ("3 * 4 = 13. The base is 5", "3 * 4 = 13"),
    ("7 + 2 = 8 and 4/2 = 2", "7 + 2 = 8"),
    ("2^3 = 9", "2^3 = 9"),
    ("108 * 4 = 412 cents", "108 * 4 = 412"),
    ("40 – 26 = 18 photos", "40 – 26 = 18"),
    ("3 × 4 = 7 + 5 = 13", "7 + 5 = 13"),
    ("Work mod nothing. 1 + 1 = 2 and 48 + 24 = 74", "48 + 24 = 74"),
    ("Work mod 2. 1 + 1 = 2 and 48 + 24 = 74", "48 + 24 = 74"),
    ("1 + 1 = 2 and 48 + 24 = 74 mod nothing", "48 + 24 = 74"),
    (r"$3 \equiv 10 \pmod 7$. So 48 + 24 = 74", "48 + 24 = 74"),
    ("48 + 24 = 74 mod 7", "48 + 24 = 74"),
    ("48 + 24 = 74 at the base of the tree", "48 + 24 = 74"),
]

NOT_ARITHMETIC = [
    "4/log(2) = 5",
    "x + 3 = 12",
    "2x + 3x = 6",
    "f(2) = 3 + 4",
    "3 feet = 36 inches",
    "2 pens + 3 pencils = $8",
    "17 = 2 (mod 5)",
    r"8^4 = 7^2 = 49 \equiv 11 \pmod{19}",
    "2^3 = 1 (mod 7)",
    "Modulo 7 we have 3 * 5 = 1",
    "1 + 1 = 2 and 3 * 5 = 1 mod 7",
    r"3 \cdot 5 = 1 \pmod{7}",
    "12 + 3 = 20 in base 5",
    "1:2 = 3:5",
    "8:25 - 8:00 = 22",
    "0900-0130 = 0730",
    "a $100 000 x 10/100 = $10,000",
    "1 + 2 + ... + 10 = 54",
    r"\sin 30 + 5 = 6",
    r"\log_2 8 = 4",
    "a_1 + 3 = 3 + 4",
    "777_8 = 512",
    "profit - 3 + 5 = 8",
    "twice 5 + 3 = 14",
    "day 5 = 80 * 2",
    "17/3 = 5 remainder 2",
    "17/3 = 5 and 2/3",
    "100/3 = 33 full boxes",
    r"\begin{pmatrix} 1 \\ 2 \end{pmatrix} = 3 + 4",
    r"\lfloor 7/2 \rfloor = 3",
    "|3 - 5| = 2 + 1",
    "5C2 = 11",
    "3 + 5 != 9",
    "9^9^9^9 = 1",
    "200!! = 3",
    "1/0 = 5",
]


@pytest.mark.parametrize("text", TRUE)
def test_true_equalities_are_checked_and_pass(text: str) -> None:
    steps = check_steps(text)
    assert steps.false_step is None, steps
    assert steps.checked >= 1


@pytest.mark.parametrize(("text", "step"), FALSE)
def test_the_first_false_equality_is_named(text: str, step: str) -> None:
    assert check_steps(text).false_step == step


@pytest.mark.parametrize("text", NOT_ARITHMETIC)
def test_what_is_not_plain_arithmetic_is_left_alone(text: str) -> None:
    assert check_steps(text).false_step is None


def _item(solution: str) -> JudgeItem:
    return JudgeItem("row", "How many?", "5", solution)


def test_a_solution_without_a_checkable_step_is_invalid_only_where_it_judges_alone() -> None:
    item = _item("The answer is clear. \\boxed{5}")
    assert ArithmeticJudge().judge([item])[0].valid is False
    assert ArithmeticJudge(require_step=False).judge([item])[0].valid is True


def test_restating_a_number_is_no_step() -> None:
    assert ArithmeticJudge().judge([_item("5 = 5. So $x = 5$ and \\boxed{5}.")])[0].valid is False


def test_counting_modulo_is_no_checked_step() -> None:
    assert check_steps("1 + 1 = 2 and 3 * 5 = 1 mod 7").checked == 0
    assert check_steps("1 + 1 = 2 and 48 + 24 = 74 (mod 7)").checked == 0
    assert check_steps("1 + 1 = 2 and 48 + 24 = 72 mod 7").checked == 2  # true as it stands
    assert check_steps("1 + 1 = 2.\n\nThen 3 * 5 = 1 mod 7").checked == 1  # another paragraph


def test_every_item_gets_a_verdict_in_order() -> None:
    verdicts = ArithmeticJudge().judge([_item("2 + 3 = 5"), _item("2 + 3 = 6"), _item("none"), _item("x" * 300_000)])
    assert [verdict.valid for verdict in verdicts] == [True, False, False, False]
    assert verdicts[1].first_wrong_step == "2 + 3 = 6"
    assert verdicts[1].reason == "2 + 3 is 5, not 6"


def test_the_two_ways_of_judging_have_different_names() -> None:
    assert ArithmeticJudge().name != ArithmeticJudge(require_step=False).name


@given(a=st.integers(-999, 9999), b=st.integers(1, 9999), operator=st.sampled_from("+-*"), wrong=st.integers(-50, 50))
def test_integer_steps_are_judged_as_integers_are(a: int, b: int, operator: str, wrong: int) -> None:
    result = {"+": a + b, "-": a - b, "*": a * b}[operator]
    steps = check_steps(f"So ({a}) {operator} {b} = {result + wrong} in all.")
    assert (steps.false_step is None) == (wrong == 0)
    assert steps.checked == (wrong == 0)


@given(a=st.integers(1, 999), b=st.integers(1, 999), digits=st.integers(2, 5))
def test_a_quotient_rounded_or_cut_to_the_digits_shown_holds(a: int, b: int, digits: int) -> None:
    cut = a * 10**digits // b
    shown = f"{cut // 10**digits}.{cut % 10**digits:0{digits}d}"
    assert check_steps(f"{a} / {b} = {shown}").false_step is None
    assert check_steps(f"{a} / {b} = {a / b:.{digits}f}").false_step is None
    off = cut + 2
    assert check_steps(f"{a} / {b} = {off // 10**digits}.{off % 10**digits:0{digits}d}").false_step is not None


@settings(max_examples=300)
@given(st.text(alphabet="0123456789+-*/^=≈().,!%$ \n\\{}[]abx½²√<>:fracsqrt&_#", max_size=200))
def test_no_text_crashes_it(text: str) -> None:
    check_steps(text)


EVIL = {
    "unclosed brackets": "(" * 50_000 + "3=3",
    "unclosed fractions": "\\frac{" * 5_000 + "1" + "}{2}" * 5_000 + "=3",
    "tower of powers": "9^" * 20_000 + "9=3",
    "factorials": "200!" * 1_000 + "=2",
    "long sum": "+".join(["1"] * 50_000) + "=5",
    "long chain": "=1" * 50_000,
    "divisions": "1/" * 30_000 + "3*4=5",
    "digits": "9" * 100_000 + "*3=4",
    "newlines": "\n" * 100_000 + "=3",
    "blank lines": " \n" * 100_000 + "=3",
    "line ends": "\\\\ & " * 30_000 + "= 3",
    "environments": "\\begin{pmatrix}" * 3_000,
    "marks": "<<" * 50_000 + "3=4",
    "braces": "{" * 30_000 + "}" * 30_000 + "=3",
    "signs": "-" * 50_000 + "3=2",
    "percent": "50% of " * 20_000 + "3=4",
    "decimals": "*".join(["0.123456789"] * 5_000) + "=1",
}


@pytest.mark.parametrize("name", EVIL)
def test_hostile_text_takes_linear_time(name: str) -> None:
    started = time.process_time()
    check_steps(EVIL[name])
    assert time.process_time() - started < 5


def _gold(source: str) -> list[str]:
    if "REWRITING_AGENT_DATA" not in os.environ:
        pytest.skip("REWRITING_AGENT_DATA does not name the folder of public corpora")
    path = Path(os.environ["REWRITING_AGENT_DATA"]) / "corpora" / "numinamath_cot_subset.jsonl.gz"
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return [row["solution"] for row in rows if row["source"] == source]


@pytest.mark.parametrize(("source", "share"), [("gsm8k", 0.005), ("math", 0.003)])
def test_gold_solutions_are_not_flagged(source: str, share: float) -> None:
    solutions = _gold(source)
    flagged = sum(check_steps(solution).false_step is not None for solution in solutions)
    assert flagged <= share * len(solutions), f"{flagged} of {len(solutions)}"


NANO = ["numinamath_cot", "open_math_reasoning"]


@pytest.mark.parametrize("corpus", NANO)
def test_on_nano_every_step_is_seen_and_every_slip_is_flagged(corpus: str) -> None:
    path = ROOT / "infra" / "nano" / "corpora" / f"{corpus}.jsonl.gz"
    rng = random.Random(0)
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    for row in rows:
        solution = row.get("solution") or row["generated_solution"]
        results = list(re.finditer(r" = ([0-9]+)", solution))
        assert check_steps(solution) == Steps(len(results)), solution
        start, end = rng.choice(results).span(1)
        slipped = f"{solution[:start]}{int(solution[start:end]) + rng.choice([1, 2, 10])}{solution[end:]}"
        assert check_steps(slipped).false_step is not None, slipped


def test_a_changed_result_is_flagged() -> None:
    rng = random.Random(0)
    changed = flagged = 0
    for solution in _gold("gsm8k")[::4]:
        text = re.sub(r"<<[^<>]*>>", "", solution)
        results = list(re.finditer(r"(?<=[0-9)])\s*=\s*\$?([1-9][0-9]*)(?![0-9.,:/x])", text))
        if not results or check_steps(text).false_step is not None or not check_steps(text).checked:
            continue
        start, end = rng.choice(results).span(1)
        changed += 1
        flagged += (
            check_steps(f"{text[:start]}{int(text[start:end]) + rng.randint(1, 9)}{text[end:]}").false_step is not None
        )
    assert flagged >= 0.95 * changed, f"{flagged} of {changed}"


def test_it_is_fast() -> None:
    texts = [
        f"She sold {n}/2 = {n // 2} clips. In all {n} + {n // 2} = {n + n // 2}. \\boxed{{{n + n // 2}}}"
        for n in range(2, 8000, 2)
    ]
    started = time.process_time()
    assert all(check_steps(text).false_step is None for text in texts)
    rate = len(texts) / (time.process_time() - started)
    assert rate > 2_500, f"{rate:.0f} solutions a second"  # about 15,000 on a quiet core; CI shares its cores
