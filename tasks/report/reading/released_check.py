r"""Right or wrong as the authors' released code has it: a column beside ours, by which the paper's figures were taken.

In:  "It is $\boxed{\frac{1}{2}}$, not $\boxed{3}$.", "\frac{1}{2}"
Out: False: the first box up to the first closing brace, else the last number, must be the reference's own characters

So a reference that holds a brace is never met (a fifth of MATH-500's), and a letter without its box is wrong.
"""

import re

_BOX = re.compile(r"\\boxed\{([^}]*)\}")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


def right_as_released(text: str, reference: str | None) -> bool:
    """Whether that code counts the text as right."""
    if reference is None:
        return False
    box = _BOX.search(text)
    said = [box.group(1).strip()] if box else _NUMBER.findall(text)[-1:]
    return said == [reference.strip()]
