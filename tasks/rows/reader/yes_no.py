"""Yes or no as files write it: a table's cells are all text, and the text "False" is no yes.

In:  True    1       "true"    "Yes"    "False"    "0"      "perhaps"    None
Out: True    True    True      True     False      False    None         None
"""

from typing import Any

_SAID = {"true": True, "yes": True, "1": True, "1.0": True, "false": False, "no": False, "0": False, "0.0": False}


def yes_no(value: Any) -> bool | None:
    """Whether a field says yes; None where it says neither."""
    if isinstance(value, bool):
        return value
    return _SAID.get(str(value).strip().casefold()) if isinstance(value, str | int | float) else None
