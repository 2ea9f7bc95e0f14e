"""Foreign text in Markdown: what acts on a page or a screen is shown, not done."""

import re

from tasks.runtime.files.markdown import table, words


def test_words_are_one_line_without_marks_or_control_characters_of_their_own() -> None:
    said = words("- a\x00b\u202ec | <b>\n# @me [x](http://e.org) 50 %, 1/2", 200)
    assert not re.search(r"(?<!\\)[!-/:-@\[-`{-~](?<!\\)", re.sub(r"\\[!-/:-@\[-`{-~]", "", said))
    assert "␀" in said and "\u202e" not in said and "\n" not in said
    assert words("x" * 300, 200) == "x" * 199 + "…"
    assert table(("a", "b"), [(words("1|2"), "3")]).splitlines()[2] == r"| 1\|2 | 3 |"
