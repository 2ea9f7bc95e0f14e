"""The rows that a rewriter reads, with their rewriting prompts; those that do not fit are counted, never cut.

In:  {"id": "numinamath_cot/3f2a…", "question": "…", "solution": "…", "answer": "29"}
Out: AgentRow(id, question, solution, gold="29", prompt=[1, 5, 9, …])
"""

from dataclasses import dataclass
from pathlib import Path

from tasks.rows.jsonl import read_rows
from tasks.rows.prompts import MATH, domain_of, rewriting_prompt
from tasks.rows.tokens import ChatTokens


@dataclass(frozen=True, slots=True)
class AgentRow:
    """One expert demonstration (x, y*); `gold` is its reference answer or, where it has none, y* itself."""

    id: str
    question: str
    solution: str
    gold: str
    prompt: list[int]
    domain: str = MATH


@dataclass(frozen=True)
class RowCounts:
    """`overlong` prompts exceed the limit; with `no_room` the model's context cannot hold prompt and rewrite."""

    rows: int
    kept: int
    overlong: int
    no_room: int


def agent_rows(
    path: Path, chat: ChatTokens, max_prompt_tokens: int, max_new_tokens: int, context: int
) -> tuple[list[AgentRow], RowCounts]:
    """Rows of a rows.jsonl whose rewriting prompt fits; `context` in tokens, 0 where the model names no limit."""
    kept: list[AgentRow] = []
    rows = overlong = no_room = 0
    for row in read_rows(path, required=["id", "question", "solution"]):
        rows += 1
        prompt = chat.prompt(rewriting_prompt(row["question"], row["solution"], domain_of(row)))
        if len(prompt) > max_prompt_tokens:
            overlong += 1
        elif context and len(prompt) + max_new_tokens > context:
            no_room += 1
        else:
            gold = row.get("answer") or row["solution"]
            kept.append(AgentRow(row["id"], row["question"], row["solution"], gold, prompt, domain_of(row)))
    return kept, RowCounts(rows, len(kept), overlong, no_room)
