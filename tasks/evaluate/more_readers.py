"""Readers of general benchmarks beside the paper's, and of the paper's as its authors cut them.

In:  {"question": "Which gas …?", "choices": {"text": ["oxygen", "helium"], "label": ["1", "2"]}, "answerKey": "2"}
Out: {"id": "arc_challenge/0", "question": "Which gas …?", "answer": "B", "options": ["oxygen", "helium"], "subset": ""}

Where a source puts the right option first, options are put in an order by their hash: nobody's, and always the same.
A row that is no multiple choice and no mathematics carries the whole user turn in `asked`.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator

from tasks.evaluate.readers import LETTERS, Reader, imo_answerbench, letter, make_row, text
from tasks.rows.jsonl import Row

_WHOLE = re.compile(r"\$?\s*-?\d+\s*\$?")
_OPTION = re.compile(r"^\(([A-R])\) ?(.*)$", re.MULTILINE)
_ARTIFACT = re.compile(r"\[.*?\]")
BOXED = (
    "\n\nSolve it step by step. At the end, on a separate line, output ONLY the final answer in LaTeX boxed format, "
    "exactly like:\n\n$\\boxed{answer}$"
)


def arc(rows: Iterable[Row]) -> Iterator[Row]:
    """ARC: id, question, choices {text, label}, answerKey; labels are letters or, in some rows, numbers."""
    for row in rows:
        at = list(row["choices"]["label"]).index(row["answerKey"])
        yield make_row(f"arc/{row['id']}", row["question"], LETTERS[at], row["choices"]["text"])


def hellaswag(rows: Iterable[Row]) -> Iterator[Row]:
    """HellaSwag: ind, activity_label, ctx, endings, label; WikiHow's marks in brackets are left out."""
    for row in rows:
        context = _plain(f"{row['activity_label']}: {text(row['ctx'], 'ctx')}")
        question = f"Which ending continues this text best?\n\n{context} …"
        endings = [_plain(one) for one in row["endings"]]
        yield make_row(
            f"hellaswag/{row['ind']}", question, letter(row["label"], "label"), endings, row["activity_label"]
        )


def winogrande(rows: Iterable[Row]) -> Iterator[Row]:
    """WinoGrande's validation split: sentence with a gap "_", option1, option2, answer "1" or "2"."""
    for number, row in enumerate(rows):
        question = f'What fits the gap "_" in this sentence?\n\n{text(row["sentence"], "sentence")}'
        options = [row["option1"], row["option2"]]
        yield make_row(f"winogrande/{number}", question, letter(int(row["answer"]) - 1, "answer"), options)


def truthfulqa(rows: Iterable[Row]) -> Iterator[Row]:
    """TruthfulQA with one right choice (MC1): question, mc1_targets {choices, labels}; the right one comes first."""
    for number, row in enumerate(rows):
        name, targets = f"truthfulqa/{number}", row["mc1_targets"]
        pairs = list(zip(targets["choices"], targets["labels"], strict=True))
        [right] = [choice for choice, label in pairs if label]
        yield _mixed(name, row["question"], right, [choice for choice, label in pairs if not label])


def gpqa(rows: Iterable[Row]) -> Iterator[Row]:
    """GPQA: Question, Correct Answer, Incorrect Answer 1 to 3, High-level domain, Record ID."""
    for row in rows:
        wrong = [row[f"Incorrect Answer {number}"].strip() for number in (1, 2, 3)]
        domain = row.get("High-level domain") or ""
        yield _mixed(f"gpqa/{row['Record ID']}", row["Question"], row["Correct Answer"].strip(), wrong, domain)


def bbh(rows: Iterable[Row]) -> Iterator[Row]:
    """BIG-Bench Hard: task, input, target "(B)" where the input ends in options, else a word, a number, a sequence."""
    counted: dict[str, int] = {}
    for row in rows:
        task = row["task"]
        number = counted[task] = counted.get(task, -1) + 1
        question, _, listed = row["input"].partition("\nOptions:\n")
        name, options = f"bbh/{task}/{number}", [text.strip() for _, text in _OPTION.findall(listed)]
        lettered = re.fullmatch(r"\(([A-R])\)", row["target"])
        if lettered and options:
            yield make_row(name, question, lettered[1], options, task) | {"asked": ""}
        else:
            yield make_row(name, row["input"], row["target"], (), task) | {"asked": row["input"].strip() + BOXED}


def imo_numeric(rows: Iterable[Row]) -> Iterator[Row]:
    """The rows of IMO-AnswerBench whose answer is one whole number: 228 of 400, the number that the authors score."""
    return (row for row in imo_answerbench(rows) if _WHOLE.fullmatch(row["answer"]))


def _plain(text: str) -> str:
    return _ARTIFACT.sub("", text.replace(" [title]", ". ")).replace("  ", " ").strip()


def _mixed(name: str, question: str, right: str, wrong: Iterable[str], subset: str = "") -> Row:
    options = sorted(
        {text(one, "options") for one in (right, *wrong)},
        key=lambda one: hashlib.sha256(f"{name}/{one}".encode()).digest(),
    )
    return make_row(name, question, LETTERS[options.index(right)], options, subset)


MORE: dict[str, Reader] = {
    reader.__name__: reader for reader in (arc, hellaswag, winogrande, truthfulqa, gpqa, bbh, imo_numeric)
}
