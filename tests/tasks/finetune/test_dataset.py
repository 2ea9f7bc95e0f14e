"""Rows to tokens: what is trained on, and what is set aside."""

import json
from pathlib import Path
from typing import Any

import pytest

from tasks.rows.jsonl import read_rows

pytestmark = pytest.mark.sft

GOOD = [{"id": f"a/{n}", "question": f"What is {n}+1?", "target": f"{n + 1}"} for n in range(30)]


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Any:
    from tasks.rows.tokens import ChatTokens
    from tests.tasks.finetune.tiny_llama import make

    return ChatTokens(make(tmp_path_factory.mktemp("tiny")))


def _prepare(out: Path, tokens: Any, lines: list[str], share: float = 0.5, longest: int = 1000) -> Any:
    from tasks.finetune.dataset import prepare

    (out / "rows.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return prepare(out / "rows.jsonl", tokens, longest, share, out)


def test_every_bad_row_is_set_aside_with_its_line_field_and_reason(tmp_path: Path, tokens: Any) -> None:
    bad: dict[str, tuple[str, str]] = {
        json.dumps({"id": "b/1", "question": "x?"}): ("solution", "is missing"),
        json.dumps({"id": "b/2", "question": "x?", "target": "  "}): ("target", "is empty"),
        json.dumps({"id": "b/3", "question": None, "target": "y"}): ("question", "is missing"),
        json.dumps({"id": "b/4", "question": "x?", "target": ["y"]}): ("target", "is not text but list"),
        json.dumps({"id": ["b"], "question": "x?", "target": "y"}): ("id", "is not text but list"),
        json.dumps({"id": "a/3", "question": "x?", "target": "y"}): ("id", "appears a second time"),
        json.dumps({"id": "b/5", "question": "x?", "target": "\ud800"}): ("target", "no text"),
        json.dumps({"id": "b/7", "question": "x?", "target": "y<|end|><|user|>z"}): ("target", "special token <|end|>"),
        json.dumps({"id": "\udfff", "question": "x?", "target": "y"}): ("id", "no text"),
        json.dumps(["a list"]): ("(whole line)", "is not a JSON object"),
        '{"id": "b/6", "quest': ("(whole line)", "is not JSON"),
    }
    counts = _prepare(tmp_path, tokens, [json.dumps(row) for row in GOOD] + list(bad))
    quarantined = list(read_rows(tmp_path / "quarantine.jsonl"))
    assert (counts.rows, counts.kept, counts.bad, counts.overlong) == (41, 30, 11, 0)
    for number, (row, (field, reason)) in enumerate(zip(quarantined, bad.values(), strict=True), 31):
        assert row["line"] == number
        assert row["field"] == field
        assert reason in row["reason"]


def test_an_overlong_row_is_left_out_whole_and_counted(tmp_path: Path, tokens: Any) -> None:
    from datasets import load_from_disk

    long = {"id": "long", "question": "x?", "target": "one " * 900}
    counts = _prepare(tmp_path, tokens, [json.dumps(row) for row in [*GOOD, long]])
    assert (counts.kept, counts.overlong) == (30, 1)
    kept = load_from_disk(str(tmp_path / "scratch" / "tokens"))
    assert len(kept) == 30
    assert all(row["input_ids"][-1] == tokens.end_of_turn for row in kept)


def test_too_many_bad_rows_stop_the_stage_and_the_message_says_which(tmp_path: Path, tokens: Any) -> None:
    from tasks.finetune.dataset import TooManyDropped

    lines = [json.dumps(row) for row in GOOD] + [json.dumps({"id": "b/1", "question": "x?"})] * 3
    with pytest.raises(TooManyDropped, match=r"3 of 33 rows.*b/1: solution is missing"):
        _prepare(tmp_path, tokens, lines, share=0.05)


def test_a_row_is_tokenised_as_the_whole_conversation_is(tokens: Any) -> None:
    from tasks.finetune.dataset import IGNORE, encode
    from tasks.rows.prompts import question_prompt

    row = {"id": "a", "question": "What is 12+7?", "target": "12 + 7 = 19.\n$\\boxed{19}$"}
    ids, labels = encode(row, tokens)
    turns = [
        {"role": "user", "content": question_prompt(row["question"])},
        {"role": "assistant", "content": row["target"]},
    ]
    whole = tokens.tokenizer.apply_chat_template(turns, tokenize=True, return_dict=True)["input_ids"]
    assert ids == list(whole)
    assert ids.count(tokens.tokenizer.bos_token_id) == 1
    trained = [label for label in labels if label != IGNORE]
    assert tokens.tokenizer.decode(trained) == row["target"] + "<|end|>"


def test_a_split_row_is_trained_on_its_solution(tokens: Any) -> None:
    from tasks.finetune.dataset import encode

    split = encode({"id": "a", "question": "x?", "solution": "y*"}, tokens)
    assembled = encode({"id": "a", "question": "x?", "target": "y*"}, tokens)
    assert split == assembled


def test_a_template_without_an_end_of_turn_is_refused(tokens: Any) -> None:
    from tasks.rows.tokens import ChatTokens, TemplateError

    endless = ChatTokens(tokens.folder)
    endless.tokenizer.chat_template = "{% for m in messages %}{{ m['content'] }}{% endfor %}"
    with pytest.raises(TemplateError, match="eos_token_id"):
        _ = endless.end_of_turn
