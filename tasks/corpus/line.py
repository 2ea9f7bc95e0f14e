"""A row as the line that `write_rows` would write, five times faster where its texts are long: orjson writes them.

In:  {"id": "numinamath_cot/3f2a91c07b5d4e68", "question": "…", "answer": None}
Out: '{"id": "numinamath_cot/3f2a91c07b5d4e68", "question": "…", "answer": null}\\n'

orjson itself leaves the spaces out, and a corpus's bytes are in the keys of all that is made from it.
"""

import json
from typing import Any

import orjson

from tasks.rows.jsonl import Row


def line_of(row: Row) -> str:
    """The row's line."""
    return "{" + ", ".join(f'"{name}": {_value(value)}' for name, value in row.items()) + "}\n"


_ALIKE = (str, bool, int, type(None))  # that both write alike; of floats they write some differently


def _value(value: Any) -> str:
    if type(value) in _ALIKE:
        try:
            return orjson.dumps(value).decode()
        except TypeError:  # half a surrogate pair, or more than 64 bits
            pass
    return json.dumps(value, ensure_ascii=False)
