"""Texts as token ids: those that fit, and the others with the reason.

In:  {"id": "mmlu/7", "thermometer": "choices: mmlu", "prompt": "…", "options": ["A", "B"], "answer": "B"}
Out: Text(id="mmlu/7", thermometer="choices: mmlu", ids=[1, 5, …, 9], start=57, options=[330, 365], right=1)
"""

from dataclasses import dataclass

from tasks.rows.jsonl import Row
from tasks.rows.tokens import ChatTokens

BOX = "$\\boxed{"  # what stands before an option's letter in the answers of E.4


@dataclass(frozen=True)
class Text:
    """Token ids of a text and what of it is read: the tokens from `start` on, or the next token among `options`, of
    which `right` is the place of the right one."""

    id: str
    thermometer: str
    ids: list[int]
    start: int
    options: list[int]
    right: int | None = None

    @property
    def places(self) -> slice:
        """The positions whose states are read: each predicts the token after it."""
        return slice(self.start - 1, len(self.ids) if self.options else len(self.ids) - 1)

    @property
    def read(self) -> int:
        """How many these are."""
        return self.places.stop - self.places.start


def tokenise(rows: list[Row], chat: ChatTokens, context: int) -> tuple[list[Text], list[Row]]:
    """Texts that fit into `context` tokens, and those that do not or cannot be asked, with the reason."""
    texts: list[Text] = []
    skipped: list[Row] = []
    for row in rows:
        text = _tokenised(row, chat)
        if isinstance(text, Text) and len(text.ids) <= context:
            texts.append(text)
        else:
            reason = f"{len(text.ids)} tokens, {context} allowed" if isinstance(text, Text) else text
            skipped.append({"id": row["id"], "thermometer": row["thermometer"], "reason": reason})
    return texts, skipped


def _tokenised(row: Row, chat: ChatTokens) -> Text | str:
    """The text, or why there is none."""
    name, thermometer = row["id"], row["thermometer"]
    content = row["text"] if row["prompt"] is None else row["prompt"]
    if (special := chat.special_in(content)) is not None:
        return f"holds the special token {special}"
    if row["prompt"] is None:
        # As a language model reads it: no chat, the BOS where it has one.
        ids = chat.tokenizer(row["text"])["input_ids"]
        return Text(name, thermometer, ids, 1, []) if len(ids) > 1 else "is shorter than two tokens"
    prompt = chat.prompt(row["prompt"])
    if "options" not in row:
        return Text(name, thermometer, prompt + chat.target(row["text"], row["finished"]), len(prompt), [])
    before = chat.tokenizer(BOX, add_special_tokens=False)["input_ids"]
    options = []
    for letter in row["options"]:
        # The letter's own token after the box: tokenisers may write letters in several ways.
        whole = chat.tokenizer(BOX + letter, add_special_tokens=False)["input_ids"]
        if whole[: len(before)] != before or len(whole) != len(before) + 1:
            return f"{BOX}{letter} is no token of its own after {BOX}"
        options.append(whole[-1])
    ids = prompt + before
    return Text(name, thermometer, ids, len(ids), options, row["options"].index(row["answer"]))
