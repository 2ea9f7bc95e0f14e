"""The paper's prompt templates (Appendix E.4), each the content of one user turn.

`question_prompt(x)` is what pi_0(.|x) means everywhere: NLL scoring, SFT rows, self-solving and evaluation share it.
Rows of another domain than mathematics carry its name (`domain_of`) and are asked by other templates.
The paper's PDF prints the dollar-sign rule as `\\boxed{\\phantom{00}}`; read as an empty box.
"""

from collections.abc import Mapping
from typing import Any

from tasks.runtime.files.digest import digest_value

MATH = "math"
# Of any other domain: the question as it stands, and rewriting without a word of mathematics or boxes. Rows carry the
# name in their field `domain`, and so does every key behind them: a changed text is another version.
GENERAL = "general/1"

_EXPERT = "You are an expert in math word problems."
_BOXED_NUMBER = (
    "At the end, on a separate line, output ONLY the final answer in LaTeX boxed format, exactly like:\n\n"
    "$\\boxed{56}$\n\n"
    "Use dollar signs and \\boxed{} exactly as shown."
)
_BOXED_LETTER = (
    "At the end, on a separate line, output ONLY the final option letter in LaTeX boxed format, exactly like:\n\n"
    "$\\boxed{A}$\n\n"
    "Use dollar signs and \\boxed{} exactly as shown."
)

# The fixed text around the fields, sentence by sentence. infra/nano makes each one token of its vocabulary, so that
# a model with a context of a few hundred tokens reads the same prompts as a 7B model does.
MATH_PREFIX = f"{_EXPERT}\nRead the following problem and solve it step by step.\n\n{_BOXED_NUMBER}\n\nProblem: "
REWRITING_PREFIX = (
    f"{_EXPERT}\n"
    "Below is a math word problem and an existing step-by-step solution.\n"
    "Please rewrite the solution in your own words while keeping all reasoning steps correct "
    "and keeping the final answer the same.\n\n"
    "Follow these rules:\n\n"
    "- Keep the explanation clear and step by step.\n"
    "- Do NOT mention that you are rewriting another solution.\n"
    "- At the end, on a separate line, output ONLY the final answer in LaTeX boxed format, exactly like:\n\n"
    "$\\boxed{56}$\n\n"
    "Use dollar signs and \\boxed{} exactly as shown.\n\n"
    "Problem:\n\n"
)
REWRITING_MIDDLE = "\n\nExisting solution (for reference, do NOT copy it verbatim):\n"
GENERAL_PREFIX = (
    "You are an expert problem solver.\n"
    "Read the following multiple-choice question and solve it step by step.\n\n"
    f"Choose the best option.\n\n{_BOXED_LETTER}\n\nQuestion: "
)
GENERAL_MIDDLE = "\n\nOptions:\n\n"


ANY_REWRITING_PREFIX = (
    "Below is a question or a request and an existing answer to it.\n"
    "Please rewrite the answer in your own words while keeping all that it states correct and its conclusion the same."
    "\n\nFollow these rules:\n\n"
    "- Keep the explanation clear.\n"
    "- Do NOT mention that you are rewriting another answer.\n"
    "- End as the existing answer ends, with its conclusion in the same form.\n\n"
    "Question:\n\n"
)
ANY_REWRITING_MIDDLE = "\n\nExisting answer (for reference, do NOT copy it verbatim):\n"


def domain_of(row: Mapping[str, Any]) -> str:
    """The domain of a row, whose templates it is asked by: that of its field `domain`, else mathematics."""
    return str(row.get("domain") or MATH)


def _is_math(domain: str) -> bool:
    if domain not in (MATH, GENERAL):
        raise ValueError(f"a row's domain is {domain!r}: there are templates for {MATH} and {GENERAL}")
    return domain == MATH


def question_prompt(question: str, domain: str = MATH) -> str:
    """The user turn x of pi_0(.|x): the math evaluation prompt of E.4; in the general domain the question itself."""
    if not _is_math(domain):
        return question
    return f"{MATH_PREFIX}{question}"


def rewriting_prompt(question: str, solution: str, domain: str = MATH) -> str:
    """The rewriting prompt of E.4, or the general one: the user turn (x, y*, x_prompt) of eq. 1."""
    if not _is_math(domain):
        return f"{ANY_REWRITING_PREFIX}{question}{ANY_REWRITING_MIDDLE}{solution}"
    return f"{REWRITING_PREFIX}{question}{REWRITING_MIDDLE}{solution}"


def general_prompt(question: str, options: str) -> str:
    """The general multiple-choice evaluation prompt of E.4; `options` holds one option a line ("A. Paris")."""
    return f"{GENERAL_PREFIX}{question}{GENERAL_MIDDLE}{options}"


def prompts_digest(_: object = None) -> str:
    """Digest of the paper's templates: part of the key of every stage that builds a prompt."""
    return digest_value([question_prompt("{x}"), rewriting_prompt("{x}", "{y}"), general_prompt("{x}", "{o}")])
