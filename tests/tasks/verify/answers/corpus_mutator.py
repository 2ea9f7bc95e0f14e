"""Texts that no model should write: answers cut, doubled, nested, reversed, and filled with what parsers dislike."""

import random

SEEDS = [
    r"\frac{1}{2}", "x^2+2x+1", r"\boxed{72}", "The answer is $5$ apples per hour.", r"[0,1)\cup(2,\infty)",
    r"\{1,2,3\}", "9^{9^{9^9}}", r"2^{2^{2^{2^{2}}}}", r"\text{no solution}", "(A) 12", "1,000,000",
    r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", "x=1,y=2", "#### 72", r"10\%", "777_8", r"\sqrt{2}+\sqrt[3]{5}",
    "12 and 13", "5 " + "a" * 40 + "_a2", r"\pm", "3:20 p.m.",
    r"Final Answer: The final answer is $x\in[1,2]$. I hope it is correct.", r"f(x)=x^2 for all x\in\mathbb{R}",
    "2 hours", "а=５", "\x00", "½", "∞", r"\left(", "{{{{", "}}}}", "$$", r"\(", "10!", r"\int_0^1 x\,dx", "…",
    "100000!", "(5!)!", "1" + "0" * 300, r"\sum_{k=1}^{n}k^2", "e^{e^{x}}", r"\frac{\frac{1}{2}}{3}", "x" * 200,
    "((((((1))))))", "‮٣", "ﬁ", "—5", r"\boxed{\boxed{", r"\lim_{x\to0}\frac{\sin x}{x}", r"\begin{array}", "nan",
    "__import__('os')", "lambda x: x", "1e400",
]  # fmt: skip
_CHARACTERS = "{}()[]^_\\$,;:=<>+-*/ .%!&#~|'\"0123456789abxyπ²√−∞\n\t\x00«»¶"
_OPENINGS = [r"\boxed{", r"\frac{", r"\sqrt{", "(", r"\text{", "x^{", "[", r"\{", "2^{"]


def mutated(draw: random.Random, limit: int = 20_000) -> str:
    """One text; two in a thousand are a megabyte long."""
    text = draw.choice(SEEDS)
    for _ in range(draw.randint(1, 6)):
        kind = draw.random()
        start = draw.randrange(len(text) + 1)
        end = draw.randrange(start, len(text) + 1)
        if kind < 0.2:
            text += draw.choice(SEEDS)
        elif kind < 0.4:
            text = text[:start] + text[start + 1 :]
        elif kind < 0.6:
            text = text[:start] + draw.choice(_CHARACTERS) + text[start:]
        elif kind < 0.75:
            text = text[:start] + text[start:end] * draw.choice([2, 3, 10, 40]) + text[end:]
        elif kind < 0.85:
            text = draw.choice(_OPENINGS) * draw.choice([1, 5, 50]) + text
        elif kind < 0.9:
            text = text[::-1]
        else:
            text = rf"\boxed{{{text}}}"
        text = text[:limit]
    return text * (1 + 1_000_000 // (len(text) + 1)) if draw.random() < 0.002 else text
