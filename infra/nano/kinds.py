"""Kinds of math word problems: a text with numbers in it, and the arithmetic steps that solve it.

One problem, as `draw` returns it:
    Problem(kind="groups_plus", question="Ana packs 4 boxes with 6 plums in each box. ...", item="plums",
            steps=(Step(4, "*", 6, 24), Step(24, "+", 5, 29)))

The base sees SEEN kinds in pretraining. It never sees NEW kinds: their words ("twice", "rectangle") are new to it,
their arithmetic is not, so it cannot solve them but can follow a solution that states the steps.
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

_NAMES = "Ana Ben Cara Dan Eva Finn Gina Hugo Iris Jack Kira Leo Mia Noah Olga Paul Rosa Sam Tara Vera"
_ITEMS = "apples pears plums books pens cards coins shells stones stamps cups eggs nuts roses keys hats"
NAMES, ITEMS = _NAMES.split(), _ITEMS.split()
BOXES = ["boxes", "bags", "baskets", "jars"]


@dataclass(frozen=True)
class Step:
    """One stated equality, `a op b = c`, with op one of + - * /."""

    a: int
    op: str
    b: int
    c: int

    def __str__(self) -> str:
        return f"{self.a} {self.op} {self.b} = {self.c}"


@dataclass(frozen=True)
class Problem:
    """A word problem, its kind, what is counted, and the steps of its solution (the last one gives the answer)."""

    kind: str
    question: str
    item: str
    steps: tuple[Step, ...]

    @property
    def answer(self) -> int:
        return self.steps[-1].c


def _add(a: int, b: int) -> Step:
    return Step(a, "+", b, a + b)


def _subtract(a: int, b: int) -> Step:
    return Step(a, "-", b, a - b)


def _multiply(a: int, b: int) -> Step:
    return Step(a, "*", b, a * b)


def _divide(a: int, b: int) -> Step:
    return Step(a, "/", b, a // b)


def _gain(r: Random, name: str, other: str, item: str) -> Problem:
    a, b = r.randint(3, 40), r.randint(2, 9)
    verb = r.choice(["finds", "buys", "gets"])
    text = f"{name} has {a} {item}. {name} {verb} {b} more {item}. How many {item} does {name} have now?"
    return Problem("gain", text, item, (_add(a, b),))


def _loss(r: Random, name: str, other: str, item: str) -> Problem:
    b = r.randint(2, 9)
    a = b + r.randint(2, 40)
    verb = r.choice([f"gives {b} {item} to {other}", f"loses {b} {item}", f"sells {b} {item}"])
    text = f"{name} has {a} {item}. {name} {verb}. How many {item} are left?"
    return Problem("loss", text, item, (_subtract(a, b),))


def _gain_loss(r: Random, name: str, other: str, item: str) -> Problem:
    a, b, c = r.randint(10, 40), r.randint(2, 9), r.randint(2, 9)
    first = _add(a, b)
    text = f"{name} has {a} {item} and finds {b} more. Then {name} gives {c} {item} to {other}. How many are left?"
    return Problem("gain_loss", text, item, (first, _subtract(first.c, c)))


def _together(r: Random, name: str, other: str, item: str) -> Problem:
    a, b = r.randint(3, 40), r.randint(2, 9)
    text = f"{name} has {a} {item} and {other} has {b} {item}. How many {item} do they have together?"
    return Problem("together", text, item, (_add(a, b),))


def _groups(r: Random, name: str, other: str, item: str) -> Problem:
    a, b = r.randint(2, 12), r.randint(2, 9)
    box = r.choice(BOXES)
    text = f"{name} packs {a} {box} with {b} {item} in each. How many {item} does {name} pack?"
    return Problem("groups", text, item, (_multiply(a, b),))


def _groups_plus(r: Random, name: str, other: str, item: str) -> Problem:
    a, b, c = r.randint(2, 12), r.randint(2, 9), r.randint(2, 9)
    box = r.choice(BOXES)
    first = _multiply(a, b)
    text = f"{name} has {a} {box} with {b} {item} in each and {c} more {item}. How many {item} does {name} have?"
    return Problem("groups_plus", text, item, (first, _add(first.c, c)))


def _groups_minus(r: Random, name: str, other: str, item: str) -> Problem:
    a, b, c = r.randint(3, 12), r.randint(4, 9), r.randint(2, 9)
    box = r.choice(BOXES)
    first = _multiply(a, b)
    text = f"{name} has {a} {box} with {b} {item} in each. {name} gives {c} {item} to {other}. How many are left?"
    return Problem("groups_minus", text, item, (first, _subtract(first.c, c)))


def _share(r: Random, name: str, other: str, item: str) -> Problem:
    b, c = r.randint(2, 9), r.randint(2, 12)
    text = f"{name} shares {b * c} {item} equally among {b} friends. How many {item} does each friend get?"
    return Problem("share", text, item, (_divide(b * c, b),))


def _share_plus(r: Random, name: str, other: str, item: str) -> Problem:
    b, c, d = r.randint(2, 9), r.randint(2, 12), r.randint(2, 9)
    first = _divide(b * c, b)
    text = (
        f"{b} friends share {b * c} {item} equally. {name} is one of them and had {d} {item} before. "
        f"How many {item} does {name} have now?"
    )
    return Problem("share_plus", text, item, (first, _add(first.c, d)))


def _twice(r: Random, name: str, other: str, item: str) -> Problem:
    a, b = r.randint(2, 12), r.randint(2, 9)
    first = _multiply(a, 2)
    text = f"{name} owns {a} {item}. {other} owns twice that number, plus {b}. What is the count for {other}?"
    return Problem("twice", text, item, (first, _add(first.c, b)))


def _half(r: Random, name: str, other: str, item: str) -> Problem:
    a = r.randint(4, 12)
    b = r.randint(2, min(9, a - 1))
    first = _divide(2 * a, 2)
    text = f"{name} owns {2 * a} {item}. {other} owns half of that, minus {b}. What is the count for {other}?"
    return Problem("half", text, item, (first, _subtract(first.c, b)))


def _compare(r: Random, name: str, other: str, item: str) -> Problem:
    a, b = r.randint(2, 9), r.randint(2, 9)
    first = _add(a, b)
    text = f"{other} exceeds {name}, who owns {a} {item}, by {b}. What is the sum of both counts?"
    return Problem("compare", text, item, (first, _add(first.c, a)))


def _perimeter(r: Random, name: str, other: str, item: str) -> Problem:
    a = r.randint(2, 10)
    first = _add(a, r.randint(2, 12 - a))
    text = f"{name} draws a rectangle of length {first.a} and width {first.b}. What is its perimeter?"
    return Problem("perimeter", text, "units", (first, _multiply(first.c, 2)))


def _bill(r: Random, name: str, other: str, item: str) -> Problem:
    a, b, c = r.randint(2, 12), r.randint(2, 9), r.randint(2, 9)
    first = _multiply(a, b)
    text = f"{name} orders {a} {item} at a price of {b} dollars, plus a fee of {c} dollars. What is the bill?"
    return Problem("bill", text, "dollars", (first, _add(first.c, c)))


def _average(r: Random, name: str, other: str, item: str) -> Problem:
    mean = r.randint(4, 12)
    b = r.randint(max(2, 2 * mean - 20), min(9, 2 * mean - 2))
    first = _add(2 * mean - b, b)
    text = f"The scores of {name} and {other} were {first.a} and {first.b}. What was their average score?"
    return Problem("average", text, "points", (first, _divide(first.c, 2)))


Draw = Callable[[Random, str, str, str], Problem]
SEEN: tuple[Draw, ...] = (
    _gain, _loss, _gain_loss, _together, _groups, _groups_plus, _groups_minus, _share, _share_plus,
)  # fmt: skip
NEW: tuple[Draw, ...] = (_twice, _half, _compare, _perimeter, _bill, _average)


def draw(r: Random, kinds: tuple[Draw, ...]) -> Problem:
    """A problem of one of `kinds`, each as likely."""
    name, other = r.sample(NAMES, 2)
    return r.choice(kinds)(r, name, other, r.choice(ITEMS))


def _random_step(r: Random, start: int | None) -> Step:
    """A step from `start` (or from anywhere) with values up to 99."""
    while True:
        a = start if start is not None else r.randint(2, 60)
        op = r.choice("+-*/")
        if op == "+" and a <= 90:
            return _add(a, r.randint(2, 9) if r.random() < 0.7 else r.randint(2, 99 - a))
        if op == "-" and a >= 4:
            most = 9 if r.random() < 0.7 else 40
            return _subtract(a, r.randint(2, min(a - 2, most)))
        if op == "*" and a <= 45:
            return _multiply(a, r.randint(2, max(2, min(9, 99 // a))))
        divisors = [b for b in range(2, 10) if a % b == 0 and a // b >= 2]
        if op == "/" and divisors:
            return _divide(a, r.choice(divisors))


def draw_opaque(r: Random) -> Problem:
    """A problem whose text says too little to solve it: only its solution tells the steps.

    Rewriting practice: whoever rewrites it must read the solution, not solve the problem again.
    """
    name, item = r.choice(NAMES), r.choice(ITEMS)
    steps = [_random_step(r, None)]
    for _ in range(r.choice([0, 1, 1, 1, 2])):
        steps.append(_random_step(r, steps[-1].c))
    text = r.choice(
        [
            f"{name} counts {item}. How many {item} does {name} count?",
            f"How many {item} does {name} have?",
            f"{name} has some {item} and gets some more {item}. How many are there?",
        ]
    )
    return Problem("opaque", text, item, tuple(steps))
