"""Equal forms stay equal under re-writing; another value never passes."""

import random
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tasks.verify.config import VerifyConfig
from tasks.verify.gold_check import references
from tasks.verify.verify import Verifier

REFERENCES = [
    r"\frac{x+2}{7}", r"3\sqrt{13}", r"\frac{\pi r}{h+r}", "x^2+2x+1", r"(3,\frac{\pi}{2})", r"[-1,\frac{1}{2})",
    "1,-2", r"1\pm\sqrt{19}", "y=2x+1", r"x\le 5", r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", r"15\text{ cm}^2",
    "3+4i", r"90^\circ", r"\{2,5,11\}", r"(-\infty,-3]\cup[2,7)", "x^3-5x^2y+7", r"2\sin a\cos b",
    r"\frac{\sqrt{6}-\sqrt{2}}{4}", "3:5", "204_5", r"f(x)=3x-2", r"\$12.50", r"45\%", r"-\frac{3}{8}", "2x+3y=7",
    r"\frac{n(n+1)}{2}", r"e^{-2t}+3t", r"12\text{ and }13", "a=4,b=7", r"-2<x\le 9", r"7\frac{3}{4}", r"\log_2 9",
    r"\binom{10}{3}", "(2,1),(3,5)",
]  # fmt: skip


def rewritten(text: str) -> Iterator[str]:
    """The same answer, written otherwise."""
    yield text.replace("+", " + ").replace("=", " = ").replace(",", ", ") if not re.search(r"\d,\d{3}", text) else text
    yield text.replace(r"\frac", r"\dfrac")
    yield f"${text}$"
    yield rf"\displaystyle {text}"
    yield f"{text}."
    if r"\left" not in text:
        yield text.replace("(", r"\left(").replace(")", r"\right)")
    yield text.replace(r"\text{", r"\mbox{")
    if match := re.fullmatch(r"([^,=()\[\]{}]+),([^,=()\[\]{}]+)", text):
        yield f"{match[2]},{match[1]}"
    if match := re.fullmatch(r"([A-Za-z0-9^]+)\+([A-Za-z0-9^]+)", text):
        yield f"{match[2]}+{match[1]}"
    if match := re.fullmatch(r"([^=<>\\]+)=([^=<>\\,]+)", text):
        yield f"{match[2]}={match[1]}"
    if re.fullmatch(r"[A-Za-z0-9^+*\\{}()-]+", text) and not re.search(r"text|begin|pm|circ|[0-9]_|log", text):
        yield f"1\\cdot({text})"
        yield f"({text})+0"


def perturbed(text: str) -> Iterator[str]:
    """Other answers of the same form."""
    for match in re.finditer(r"\d+", text):
        if text[match.start() - 1 : match.start()] != "_":
            yield f"{text[: match.start()]}{int(match[0]) + 1}{text[match.end() :]}"
    for match in re.finditer(r"(?<=[0-9A-Za-z})])[+-](?=[0-9A-Za-z\\])", text):
        yield text[: match.start()] + ("-" if match[0] == "+" else "+") + text[match.end() :]
    if re.match(r"[0-9\\]", text) and not re.search(r"[,=<>]|pm|begin|text|\\{|le|and", text):
        yield f"-({text})"


@pytest.fixture(scope="module")
def verifier() -> Iterator[Verifier]:
    with Verifier(VerifyConfig(processes=1)) as verifier:
        yield verifier


def test_rewriting_keeps_an_answer(verifier: Verifier) -> None:
    pairs = [(gold, f"$\\boxed{{{text}}}$") for gold in REFERENCES for text in rewritten(gold)]
    for (gold, text), verdict in zip(pairs, verifier.check_answers(pairs), strict=True):
        assert verdict.correct, (gold, text, verdict)


def test_another_value_never_passes(verifier: Verifier) -> None:
    pairs = [(gold, f"$\\boxed{{{text}}}$") for gold in REFERENCES for text in perturbed(gold)]
    assert len(pairs) > 80
    for (gold, text), verdict in zip(pairs, verifier.check_answers(pairs), strict=True):
        assert verdict.verdict == "wrong", (gold, text, verdict)


def test_sympys_own_rewritings_are_equal(verifier: Verifier) -> None:
    import sympy

    x, y, n = sympy.symbols("x y n")
    pairs = []
    for expression in (
        (x + 1) ** 3, (x - y) * (x + 2 * y), (x**2 - 1) / (x + 3), sympy.sin(2 * x), sympy.cos(x) ** 2,
        sympy.log(x * y), sympy.sqrt(8) * x / 3, sympy.exp(2 * x) - 1, n * (n + 1) * (2 * n + 1) / 6,
        1 / x + 1 / y, sympy.tan(x + y),
    ):  # fmt: skip
        forms = {expression, sympy.expand(expression), sympy.factor(expression), sympy.together(expression)}
        forms |= {sympy.expand_trig(expression), sympy.simplify(expression), sympy.expand_log(expression, force=True)}
        pairs += [(sympy.latex(expression), rf"\boxed{{{sympy.latex(form)}}}") for form in forms]
    for (gold, text), verdict in zip(pairs, verifier.check_answers(pairs), strict=True):
        assert verdict.correct, (gold, text, verdict)


def test_real_references_survive_rewriting_and_no_perturbation_passes(verifier: Verifier, data_folder: Path) -> None:
    from tasks.rows.jsonl import read_rows

    rows = list(read_rows(data_folder / "benchmarks" / "math500.jsonl.gz"))
    draw = random.Random(5)
    golds = [gold for number, row in enumerate(rows) for _, gold, _ in list(references(str(number), row))[:1]]
    golds = draw.sample([gold for gold in golds if not re.search(r"[a-z]{4}(?<!frac)(?<!sqrt)|\\text", gold)], 60)
    same = [(gold, f"$\\boxed{{{gold}}}$".replace(r"\frac", r"\dfrac").replace("+", " + ")) for gold in golds]
    other = [(gold, f"$\\boxed{{{text}}}$") for gold in golds for text in list(perturbed(gold))[:1]]
    for (gold, text), verdict in zip(same, verifier.check_answers(same), strict=True):
        assert verdict.correct, (gold, text, verdict)
    for (gold, text), verdict in zip(other, verifier.check_answers(other), strict=True):
        assert not verdict.correct, (gold, text, verdict)
