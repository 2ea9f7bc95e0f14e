"""What somebody may have meant by a name that is none, and what there is.

In:  "sfft", ["sft", "dft"]
Out: "did you mean sft? There are sft, dft"
"""

from collections.abc import Iterable
from difflib import get_close_matches


def meant(name: object, known: Iterable[str]) -> str:
    """The end of a sentence that says that there is no such name."""
    there = list(known)
    near = get_close_matches(str(name), there, n=1, cutoff=0.5)
    return f"{f'did you mean {near[0]}? ' if near else ''}There are {', '.join(there) or 'none'}"
