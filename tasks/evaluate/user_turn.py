"""What a benchmark asks a model: the user turn of E.4.

In:  {"question": "Who wrote …?", "options": ["Austen", "Eliot"], …}
Out: "You are an expert problem solver. … Question: Who wrote …?\n\nOptions:\n\nA. Austen\nB. Eliot"
"""

from tasks.evaluate.readers import LETTERS
from tasks.rows.jsonl import Row
from tasks.rows.prompts import general_prompt, question_prompt


def user_turn(row: Row) -> str:
    """The general prompt where there are options, else the math prompt; a row that says how it is asked is asked so."""
    if row.get("asked"):
        return str(row["asked"])
    if not row["options"]:
        return question_prompt(row["question"])
    lines = (f"{letter}. {option}" for letter, option in zip(LETTERS, row["options"], strict=False))
    return general_prompt(row["question"], "\n".join(lines))


def boxed(letter: str) -> str:
    """An answer that is a letter and nothing else, as the general prompt asks for it."""
    return f"$\\boxed{{{letter}}}$"
