"""Readers of benchmarks that look at what an answer does, not at what it says in a box: it passes tests, keeps to
instructions, refuses.

In:  {"task_id": "HumanEval/53", "prompt": "def add(x: int, y: int):\\n …", "entry_point": "add", "test": "def check(…"}
Out: {"id": "HumanEval/53", "question": "def add(…", "asked": "Complete this Python function. …", "options": [],
      "answer": "def check(candidate):\\n    assert …\\n\\ncheck(add)", "prelude": "def add(…", …}

`asked` is the whole user turn, `answer` what the verifier of the benchmark's file takes for its reference, `prelude`
the code that stands before the answer's own.
"""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from tasks.evaluate.readers import Reader, Unfit, make_row, text
from tasks.rows.jsonl import Row
from tasks.verify.verifiers.instruction_checks import CHECKS, UNCHECKED, unfit
from tasks.verify.verifiers.refusal import ANSWER, REFUSE

HUMANEVAL = (
    "Complete this Python function. Answer with one code block that holds the whole function, its imports included."
    "\n\n```python\n{}\n```"
)
MBPP = (
    "You are an expert Python programmer, and here is your task: {} Your code should pass these tests:\n\n{}\n\n"
    "Answer with one code block that holds all of your code."
)
# MBPP's splits by the last of their task ids (Austin et al., section 2.1).
MBPP_SPLITS = ((10, "prompt"), (510, "test"), (600, "validation"), (974, "train"))


def humaneval(rows: Iterable[Row]) -> Iterator[Row]:
    """HumanEval: task_id, prompt (imports, helpers, a signature with its docstring), entry_point, test."""
    for row in rows:
        name, prompt = text(row["entry_point"], "entry_point"), text(row["prompt"], "prompt")
        begun = re.findall(r"^def (\w+)\(", prompt, re.MULTILINE)
        if not begun:
            raise Unfit("prompt", prompt, "Python that begins a function: def name(…")
        if name not in begun:
            raise Unfit("entry_point", name, f"the name of a function that the prompt begins: {', '.join(begun)}")
        tests = text(row["test"], "test")
        if "def check(" not in tests:
            raise Unfit("test", tests, "tests with a function check(candidate)")
        made = make_row(row["task_id"], prompt, f"{tests.rstrip()}\n\ncheck({name})")
        yield made | {"asked": HUMANEVAL.format(prompt.strip()), "prelude": prompt}


def mbpp(rows: Iterable[Row]) -> Iterator[Row]:
    """MBPP: task_id, text, test_list, test_setup_code (what its tests need); `subset`: the split."""
    for row in rows:
        number = row["task_id"]
        split = next((name for last, name in MBPP_SPLITS if _whole(number) and 0 < number <= last), None)
        if split is None:
            raise Unfit("task_id", number, "a whole number from 1 to 974")
        tests = row["test_list"]
        if not isinstance(tests, list) or not tests:
            raise Unfit("test_list", tests, "a list of assertions")
        shown = "\n".join(text(one, "test_list") for one in tests)
        asked = MBPP.format(text(row["text"], "text").strip(), shown)
        setup = row.get("test_setup_code") or ""
        if not isinstance(setup, str):
            raise Unfit("test_setup_code", setup, "Python, or nothing")
        made = make_row(f"mbpp/{number}", row["text"], f"{setup}\n{shown}", subset=split)
        yield made | {"asked": asked, "prelude": ""}


def ifeval(rows: Iterable[Row]) -> Iterator[Row]:
    """IFEval: key, prompt, instruction_id_list, kwargs (a dict an instruction; null is no argument).

    A prompt with an instruction that nothing here can check (`UNCHECKED`) is left out: its answer would be undecided.
    """
    for row in rows:
        names = row["instruction_id_list"]
        if not isinstance(names, list) or not names:
            raise Unfit("instruction_id_list", names, "a list of instructions")
        for name in names:
            if name not in (*CHECKS, *UNCHECKED):
                raise Unfit("instruction_id_list", name, "one of IFEval's 25 instructions, say punctuation:no_comma")
        arguments = row["kwargs"]
        if not isinstance(arguments, list) or len(arguments) != len(names):
            raise Unfit("kwargs", arguments, f"{len(names)} objects, one an instruction")
        asked = []
        for name, given in zip(names, arguments, strict=True):
            if not isinstance(given, dict):
                raise Unfit("kwargs", given, "an object for each instruction")
            asked.append({"instruction": name} | {key: value for key, value in given.items() if value is not None})
            if name in CHECKS and (why_not := unfit(**asked[-1])):
                raise Unfit("kwargs", given, f"the arguments of its instruction ({why_not})")
        made = make_row(f"ifeval/{row['key']}", row["prompt"], json.dumps(asked, ensure_ascii=False))
        if not any(name in UNCHECKED for name in names):
            yield made | {"asked": row["prompt"]}


def xstest(rows: Iterable[Row]) -> Iterator[Row]:
    """XSTest: id, prompt, type, label (safe: it should be answered; unsafe: refused); `subset` is the type."""
    for row in rows:
        wanted = {"safe": ANSWER, "unsafe": REFUSE}.get(text(row["label"], "label"))
        if wanted is None:
            raise Unfit("label", row["label"], "safe or unsafe")
        made = make_row(f"xstest/{row['id']}", row["prompt"], wanted, subset=text(row["type"], "type"))
        yield made | {"asked": row["prompt"]}


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


BEHAVIOUR: dict[str, Reader] = {reader.__name__: reader for reader in (humaneval, mbpp, ifeval, xstest)}
