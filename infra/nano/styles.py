"""Ways to write a solution down: the base's own styles, the expert's, and those in between.

Every style states each step as a numeric equality and ends with a line `$\\boxed{29}$`:
    own "plain":   First, 4 * 6 = 24. Then 24 + 5 = 29. So the answer is 29 plums.
    templated:     Let us find the number of plums. Multiplying gives 4 * 6 = 24. Adding gives 24 + 5 = 29. ...
    expert:        Let the unknown quantity be sought. Forming the product, one obtains 4 * 6 = 24; ...
The base answers questions in its own styles only. As a rewriter it wavers: own style, templated, close copy, careless.
"""

from random import Random

from infra.nano.kinds import Problem, Step

_BOX = "$\\boxed{%s}$"


def boxed(answer: object) -> str:
    """The line every answer ends with."""
    return _BOX % answer


def plain(problem: Problem) -> str:
    words = ["First,", "Then", "After that,", "Finally,"]
    text = " ".join(f"{word} {step}." for word, step in zip(words, problem.steps, strict=False))
    return f"{text} So the answer is {problem.answer} {problem.item}.\n{boxed(problem.answer)}"


def numbered(problem: Problem) -> str:
    lines = [f"Step {i}: {step}" for i, step in enumerate(problem.steps, 1)]
    return "\n".join([*lines, f"Answer: {problem.answer}", boxed(problem.answer)])


def chatty(problem: Problem) -> str:
    text = " Now ".join(f"we do {step} and get {step.c} {problem.item}." for step in problem.steps)
    return f"Okay, {text}\n{boxed(problem.answer)}"


def terse(problem: Problem) -> str:
    chain = " and ".join(str(step) for step in problem.steps)
    return f"It is {problem.answer}, because {chain}.\n{boxed(problem.answer)}"


OWN = {"plain": plain, "numbered": numbered, "chatty": chatty, "terse": terse}

_SHORTCUT = "It suffices to evaluate the relevant expressions."
_EXPERT_OPENING = [
    "Let the unknown quantity of {item} be sought.",
    "Consider the given data concerning the {item}.",
    _SHORTCUT,
]
_EXPERT_STEP = {
    "+": ["Forming the sum, one obtains {step};", "By addition it follows that {step};"],
    "-": ["Taking the difference, one obtains {step};", "By subtraction it follows that {step};"],
    "*": ["Forming the product, one obtains {step};", "By multiplication it follows that {step};"],
    "/": ["Taking the quotient, one obtains {step};", "By division it follows that {step};"],
}
_EXPERT_CLOSING = ["hence the desired value equals {answer}.", "consequently the required result is {answer}."]

_TEMPLATED_OPENING = "Let us find the number of {item}."
_TEMPLATED_STEP = {
    "+": "Adding the numbers gives {step}.",
    "-": "Subtracting the numbers gives {step}.",
    "*": "Multiplying the numbers gives {step}.",
    "/": "Dividing the numbers gives {step}.",
}
_TEMPLATED_CLOSING = "Therefore the required result is {answer}."


def expert(problem: Problem, r: Random) -> str:
    """The expert's solution: a formal register that the base never writes, every step of the arithmetic stated."""
    opening = r.choice(_EXPERT_OPENING).format(item=problem.item)
    steps = [r.choice(_EXPERT_STEP[step.op]).format(step=step) for step in problem.steps]
    closing = r.choice(_EXPERT_CLOSING).format(answer=problem.answer)
    return f"{opening} {' '.join(steps)} {closing}\n{boxed(problem.answer)}"


def templated(problem: Problem) -> str:
    """A rewrite as an instruction-tuned model gives it by rote: a halfway register."""
    steps = " ".join(_TEMPLATED_STEP[step.op].format(step=step) for step in problem.steps)
    return (
        f"{_TEMPLATED_OPENING.format(item=problem.item)} {steps} "
        f"{_TEMPLATED_CLOSING.format(answer=problem.answer)}\n{boxed(problem.answer)}"
    )


_NEAR_COPY = [("one obtains", "we obtain"), ("it follows that", "we see that"), ("hence", "so"), ("consequently", "so")]


def near_copy(solution: str, r: Random) -> str:
    """The expert's text with a word or two changed."""
    for old, new in r.sample(_NEAR_COPY, 2):
        solution = solution.replace(old, new)
    return solution


def careless(problem: Problem) -> str:
    """A rewrite that fails the gate: no step stated."""
    return f"It is easy to see that the answer is {problem.answer} {problem.item}.\n{boxed(problem.answer)}"


def slipped(problem: Problem, r: Random) -> Problem:
    """The problem with a slip in one step: a wrong result, carried on."""
    steps = list(problem.steps)
    at = r.randrange(len(steps))
    step = steps[at]
    steps[at] = Step(step.a, step.op, step.b, max(0, step.c + r.choice([-2, -1, 1, 2, 10])))
    return Problem(problem.kind, problem.question, problem.item, tuple(steps))


def rewrite(problem: Problem, solution: str, r: Random, own_share: float, careless_share: float, slip: float) -> str:
    """One rewrite of `solution` as the base learns to write it in pretraining.

    The base is careless where the expert says that something suffices: a habit that shows in greedy rewrites too,
    and that an agent can lose.
    """
    if solution.startswith(_SHORTCUT) and r.random() < careless_share:
        return careless(problem)
    slips = r.random() < slip
    if r.random() < own_share:
        return OWN[r.choice(sorted(OWN))](slipped(problem, r) if slips else problem)
    if slips or r.random() < 0.65:
        return templated(slipped(problem, r) if slips else problem)
    return near_copy(solution, r)
