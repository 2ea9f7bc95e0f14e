"""A corpus's lines are the bytes that `json.dumps` gives: they are in the keys of what is made from it."""

import json

from hypothesis import given
from hypothesis import strategies as st

from tasks.corpus.line import line_of

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
NAMES = ("id", "question", "solution", "answer", "verifiable", "fields")


@given(st.fixed_dictionaries(dict.fromkeys(NAMES, JSON)))
def test_a_row_is_written_as_json_writes_it(row: dict[str, object]) -> None:
    assert line_of(row) == json.dumps(row, ensure_ascii=False) + "\n"


def test_what_json_escapes_is_escaped_alike() -> None:
    every = {"id": "".join(map(chr, range(0x100))), "solution": "\ud800 \x7f\u2028 𝔸", "answer": 2**64}
    assert line_of(every) == json.dumps(every, ensure_ascii=False) + "\n"
