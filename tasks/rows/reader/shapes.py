"""What a row's fields mean: its question, target and reference answer, recognised by their names.

In:  {"instruction": "Find the mean.", "input": "4, 8, 15", "output": "(4+8+15)/3 = 9. \\\\boxed{9}"}
Out: Understood(shape="instruction + input → output", question="Find the mean.\\n\\n4, 8, 15", solution="(4+8+15)…", …)

A row with a question and a target in fields of their own is read by these (NuminaMath's `messages` repeat them); else
its conversation is (messages, ShareGPT; a conversational prompt and completion are joined). Whatever else belongs to
the question stands in it: system, history, input, context, passage, options.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tasks.rows.jsonl import Row
from tasks.rows.reader import names
from tasks.rows.reader.bad_row import BadRow, fields_of
from tasks.rows.reader.mapping import at_path
from tasks.rows.reader.reference import reference
from tasks.rows.reader.turns import Turn, as_question, is_turns, question_and_target, turns

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True, slots=True)
class Understood:
    """A demonstration as the reader took it; `answer` None where the row names none."""

    shape: str
    question: str
    solution: str
    answer: str | None
    source: str


def understand(row: Row, mapping: Mapping[str, str] | None = None) -> Understood:
    """Question, target, reference answer and source of a row.

    Args:
        row: a row in its own fields.
        mapping: part → dotted path, for the parts whose fields have other names.

    Raises:
        BadRow: no question or no target; or a field that belongs to them holds no text.
    """
    mapping = mapping or {}
    fields = {names.plain_name(name): name for name in reversed(row)}
    told = {part: at_path(row, path) for part, path in mapping.items()}
    source = _first_text(row, fields, names.SOURCE) if "source" not in told else _as_text(told["source"])
    answer = reference(told["answer"]) if "answer" in told else _answer(row, fields)
    if "question" in told and "solution" in told:
        question, solution = (_required(mapping[part], told[part]) for part in ("question", "solution"))
        return Understood(f"{mapping['question']} → {mapping['solution']}", question, solution, answer, source or "-")
    found = _flat(row, fields, told, mapping) or _talk(row, fields)
    if found is None:
        raise _missing(row, fields, told)
    shape, question, solution = found
    if solution == answer:  # `answer` is the target itself
        answer = None
    return Understood(shape, question, solution, answer, source or "-")


def _flat(row: Row, fields: Row, told: Row, mapping: Mapping[str, str]) -> tuple[str, str, str] | None:
    """A question and a target that have fields of their own."""
    asked = mapping.get("question") or _field(row, fields, names.QUESTION)
    given = mapping.get("solution") or _field(row, fields, names.SOLUTION) or _field(row, fields, names.ANSWER[:1])
    if asked is None or given is None or asked == given:
        return None
    question_value = told["question"] if "question" in told else row[asked]
    solution_value = told["solution"] if "solution" in told else row[given]
    if is_turns(question_value) or is_turns(solution_value):
        return _joined(asked, given, question_value, solution_value)
    question, solution = _as_text(question_value), _as_text(solution_value)
    if not question or not solution:
        return None
    before, behind, taken = _around(row, fields, asked)
    if any(role != "system" for role, _ in before):
        body = "\n\n".join([question, *behind])
        return f"{' + '.join([*taken, asked])} → {given}", as_question([*before, ("user", body)]), solution
    texts = [text for _, text in before]
    return f"{' + '.join([asked, *taken])} → {given}", "\n\n".join([*texts, question, *behind]), solution


def _joined(asked: str, given: str, question: Any, solution: Any) -> tuple[str, str, str] | None:
    """A prompt and a completion that are conversations (TRL's conversational form), or one of them."""
    said: list[Turn] = []
    for field, value, role in ((asked, question, "user"), (given, solution, "assistant")):
        if is_turns(value):
            # DPO's `chosen` may repeat the prompt's turns before its own.
            said = [*said, *turns(field, value)] if turns(field, value)[: len(said)] != said else turns(field, value)
        elif text := _as_text(value):
            said.append((role, text))
    if all(role != "assistant" for role, _ in said):
        return None
    return f"{asked} → {given}, conversational", *question_and_target(given, said)


def _talk(row: Row, fields: Row) -> tuple[str, str, str] | None:
    """A conversation in a field of its own; a `system` beside it (ShareGPT) goes before it."""
    field = next((fields[name] for name in names.TURNS if name in fields and is_turns(row[fields[name]])), None)
    if field is None and "chosen" in fields and is_turns(row[fields["chosen"]]):
        field = fields["chosen"]
    if field is None:
        return None
    said = turns(field, row[field])
    system = _first_text(row, fields, names.BEFORE[:2])
    if system and all(role != "system" for role, _ in said):
        said = [("system", system), *said]
    return f"{field}: the last assistant turn", *question_and_target(field, said)


def _around(row: Row, fields: Row, asked: str) -> tuple[list[Turn], list[str], list[str]]:
    """What stands before and behind the question, and the names of the fields that it came from."""
    before: list[Turn] = []
    behind, taken = [], []
    for name in (*names.BEFORE, *names.BEHIND):
        field = fields.get(name, "")
        value = None if field in ("", asked) else row[field]
        if value in (None, "", [], {}) or value == row.get(asked):
            continue
        if name == "history":
            before += _history(field, value)
        elif name in ("options", "choices"):
            behind.append(_options(field, value))
        elif isinstance(value, str):
            if not value.strip():
                continue
            if name in names.BEFORE:
                before.append(("system", value))
            else:
                behind.append(value)
        else:
            raise BadRow(field, f"is a {type(value).__name__}, not text: it may belong to the question; map the parts")
        taken.append(field)
    return before, behind, taken


def _history(field: str, value: Any) -> list[Turn]:
    """LLaMA-Factory's [[question, answer], …] or a conversation."""
    if is_turns(value):
        return turns(field, value)
    if isinstance(value, list) and all(
        isinstance(pair, list) and len(pair) == 2 and all(isinstance(one, str) for one in pair) for pair in value
    ):
        return [turn for asked, given in value for turn in (("user", asked), ("assistant", given))]
    raise BadRow(field, "is no list of [question, answer] pairs: it may belong to the question; map the parts")


def _options(field: str, value: Any) -> str:
    """The options of a multiple-choice question, one a line, with letters where they have none."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict) and isinstance(value.get("text"), list):  # ARC: {"label": […], "text": […]}
        labels = value.get("label") or _LETTERS
        return "\n".join(f"{label}. {text}" for label, text in zip(labels, value["text"], strict=False))
    if isinstance(value, dict):
        return "\n".join(f"{label}. {text}" for label, text in value.items())
    if not isinstance(value, list) or not all(isinstance(one, str | int | float) for one in value):
        raise BadRow(field, "is no list of texts: it may belong to the question; map the parts")
    lettered = all(str(one).lstrip("( ")[:1] == letter for one, letter in zip(value, _LETTERS, strict=False))
    return "\n".join(str(one) if lettered else f"{_LETTERS[at % 26]}. {one}" for at, one in enumerate(value))


def _answer(row: Row, fields: Row) -> str | None:
    """The first field with a reference answer."""
    values = (reference(row[fields[name]]) for name in names.ANSWER if name in fields)
    return next((value for value in values if value is not None), None)


def _field(row: Row, fields: Row, known: tuple[str, ...]) -> str | None:
    """The first of the fields that holds a text or a conversation."""
    there = (fields[name] for name in known if name in fields)
    return next((name for name in there if is_turns(row[name]) or _as_text(row[name])), None)


def _first_text(row: Row, fields: Row, known: tuple[str, ...]) -> str:
    return next((text for name in known if name in fields and (text := _as_text(row[fields[name]]))), "")


def _as_text(value: Any) -> str:
    """A text, also a number or a list of one text; "" where it is none."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, str):
        return value if value.strip() else ""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""


def _required(field: str, value: Any) -> str:
    if text := _as_text(value):
        return text
    raise BadRow(field, "is empty or no text")


def _missing(row: Row, fields: Row, told: Row) -> BadRow:
    """Which part a row lacks, with what would be known."""
    known = names.SOLUTION if "question" in told or _field(row, fields, names.QUESTION) else names.QUESTION
    part = "question" if known is names.QUESTION else "solution"
    several = next((fields[name] for name in known if name in fields and isinstance(row[fields[name]], list)), None)
    if several is not None:
        return BadRow(part, f"{several} is a list of {len(row[several])}: choose one with --map {part}={several}.0")
    return BadRow(
        part,
        f"is missing or empty (names known: {', '.join(known)}; conversations: {', '.join(names.TURNS[:2])}). "
        f"{fields_of(row)}: --map {part}=FIELD names it",
    )
