"""One small reader a source: its own schema in, one schema out.

In:  {"problem": "Convert the point …", "answer": "\\left( 3, \\frac{\\pi}{2} \\right)", "unique_id": "test/…/807.json"}
Out: {"id": "math500/test/precalculus/807.json", "question": "Convert the point …", "answer": "\\left( 3, …",
      "options": [], "subset": "Precalculus", "cluster": ""}

A multiple-choice row has its options without letters in `options`, and in `answer` the letter, or several ("AC").
"""

import re
from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256
from math import isfinite
from typing import Any

from tasks.rows.jsonl import Row

Reader = Callable[[Iterable[Row]], Iterator[Row]]
LETTERS = "ABCDEFGHIJKLMNOPQR"  # BIG-Bench Hard has a task with eighteen options
_LETTERED = re.compile(r"^\s*\(?([A-J])\s*[).:、．]\s*")


class Unfit(ValueError):
    """A value of a row of which no question, answer or option can be made; `takes` says of what one can."""

    def __init__(self, field: str, value: Any, takes: str) -> None:
        shown = {None: "null", "": "empty"}.get(value) if isinstance(value, str | None) else None
        super().__init__(f"is {shown or repr(value)[:60]}")
        self.field, self.value, self.takes = field, value, takes


def make_row(row_id: Any, question: Any, answer: Any, options: Any = (), subset: Any = "", cluster: str = "") -> Row:
    """A row in the one schema; those of one `cluster` (a passage, a subject) are drawn together in intervals.

    Raises:
        Unfit: it could not be asked, or no answer to it be right.
    """
    if not isinstance(options, list | tuple):
        raise Unfit("options", options, "a list of texts")
    for one in options:
        if not isinstance(one, str | int | float) or isinstance(one, bool):
            raise Unfit("options", one, "a text for each option")
    letters = LETTERS[: len(options)]
    number = isinstance(answer, int | float) and not isinstance(answer, bool) and isfinite(answer)
    if not number and not isinstance(answer, str):
        raise Unfit("answer", answer, "a text or a number")
    if options and (len(options) > len(letters) or not set(str(answer).strip()) <= set(letters)):
        raise Unfit("answer", answer, f"a letter of {len(options)} options ({letters[:1]} to {letters[-1:]})")
    return {
        "id": str(row_id),
        "question": text(question, "question").strip(),
        "answer": text(str(answer), "answer").strip(),
        "options": [str(one) for one in options],
        "subset": str(subset),
        "cluster": cluster,
    }


def text(value: Any, field: str) -> str:
    """`value`, if it is a text that says something. Raises Unfit."""
    if not isinstance(value, str) or not value.strip():
        raise Unfit(field, value, "a text that is not empty")
    return value


def letter(value: Any, field: str) -> str:
    """The letter of an option by its place from 0, a number or its digits. Raises Unfit."""
    digits = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if not digits.isdecimal() or int(digits) >= len(LETTERS):
        raise Unfit(field, value, "the place of an option")
    return LETTERS[int(digits)]


def plain(rows: Iterable[Row]) -> Iterator[Row]:
    """This project's own schema: id, question, answer and, for multiple choice, options."""
    for row in rows:
        yield make_row(row["id"], row["question"], row["answer"], row.get("options") or (), row.get("subset") or "")


def math500(rows: Iterable[Row]) -> Iterator[Row]:
    """MATH-500: problem, solution, answer, subject, level, unique_id."""
    for row in rows:
        yield make_row(f"math500/{row['unique_id']}", row["problem"], row["answer"], subset=row["subject"])


def minerva_math(rows: Iterable[Row]) -> Iterator[Row]:
    """MinervaMath: problem, solution, type, idx; the reference is the whole solution, which ends in a box."""
    for row in rows:
        if "\\boxed" not in text(row["solution"], "solution"):
            raise Unfit("solution", row["solution"], "a solution that ends in \\boxed{…}")
        yield make_row(f"minerva_math/{row['idx']}", row["problem"], row["solution"], subset=row["type"])


def amc23(rows: Iterable[Row]) -> Iterator[Row]:
    """AMC23: id, problem, answer (a whole number written as a float), url."""
    for row in rows:
        answer = float(row["answer"])
        yield make_row(f"amc23/{row['id']}", row["problem"], int(answer) if answer.is_integer() else answer)


def gsm8k(rows: Iterable[Row]) -> Iterator[Row]:
    """GSM8K: question and answer, a solution with calculator marks that ends in "#### 72"."""
    for number, row in enumerate(rows):
        _, marked, answer = text(row["answer"], "answer").rpartition("####")
        if not marked:
            raise Unfit("answer", row["answer"], 'a solution that ends in "#### " and a number')
        yield make_row(f"gsm8k/{number}", row["question"], answer)


def imo_answerbench(rows: Iterable[Row]) -> Iterator[Row]:
    """IMO-AnswerBench: Problem ID, Problem, Short Answer, Category, Subcategory, Source."""
    for row in rows:
        problem, answer, category = row["Problem"], row["Short Answer"], row["Category"]
        if row.get("Source") is None:
            # One row of the CSV lacks a closing quotation mark: its answer stands at the end of its problem, and
            # the columns after it are shifted by one.
            problem, shifted, answer = problem.rpartition("\n,")
            if not shifted:
                raise Unfit("Source", None, "where the problem is from")
            answer, category = answer.strip('" \n'), row["Short Answer"]
        yield make_row(f"imo_answerbench/{row['Problem ID']}", problem, answer, subset=category)


def agieval(rows: Iterable[Row]) -> Iterator[Row]:
    """AGIEval v1.0: task, passage, question, options, label (a letter, or several), answer (of cloze rows).

    A jec-qa row without any label cannot be answered and is left out.
    """
    counted: dict[str, int] = {}
    for row in rows:
        task = row["task"]
        number = counted[task] = counted.get(task, -1) + 1
        question, passage = text(row["question"], "question"), (row.get("passage") or "").strip()
        question = f"{passage}\n\n{question}" if passage else question
        cluster = f"{task}/{sha256(passage.encode()).hexdigest()[:12]}" if passage else ""
        listed, label = row.get("options"), row.get("label")
        if not listed and label is None:
            yield make_row(f"agieval/{task}/{number}", question, row["answer"], subset=task, cluster=cluster)
        elif label != []:
            if not listed or not isinstance(listed, list):
                raise Unfit("options", listed, "a list of texts where there is a label")
            letters = "".join(sorted(set(re.findall("[A-J]", "".join(label or "")))))
            if not letters:
                raise Unfit("label", label, "a letter, or a list of letters")
            options = [_without_letter(option, LETTERS[at]) for at, option in enumerate(listed)]
            yield make_row(f"agieval/{task}/{number}", question, letters, options, task, cluster)


def _without_letter(option: str, letter: str) -> str:
    match = _LETTERED.match(text(option, "options"))
    return option[match.end() :] if match and match[1] == letter else option


def mmlu(rows: Iterable[Row]) -> Iterator[Row]:
    """MMLU's test split: the released CSVs' A to D and a letter, or the hub's choices and an index."""
    counted: dict[str, int] = {}
    for row in rows:
        if row.get("split", "test") != "test":
            continue
        subject = row["subject"]
        number = counted[subject] = counted.get(subject, -1) + 1
        options = [row[letter] for letter in "ABCD"] if "A" in row else row["choices"]
        answer = row["answer"] if isinstance(row["answer"], str) else letter(row["answer"], "answer")
        yield make_row(f"mmlu/{subject}/{number}", row["question"], answer, options, subject, cluster=str(subject))


def mmlu_pro(rows: Iterable[Row]) -> Iterator[Row]:
    """MMLU-Pro: question_id, question, options, answer (a letter), category."""
    for row in rows:
        name, subset = f"mmlu_pro/{row['question_id']}", row["category"]
        yield make_row(name, row["question"], row["answer"], row["options"], subset)


READERS: dict[str, Reader] = {
    reader.__name__: reader
    for reader in (plain, math500, minerva_math, amc23, gsm8k, imo_answerbench, agieval, mmlu, mmlu_pro)
}
