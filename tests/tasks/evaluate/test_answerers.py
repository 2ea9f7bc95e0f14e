"""An oracle and a constant answerer through every benchmark: 100 %, and the share of rows that say so.

The rows are the real ones where the machine has them (REWRITING_AGENT_DATA), else a few in the source's own schema.
"""

import gzip
import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tasks.evaluate import benchmark
from tasks.evaluate.score import judge, summary, verdict
from tasks.evaluate.user_turn import user_turn
from tasks.rows.jsonl import Row
from tasks.verify.config import VerifyConfig
from tasks.verify.verify import Verifier
from tests.tasks.evaluate.behaviour_rows import BEHAVIOUR_SCHEMAS

AT_MOST = 300  # rows of a benchmark
COMPARED = [
    name for name in benchmark.names() if benchmark.benchmark(name).verifier == "math"
]  # others: test_behaviour


def _choices(n: int) -> dict[str, object]:
    return {"question": f"Which gas {n}?", "options": [f"(A) a{n}", f"(B) b{n}", f"(C) c{n}"], "label": "ABC"[n % 3]}


# By reader: rows in the schema of its source.
SCHEMAS: dict[str, list[Row]] = {
    "math500": [{"unique_id": "a/1", "problem": "p", "answer": "\\frac{1}{2}", "subject": "Algebra"}],
    "minerva_math": [{"idx": 3, "problem": "p", "solution": "So $\\boxed{2.5}$.", "type": "physics"}],
    "amc23": [{"id": 0, "problem": "p", "answer": 27.0}],
    "gsm8k": [{"question": "q", "answer": "48+24 = 72\n#### 72"}],
    "imo_answerbench": [
        {"Problem ID": "x-1", "Problem": "p", "Short Answer": "$2^{u-2}$", "Category": "Algebra", "Source": "s"}
    ],
    "agieval": [_choices(n) | {"task": "lsat-ar", "passage": "A text."} for n in range(5)]
    + [_choices(n) | {"task": "sat-math", "label": ["A", "C"]} for n in range(2)],
    "mmlu": [{"subject": "anatomy", "question": "q", "choices": list("wxyz"), "answer": n % 4} for n in range(9)],
    "mmlu_pro": [
        {"question_id": n, "question": "q", "options": list("abcdefghij"), "answer": "ABJ"[n], "category": "law"}
        for n in range(3)
    ],
    "arc": [
        {
            "id": f"{said}{n}",
            "question": "q",
            "choices": {"text": ["w", "x", "y"], "label": list(said)},
            "answerKey": said[n],
        }
        for said in ("ABC", "123")
        for n in range(3)
    ],
    "hellaswag": [
        {
            "ind": n,
            "activity_label": "Baking",
            "ctx": "A man [title] bakes.",
            "endings": [f"{e} [step] ." for e in "wxyz"],
        }
        | {"label": str(n % 4)}
        for n in range(6)
    ],
    "winogrande": [
        {
            "sentence": "Ian ate Dennis's lunch as _ was hungry.",
            "option1": "Ian",
            "option2": "Dennis",
            "answer": "12"[n % 2],
        }
        for n in range(5)
    ],
    "truthfulqa": [
        {
            "question": f"q{n}",
            "mc1_targets": {"choices": [f"r{n}", *(f"w{n}{i}" for i in range(12))], "labels": [1] + [0] * 12},
        }
        for n in range(20)
    ],
    "gpqa": [
        {"Record ID": f"rec{n}", "Question": "q", "Correct Answer": f" right {n}", "High-level domain": "Physics"}
        | {f"Incorrect Answer {i}": f"wrong {i}" for i in (1, 2, 3)}
        for n in range(20)
    ],
    "bbh": [
        {"task": "geometric_shapes", "input": "This path draws a\nOptions:\n(A) circle\n(B) kite", "target": "(B)"},
        {"task": "colours", "input": "How many?\nOptions:\n" + "\n".join(f"({c}) {c}x" for c in "ABCDEFGHIJKLMNOPQR")}
        | {"target": "(R)"},
        {
            "task": "word_sorting",
            "input": "Sort the following words: List: syndrome therefrom",
            "target": "syndrome therefrom",
        },
        {"task": "dyck_languages", "input": "Complete the sequence. Input: < [ [", "target": "] ] >"},
        {"task": "sports_understanding", "input": "Is the following sentence plausible?", "target": "no"},
        {"task": "navigate", "input": "Do you return?\nOptions:\n- Yes\n- No", "target": "No"},
        {"task": "formal_fallacies", "input": "Valid?\nOptions:\n- valid \n- invalid", "target": "invalid"},
        {"task": "boolean_expressions", "input": "not ( True ) is", "target": "False"},
        {"task": "multistep_arithmetic_two", "input": "((-1 + 2)) =", "target": "-24"},
    ],
    "imo_numeric": [
        {"Problem ID": f"x-{n}", "Problem": "p", "Short Answer": answer, "Category": "Algebra", "Source": "s"}
        for n, answer in enumerate(("3", "$-4$", "$2^{u-2}$", "1, 2"))
    ],
    **BEHAVIOUR_SCHEMAS,
}


@pytest.fixture(scope="module")
def verifier() -> Iterator[Verifier]:
    with Verifier(VerifyConfig(reasoning=False, processes=1)) as one:
        yield one


def _rows(name: str, folder: Path) -> list[Row]:
    chosen = benchmark.benchmark(name)
    if chosen.path is not None:
        return benchmark.rows(name, limit=AT_MOST)
    real = Path(os.environ["REWRITING_AGENT_DATA"]) / "benchmarks" if "REWRITING_AGENT_DATA" in os.environ else None
    if real is None or not (real / str(chosen.file)).exists():
        real = folder
        with gzip.open(folder / str(chosen.file), "wt") as file:
            for row in SCHEMAS[chosen.reader]:
                made = row | {"task": (chosen.keep or (row.get("task"),))[0]} if chosen.reader == "agieval" else row
                file.write(json.dumps(made) + "\n")
    return benchmark.rows(name, real, AT_MOST)


def _accuracy(name: str, rows: list[Row], texts: list[str], verifier: Verifier) -> float:
    judge(rows, texts, verifier)
    answers = [
        {"correct": verdict(row, text).correct, "verdict": "", "finished": True, "tokens": 9, "subset": row["subset"]}
        for row, text in zip(rows, texts, strict=True)
    ]
    return float(summary(name, answers)["accuracy"])


def test_there_is_a_schema_for_every_reader() -> None:
    assert set(SCHEMAS) == set(benchmark.READERS) - {"plain"}


@pytest.mark.parametrize("name", COMPARED)
def test_an_oracle_is_always_right_and_a_constant_as_often_as_its_letter_is(
    name: str, tmp_path: Path, verifier: Verifier
) -> None:
    rows = _rows(name, tmp_path)
    assert len({row["id"] for row in rows}) == len(rows) and all(row["question"] and row["answer"] for row in rows)
    said = [row["answer"] if "\\boxed" in row["answer"] else f"so\n$\\boxed{{{row['answer']}}}$" for row in rows]
    assert _accuracy(name, rows, said, verifier) == 1.0
    chosen, open_ = [row for row in rows if row["options"]], [row for row in rows if not row["options"]]
    for letter in "AB" if chosen else "":
        share = sum(row["answer"] == letter for row in chosen) / len(chosen)
        assert _accuracy(name, chosen, [f"$\\boxed{{{letter}}}$"] * len(chosen), verifier) == pytest.approx(share)
    assert not open_ or _accuracy(name, open_, ["$\\boxed{987654321}$"] * len(open_), verifier) == 0
    for row in rows:
        turn = user_turn(row)
        assert "\\boxed{" in turn and all(f"{letter}. " in turn for letter in "AB"[: len(row["options"])])


@pytest.mark.parametrize("reader", ["truthfulqa", "gpqa"])
def test_options_whose_source_puts_the_right_one_first_are_mixed_and_always_alike(reader: str) -> None:
    first = SCHEMAS[reader][0]
    named = {"truthfulqa": "question", "gpqa": "Record ID"}[reader]
    raw = [first | {named: f"q{n}"} for n in range(400)]
    found = list(benchmark.READERS[reader](raw))
    assert found == list(benchmark.READERS[reader](raw))
    options = len(found[0]["options"])
    assert all(row["options"][ord(row["answer"]) - ord("A")].strip() in ("r0", "right 0") for row in found)
    shares = Counter(row["answer"] for row in found)
    deviation = (400 * (1 - 1 / options) / options) ** 0.5
    assert len(shares) == options and all(abs(count - 400 / options) < 4 * deviation for count in shares.values())


def test_agieval_compares_sets_of_letters_as_its_source_does(verifier: Verifier) -> None:
    [row] = benchmark.READERS["agieval"]([_choices(0) | {"task": "jec-qa-kd", "label": ["C", "A"]}])
    texts = ["$\\boxed{AC}$", "$\\boxed{C, A}$", "$\\boxed{A}$", "$\\boxed{ABC}$"]
    assert [_accuracy("agieval_full", [row], [text], verifier) for text in texts] == [1, 1, 0, 0]


def test_hellaswags_marks_of_its_source_are_left_out() -> None:
    row = next(iter(benchmark.READERS["hellaswag"](SCHEMAS["hellaswag"])))
    assert "[" not in row["question"] and row["options"] == ["w .", "x .", "y .", "z ."]


def test_the_authors_parts_have_their_sizes(data_folder: Path) -> None:
    sizes = {
        "sat_math_220": 220,
        "imo_numeric": 228,
        "imo_answerbench_v1": 400,
        "agieval_en": 2072,
        "agieval_full": 8268,
    }
    for name, size in sizes.items():
        assert len(benchmark.rows(name, data_folder / "benchmarks")) == size, name
