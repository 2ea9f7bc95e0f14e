"""How a corpus's raw row becomes question, solution and answer: one reader a schema.

In:  {"problem": "…", "generated_solution": "…", "expected_answer": "12", "inference_mode": "cot", "problem_type": "…"}
Out: Taken(row={"source": "…", "question": "…", "solution": "…", "answer": "12"}, mode="cot")

A reader that finds a row unusable raises BadRow; one that leaves a row out by its mode gives no row.
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

from tasks.rows.jsonl import NOT_TEXT, Row, is_text
from tasks.rows.reader import names
from tasks.rows.reader.bad_row import BadRow
from tasks.rows.reader.reference import reference
from tasks.rows.reader.shapes import understand

Format = Literal["auto", "numinamath_cot", "open_math_reasoning"]


class Taken(NamedTuple):
    """A raw row as it was taken; `no_reference` says why it cannot be verified though its solution has an answer."""

    row: Row | None
    mode: str = ""
    shape: str = ""
    no_reference: str = ""
    mended: bool = False


def numinamath_cot(raw: Row, _: Mapping[str, str]) -> Taken:
    """A row of NuminaMath-CoT. The reference answer is in its solution."""
    return Taken(
        {
            "source": _text(raw, "source", optional=True),
            "question": _text(raw, "problem"),
            "solution": _text(raw, "solution"),
            "answer": None,
        }
    )


def open_math_reasoning(raw: Row, _: Mapping[str, str]) -> Taken:
    """A row of OpenMathReasoning; none for tool-integrated (tir) and selection rows (genselect): no plain solutions.

    Its solutions were generated: where no answer is expected, the box of one is no reference for another.
    """
    mode = str(raw.get("inference_mode") or "cot")
    if mode != "cot":
        return Taken(None, mode)
    answer = reference(raw.get("expected_answer"))
    if not is_text(str(answer)):
        raise BadRow("expected_answer", NOT_TEXT)
    row = {
        "source": _text(raw, "problem_source", optional=True),
        "question": _text(raw, "problem"),
        "solution": _text(raw, "generated_solution"),
        "answer": answer,
    }
    return Taken(row, mode, no_reference="" if answer else "no expected_answer: the solution was generated")


def auto(raw: Row, mapping: Mapping[str, str]) -> Taken:
    """A row of any usual shape; the other modes of OpenMathReasoning are left out here too."""
    found = understand(raw, mapping)
    if raw.get("inference_mode") in ("tir", "genselect"):
        return Taken(None, str(raw["inference_mode"]))
    source = "" if found.source == "-" else found.source
    for name, text in (("question", found.question), ("solution", found.solution), ("source", source)):
        if not is_text(text):
            raise BadRow(name, NOT_TEXT)
    row = {"source": source, "question": found.question, "solution": found.solution, "answer": found.answer}
    return Taken(row, shape=found.shape)


READERS: dict[Format, Callable[[Row, Mapping[str, str]], Taken]] = {
    "auto": auto,
    "numinamath_cot": numinamath_cot,
    "open_math_reasoning": open_math_reasoning,
}


def kept_columns(form: Format, mapping: Mapping[str, str], carry: bool) -> Callable[[str], bool] | None:
    """Which columns of a table are read: where the other fields are carried along, all but conversations that repeat
    the texts of a known format."""
    if carry:
        return None if form == "auto" else lambda column: names.plain_name(column) not in names.TURNS
    heads = {step for path in mapping.values() for step in (path, path.partition(".")[0])}
    known = names.EVERY if form == "auto" else names.EVERY - set(names.TURNS)
    return lambda column: column in heads or names.plain_name(column) in known or column == "inference_mode"


def carried(raw: Row, row: Row) -> Row:
    """The fields of a raw row that the corpus's row does not hold: what repeats its texts is left out."""
    # Names first, for a conversation is long as a string; a list, for it knows long texts by being the same objects.
    held = [value for value in row.values() if value is not None]
    return {
        name: value
        for name, value in raw.items()
        if value is not None and names.plain_name(name) not in names.TURNS and str(value) not in held
    }


def _text(raw: Row, field: str, optional: bool = False) -> str:
    value: Any = raw.get(field)
    if optional and value is None:
        return ""
    if not isinstance(value, str):
        raise BadRow(field, "is missing" if value is None else f"is a {type(value).__name__}, not a string")
    if not optional and not value.strip():
        raise BadRow(field, "is empty")
    if not is_text(value):
        raise BadRow(field, NOT_TEXT)
    return value
