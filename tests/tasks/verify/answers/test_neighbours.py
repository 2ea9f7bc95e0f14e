"""Right answers rewritten in ten ways and spoilt in ten, kind by kind: what a person accepts passes, nothing else."""

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.verify.answers.equivalence import plain_leaf, same_answer
from tasks.verify.answers.normal import normalise
from tasks.verify.config import VerifyConfig
from tasks.verify.verify import Verifier

# kind → [(reference, rewritten, spoilt)]; what stands alone is boxed
KINDS: dict[str, list[tuple[str, list[str], list[str]]]] = {
    "money": [
        (
            r"\$45",
            [
                "45",
                r"\$45",
                r"\$45.00",
                r"45\text{ dollars}",
                "$45",
                r"\text{\$}45",
                r"45~\text{USD}",
                r"\$\,45",
                r"x=\$45",
                r"4500\text{ cents}",
            ],
            [
                r"45\text{ cents}",
                "€45",
                r"45\text{ pounds}",
                "£45",
                r"\$4.5",
                r"\$45\text{k}",
                r"45\text{ million dollars}",
                r"-\$45",
                r"45\%",
                "45¢",
            ],
        ),
        ("$45", ["45", r"\$45"], ["45 cents", "€45"]),
        ("45 cents", [r"\$0.45", "0.45 dollars", "45¢", "45"], [r"\$45", "€45", r"\$4.5"]),
        (r"\$1.5\text{ million}", [r"\$1,500,000", "1500000", r"1.5\text{ million dollars}"], ["1.5", r"\$1.5"]),
        (
            r"\$12/\text{hour}",
            [r"\$12\text{ per hour}", "12 dollars per hour", "12"],
            [r"\$12\text{ per day}", r"12\text{ cents per hour}"],
        ),
    ],
    "scales": [
        ("5k", [r"k\cdot 5", "5 k"], ["5000"]),
        ("12000", [r"12\text{k}", "12 thousand"], ["12k", "12"]),
    ],
    "temperatures": [
        (
            r"37^\circ\text{C}",
            [
                "37",
                "37°C",
                r"37^\circ C",
                r"37\,^{\circ}\mathrm{C}",
                r"37\text{ degrees Celsius}",
                "37°",
                r"37\text{ °C}",
            ],
            ["37°F", r"37^\circ\mathrm{F}", r"37\text{ K}", r"37\text{ degrees Fahrenheit}", r"-37^\circ C", "38°C"],
        ),
    ],
    "dates and ranges": [
        (
            "2024-05-06",
            ["2024-05-06", r"\text{2024-05-06}", "2024/05/06"],
            ["2024-06-05", "2024-05-07", "2013", "2024"],
        ),
        ("10-12", ["10-12", "10–12", r"10\text{ to }12", r"10-12\text{ km}"], ["-2", "12-10", "10-13", "10,12"]),
        ("12/5", ["2.4", r"\frac{12}{5}"], ["12-5", "5/12"]),
    ],
    "functions": [
        (
            r"3\ln 2",
            [r"\ln 2\cdot 3", r"\ln 2\times 3", r"\ln(2)\cdot 3", r"\ln{2}\cdot 3", r"\ln 2*3", r"\ln 8"],
            [r"\ln 6", r"\ln(2\cdot 3)", r"\ln 2+3", r"\ln 2/3"],
        ),
        (r"\frac{\sin(2)}{3}", [r"\sin 2/3", r"\sin(2)/3", r"\sin{2}/3"], [r"\sin(2/3)", r"\sin\frac{2}{3}"]),
        (
            r"\tan x\sec x",
            [r"\sec x\tan x", r"\sec x\cdot\tan x", r"\tan(x)\sec(x)", "sec(x)tan(x)", r"\frac{\sin x}{\cos^2 x}"],
            [r"\tan(x\sec x)", r"\tan x+\sec x"],
        ),
        (r"\frac{\ln 3}{\ln 2}", [r"\log_2 3", r"\ln 3/\ln 2", "ln(3)/ln(2)"], [r"\log_3 2", r"\ln(3/2)"]),
        (r"x\ln x-x", [r"x(\ln x-1)", r"x\cdot\ln x - x", r"\ln x\cdot x-x"], [r"\ln x^2-x", r"x\ln(x-x)"]),
        (r"\sin^2\theta", [r"1-\cos^2\theta", r"(\sin\theta)^2", r"\sin\theta\cdot\sin\theta"], [r"\sin\theta^2"]),
    ],
    "inequalities": [
        ("a<b+1", ["b+1>a", "a-b<1", "a-1<b"], ["b+1<a", "a>b+1", r"a\le b+1"]),
        (r"p\ge q", [r"q\le p", r"p-q\ge 0"], [r"q\ge p", "q<p"]),
    ],
    "calls": [
        (r"\sqrt{(a+b)(c+d)}", ["sqrt((a+b)(c+d))", "sqrt((a+b)*(c+d))", "√((a+b)(c+d))"], ["sqrt(a+b)(c+d)"]),
        (r"2^{n(n-1)/2}", ["2^(n(n-1)/2)", "2**(n*(n-1)/2)", "sqrt(2^(n(n-1)))"], ["2^(n(n+1)/2)", "2^n(n-1)/2"]),
    ],
    "degrees": [
        (r"\angle A=\frac{\pi}{4}", [r"45^\circ", r"A=45^\circ", r"\frac{\pi}{4}"], ["45", r"46^\circ", r"B=45^\circ"]),
        (
            r"\frac{\pi}{4},\frac{3\pi}{4}",
            [r"45^\circ,135^\circ", r"135^\circ\text{ and }45^\circ"],
            [r"45^\circ,130^\circ"],
        ),
    ],
    "no value": [
        (r"\frac{1}{0}", [], [r"\frac{2}{0}", r"\infty", "0", r"\ln 0", r"\frac{0}{0}"]),
        ("0", [], [r"\frac{0}{0}", r"\frac{1}{0}"]),
    ],
    "parameters": [
        (
            r"\frac{\pi}{4}+k\pi",
            [
                r"\frac{\pi}{4}+n\pi",
                r"n\pi+\frac{\pi}{4}, n\in\mathbb{Z}",
                r"x=\frac{\pi}{4}+k\pi,\ k\in\mathbb{Z}",
                r"\frac{\pi}{4}+m\pi\quad(m\in\mathbb{Z})",
                r"\frac{\pi}{4}+n\pi\text{ where }n\text{ is an integer}",
            ],
            [r"\frac{\pi}{4}+2n\pi", r"\frac{\pi}{4}", r"\frac{\pi}{3}+n\pi", r"\frac{\pi}{4}+x\pi"],
        ),
        (
            "f(x)=ax+b",
            [
                r"f(x)=ax+b,\ a,b\in\mathbb{R}",
                r"f(x)=ax+b\text{ for }a,b\in\mathbb{R}",
                r"f(x)=ax+b \quad (a, b \in \mathbb{R})",
            ],
            [r"f(x)=ax-b,\ a,b\in\mathbb{R}", r"f(x)=ax+b\text{ if }a>0"],
        ),
    ],
    "± in a tuple": [
        (
            r"(\pm 2, 5)",
            ["(2,5),(-2,5)", "(-2,5), (2,5)", r"(2,5)\text{ and }(-2,5)", r"\{(2,5),(-2,5)\}"],
            ["(2,5)", "(2,5),(2,-5)", "(2,5),(-2,-5)"],
        ),
    ],
    "labels": [
        (
            "4200",
            [
                "**Profit: $4,200**",
                "*Profit: $4,200*",
                "### Profit: $4,200",
                "Profit: **$4,200**",
                "**Profit:** **$4,200**",
                "- **Profit**: $4,200",
                "__Profit: $4,200__",
            ],
            ["**Profit: $4,300**", "- **Profit**: $-4,200"],
        ),
    ],
    "words": [
        (
            r"\frac{3}{4}",
            ["three quarters", r"\text{three fourths}", r"3\text{ quarters}"],
            [r"\text{three fifths}", "three"],
        ),
        (r"2\frac12", [r"\text{two and a half}"], [r"\text{two and a third}", r"\text{two halves}"]),
    ],
}
STATEMENTS = [
    "The answer is {}",
    "Therefore, the answer is ${}$",
    "**Final answer:** {}",
    r"The final answer is \({}\)",
    "Answer: {}",
    "The total is {}",
]
CLAUSES = [
    ".",
    ", which is even.",
    ", as required.",
    ", since 6*7 = 42.",
    " because 40+2 = 42.",
    " (since 2*21 = 42).",
    " apples, altogether.",
    " apples in total.",
    " so we are done.",
    ", not 43.",
    " apples (20 red and 22 green).",
    ", of which 20 are red.",
]
LANGUAGES = [
    "因此一共有{}只。",
    "所以答案是{}。",
    "答案：{}",
    "故答案为{}。",
    "**答案：** {}",
    "La réponse est {}.",
    "Donc il reste {} pommes.",
    "Réponse : {}",
    "Die Antwort ist {}.",
    "Also sind es insgesamt {} Äpfel.",
    "La respuesta es {}.",
    "Respuesta: {}",
    "Por lo tanto, quedan {} manzanas.",
    "الجواب هو {}",
    "إذن الإجابة هي {}.",
    "इसलिए उत्तर {} है।",
    "उत्तर: {}",
    "Ответ: {}.",
    "Итого: {} яблок.",
    "答えは{}です。",
    "したがって、答えは {} 個です。",
    "정답은 {}입니다.",
    "A resposta é {}.",
    "La risposta è {}.",
]
MENTIONS = [
    r"The answer is in \boxed{}.",
    r"Note: use \boxed{...} next time.",
    r"(boxed with \boxed)",
    r"I used `\boxed{}` as asked.",
    r"Format: \boxed{your answer}.",
    r"The \boxed{answer} is above.",
    r"I have put it in \boxed{} notation.",
]


def pairs_of(kind: str, rows: list[tuple[str, list[str], list[str]]]) -> list[tuple[str, str, bool]]:
    """(reference, text, equal) of a kind's rows; a label stands by itself, everything else in a box."""
    written = str if kind == "labels" else r"\boxed{{{}}}".format
    return [(gold, written(text), text in right) for gold, right, wrong in rows for text in right + wrong]


@pytest.fixture(scope="module")
def verifier() -> Iterator[Verifier]:
    with Verifier(VerifyConfig(processes=1)) as verifier:
        yield verifier


def decided_otherwise(verifier: Verifier, told: list[tuple[str, str, bool]]) -> list[object]:
    """The pairs whose verdict is another than the one that is told."""
    verdicts = verifier.check_answers([(gold, text) for gold, text, _ in told])
    return [(one, verdict) for one, verdict in zip(told, verdicts, strict=True) if verdict.correct != one[2]]


@pytest.mark.parametrize("kind", KINDS)
def test_rewritten_answers_pass_and_spoilt_ones_fail(verifier: Verifier, kind: str) -> None:
    assert not decided_otherwise(verifier, pairs_of(kind, KINDS[kind]))


def test_a_statement_is_its_value_whatever_is_said_behind_it(verifier: Verifier) -> None:
    texts = [statement.format("42") + clause for statement in STATEMENTS for clause in CLAUSES]
    told = [(gold, text, gold == "42") for text in texts for gold in ("42", "43", "20")]
    assert not decided_otherwise(verifier, told)


@pytest.mark.parametrize("before", ["", "我们计算。\n", "2 + 3 = 5.\n"])
def test_solutions_in_other_languages_state_their_answers(verifier: Verifier, before: str) -> None:
    told = [(gold, before + text.format("37"), gold == "37") for text in LANGUAGES for gold in ("37", "38", "5")]
    assert not decided_otherwise(verifier, told)


def test_no_mention_of_a_box_replaces_the_box(verifier: Verifier) -> None:
    told = [(gold, rf"So $\boxed{{17}}$. {text}", gold == "17") for text in MENTIONS for gold in ("17", "18")]
    assert not decided_otherwise(verifier, told)


def same(gold: str, answer: str) -> bool | None:
    return same_answer(normalise(gold), normalise(answer), plain_leaf)


AMOUNT = st.integers(min_value=1, max_value=10**6)
CURRENCIES = [r"\${}", "€{}", "£{}", r"{}\text{{ yen}}", r"{}\text{{ rupees}}", r"{}\text{{ cents}}"]


@settings(max_examples=200)
@given(AMOUNT, st.sampled_from(CURRENCIES), st.sampled_from(CURRENCIES))
def test_an_amount_is_its_number_and_never_one_of_another_currency(amount: int, one: str, other: str) -> None:
    assert same(one.format(amount), str(amount)) is True
    assert same(one.format(amount), one.format(amount + 1)) is False
    assert same(one.format(amount), other.format(amount)) is (one == other)


SCALES = {"thousand": 1000, "lakh": 10**5, "million": 10**6, "crore": 10**7, "dozen": 12, "gross": 144, "bn": 10**9}


@settings(max_examples=200)
@given(AMOUNT, st.sampled_from(sorted(SCALES)))
def test_a_word_that_scales_is_never_a_noun(amount: int, word: str) -> None:
    assert same(str(amount * SCALES[word]), rf"{amount}\text{{ {word}}}") is True
    assert same(str(amount), rf"{amount}\text{{ {word}}}") is False


@settings(max_examples=300)
@given(st.integers(-(10**6), 10**6), st.integers(1, 10**4), st.integers(2, 9))
def test_a_double_as_it_is_printed_is_its_value_and_its_neighbours_are_not(top: int, bottom: int, digit: int) -> None:
    printed = repr(top / bottom)
    if "e" in printed or len(printed.strip("-0.")) < 17:
        return
    assert same(rf"\frac{{{top}}}{{{bottom}}}", printed) is True
    at = next(at for at, char in enumerate(printed) if char in "123456789") + 8
    at += printed[at] == "."
    changed = printed[:at] + (str(digit) if printed[at] != str(digit) else "1") + printed[at + 1 :]
    assert same(rf"\frac{{{top}}}{{{bottom}}}", changed) is False
