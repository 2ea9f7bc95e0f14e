"""One small reader a source: its own schema in, one schema out.

In:  {"problem": "Convert the point …", "answer": "\\left( 3, \\frac{\\pi}{2} \\right)", "unique_id": "test/…/807.json"}
Out: {"id": "math500/test/precalculus/807.json", "question": "Convert the point …", "answer": "\\left( 3, …",
      "options": [], "subset": "Precalculus"}

A multiple-choice row has its options without letters in `options`, and in `answer` the letter, or several ("AC").
"""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from tasks.rows.jsonl import Row

Reader = Callable[[Iterable[Row]], Iterator[Row]]
LETTERS = "ABCDEFGHIJKLMNOPQR"  # BIG-Bench Hard has a task with eighteen options
_LETTERED = re.compile(r"^\s*\(?([A-J])\s*[).:、．]\s*")


def make_row(row_id: str, question: str, answer: Any, options: Iterable[str] = (), subset: str = "") -> Row:
    """A row in the one schema."""
    return {
        "id": row_id,
        "question": question.strip(),
        "answer": str(answer).strip(),
        "options": list(options),
        "subset": subset,
    }


def plain(rows: Iterable[Row]) -> Iterator[Row]:
    """This project's own schema: id, question, answer and, for multiple choice, options."""
    for row in rows:
        yield make_row(row["id"], row["question"], row["answer"], row.get("options") or (), row.get("subset", ""))


def math500(rows: Iterable[Row]) -> Iterator[Row]:
    """MATH-500: problem, solution, answer, subject, level, unique_id."""
    for row in rows:
        yield make_row(f"math500/{row['unique_id']}", row["problem"], row["answer"], subset=row["subject"])


def minerva_math(rows: Iterable[Row]) -> Iterator[Row]:
    """MinervaMath: problem, solution, type, idx; the reference is the whole solution, which ends in a box."""
    for row in rows:
        yield make_row(f"minerva_math/{row['idx']}", row["problem"], row["solution"], subset=row["type"])


def amc23(rows: Iterable[Row]) -> Iterator[Row]:
    """AMC23: id, problem, answer (a whole number written as a float), url."""
    for row in rows:
        answer = float(row["answer"])
        yield make_row(f"amc23/{row['id']}", row["problem"], int(answer) if answer.is_integer() else answer)


def gsm8k(rows: Iterable[Row]) -> Iterator[Row]:
    """GSM8K: question and answer, a solution with calculator marks that ends in "#### 72"."""
    for number, row in enumerate(rows):
        yield make_row(f"gsm8k/{number}", row["question"], row["answer"].rpartition("####")[2])


def imo_answerbench(rows: Iterable[Row]) -> Iterator[Row]:
    """IMO-AnswerBench: Problem ID, Problem, Short Answer, Category, Subcategory, Source."""
    for row in rows:
        problem, answer, category = row["Problem"], row["Short Answer"], row["Category"]
        if row.get("Source") is None:
            # One row of the CSV lacks a closing quotation mark: its answer stands at the end of its problem, and
            # the columns after it are shifted by one.
            problem, _, answer = problem.rpartition("\n,")
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
        passage = row.get("passage")
        question = f"{passage.strip()}\n\n{row['question']}" if passage and passage.strip() else row["question"]
        label = row.get("label")
        if not row.get("options"):
            yield make_row(f"agieval/{task}/{number}", question, row["answer"], subset=task)
        elif letters := "".join(sorted(set(re.findall("[A-J]", "".join(label or ""))))):
            options = [_without_letter(option, LETTERS[at]) for at, option in enumerate(row["options"])]
            yield make_row(f"agieval/{task}/{number}", question, letters, options, task)


def _without_letter(option: str, letter: str) -> str:
    match = _LETTERED.match(option)
    return option[match.end() :] if match and match[1] == letter else option


def mmlu(rows: Iterable[Row]) -> Iterator[Row]:
    """MMLU's test split: the released CSVs' A to D and a letter, or the hub's choices and an index."""
    counted: dict[str, int] = {}
    for row in rows:
        if row.get("split", "test") != "test":
            continue
        subject = row["subject"]
        number = counted[subject] = counted.get(subject, -1) + 1
        options = row["choices"] if "choices" in row else [row[letter] for letter in "ABCD"]
        answer = row["answer"] if isinstance(row["answer"], str) else LETTERS[row["answer"]]
        yield make_row(f"mmlu/{subject}/{number}", row["question"], answer, map(str, options), subject)


def mmlu_pro(rows: Iterable[Row]) -> Iterator[Row]:
    """MMLU-Pro: question_id, question, options, answer (a letter), category."""
    for row in rows:
        yield make_row(
            f"mmlu_pro/{row['question_id']}", row["question"], row["answer"], map(str, row["options"]), row["category"]
        )


READERS: dict[str, Reader] = {
    reader.__name__: reader
    for reader in (plain, math500, minerva_math, amc23, gsm8k, imo_answerbench, agieval, mmlu, mmlu_pro)
}
