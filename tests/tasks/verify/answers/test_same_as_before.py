"""What was made faster finds what the plain way finds: boxes from the first, ends of sentences, marks of proofs."""

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.verify.answers.boxes import _BOX, _OTHER_BOX, first_box, has_box
from tasks.verify.answers.closing import _SENTENCE_END
from tasks.verify.answers.gold import _PROOF

PIECES = st.sampled_from(
    [
        *("\\boxed", "\\fbox", "\\framebox", "\\Aboxed", "\\colorbox{red}", "\\enclose {round box}", "sandbox", "box"),
        *("{3}", "{", "}", "[a]", "\\", "\\blacksquare", "\\square", "\\squareX", "Q.E.D", "qed", "QED", "\\qed", "∎"),
        *("A", "Rs", "vs", "approx", " approx", "B", "e", ".", "!", "?", "。", "।", "\n", " ", "  ", "$", "1", "<"),
    ]
)
TEXTS = st.lists(PIECES, max_size=12).map("".join)

PLAIN_END = re.compile(r"(?<![A-Z])(?<!\bRs)(?<!\bvs)(?<!\bapprox)[.!?](?=\s+(?:[A-Z\\$\[<*]|$)|\s*$)|\n|[。！？।؟]")
PLAIN_PROOF = re.compile(r"\\blacksquare|\bQ\.?E\.?D\b|\\qed|∎|\\square(?![A-Za-z])", re.IGNORECASE)


@settings(max_examples=500)
@given(TEXTS)
def test_sentences_end_and_proofs_are_marked_where_the_plain_patterns_say(text: str) -> None:
    assert _SENTENCE_END.split(text) == PLAIN_END.split(text)
    assert bool(_PROOF.search(text)) == bool(PLAIN_PROOF.search(text))


@settings(max_examples=500)
@given(TEXTS)
def test_no_box_is_before_the_first(text: str) -> None:
    first = first_box(text)
    found = [match.start() for pattern in (_BOX, _OTHER_BOX) for match in pattern.finditer(text)]
    assert has_box(text) == bool(found)
    assert not found or 0 <= first <= min(found)
