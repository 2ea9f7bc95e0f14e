"""The templates of a row's domain: the paper's for mathematics, others that say nothing of it."""

import pytest

from tasks.rows.prompts import GENERAL, MATH_PREFIX, domain_of, question_prompt, rewriting_prompt
from tasks.runtime.files.digest import digest_value


def test_a_row_without_a_domain_is_mathematics() -> None:
    assert question_prompt("2 + 3?", domain_of({"question": "2 + 3?"})) == f"{MATH_PREFIX}2 + 3?"


def test_the_general_templates_say_nothing_of_mathematics_or_boxes() -> None:
    row = {"question": "Where is my parcel?", "domain": GENERAL}
    assert question_prompt(row["question"], domain_of(row)) == row["question"]
    asked = rewriting_prompt(row["question"], "It is in Bonn.", domain_of(row))
    assert row["question"] in asked and asked.endswith("It is in Bonn.")
    assert not any(word in asked.lower() for word in ("math", "boxed", "problem", "step", "$"))


def test_a_changed_general_template_is_another_version() -> None:
    """The version is in the rows and so in every key: change both, and the digest here."""
    texts = [GENERAL, question_prompt("{x}", GENERAL), rewriting_prompt("{x}", "{y}", GENERAL)]
    assert digest_value(texts)[:16] == "67c9471ab4a682c1"


def test_a_domain_without_templates_is_named() -> None:
    with pytest.raises(ValueError, match="'law/1'"):
        question_prompt("Who owns it?", "law/1")
