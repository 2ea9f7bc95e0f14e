"""`rewriting-agent verify FILE [--json OUT]`: verdicts on the answers of any JSON lines file.

In:  {"gold": "#### 72", "solution": "… $\\boxed{72}$"}      or {"gold": "72", "answer": "72.0"}; `id` is kept
Out: {"id": 1, "verdict": "correct", "reason": "identical", "extracted": "72", "gold": "72"}, one line a row, in order
"""

import json
import sys
import time
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from flows.commands.wide import show
from tasks.rows.jsonl import read_lines, write_rows
from tasks.verify.config import VerifyConfig
from tasks.verify.types import Candidate
from tasks.verify.verify import Verifier

BLOCK = 20_000  # rows held at once
NEXT = {  # the beginning of a verdict's reason → what to do about it
    "the solution was cut off": "allow more tokens when sampling, or leave the rows out: `finished` is false",
    "no boxed answer": r"ask for the answer in \\boxed{…} on the last line",
    "the answer is empty": r"ask for a value in \\boxed{…}: the box holds none",
    "the reference states no answer": "give `gold` a value, a box or #### in front of it; a proof cannot be compared",
    "no decision within": "allow more time: --deadline 20",
    "the answer has": "look at the rows: the answer is longer than any value; ask for the value alone",
    "longer than": "look at the rows: an answer or reference is longer than 1,500 characters; give the value alone",
    "nested too deeply": "look at the rows: write the answer with fewer brackets",
    "not compared": "look at the rows: the value is too large to compute; write it as in `gold`",
    "the comparison": "run the rows again; with the same end, write the answer in a simpler form",
}


def verify_command(
    file: Annotated[Path, typer.Argument(help="JSON lines with `gold` and `solution` or `answer`; .gz is read too.")],
    json_file: Annotated[Path | None, typer.Option("--json", help="Write one verdict a line to this file.")] = None,
    processes: Annotated[int | None, typer.Option(min=1, help="Comparing processes; default: one a core.")] = None,
    deadline: Annotated[float, typer.Option(min=0.2, help="CPU seconds one comparison may take.")] = 4.0,
) -> None:
    """Verify answers against references: correct, wrong, no answer or undecided, with the reason."""
    if not file.is_file():
        raise typer.BadParameter(f"{file} is not a file")
    config = VerifyConfig(deadline_seconds=deadline)
    if processes is not None:
        config = config.model_copy(update={"processes": processes})
    counts: Counter[tuple[str, str]] = Counter()
    bad: list[dict[str, Any]] = []
    verdicts: list[dict[str, Any]] = []
    began = time.monotonic()
    with Verifier(config) as verifier:
        block: list[Candidate] = []
        for number, line in read_lines(file):
            candidate = read_candidate(number, line)
            if isinstance(candidate, str):
                bad.append({"line": number, "error": candidate})
                continue
            block.append(candidate)
            if len(block) >= BLOCK:
                verdicts += _verify(verifier, block, counts)
                block = []
        verdicts += _verify(verifier, block, counts)
    seconds = time.monotonic() - began
    if json_file is not None:
        write_rows(json_file, verdicts)
        if bad:
            write_rows(json_file.with_name(f"{json_file.stem}.quarantine.jsonl"), bad)
    _show(counts, bad, seconds, file)
    if bad:
        raise typer.Exit(1)


def read_candidate(number: int, line: str) -> Candidate | str:
    """A row as a candidate, or what is wrong with it."""
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        return f"line {number}: is not JSON: {error.msg}"
    if not isinstance(row, dict):
        return f"line {number}: is not a JSON object"
    answer = next(
        (row[name] for name in ("solution", "answer") if row.get(name) not in (None, "")), row.get("solution")
    )
    for name, value in (("gold", row.get("gold")), ("solution or answer", answer)):
        if not isinstance(value, str | int | float) or isinstance(value, bool):
            return f"line {number}, row {row.get('id', '?')}: field {name}: is missing or no text"
    finished = bool(row.get("finished", True))
    return Candidate(_id(number, row), str(row.get("question", "")), str(row["gold"]), str(answer), finished)


def _id(number: int, row: dict[str, Any]) -> Any:
    """The row's id as it came, an integer or a text; the line's number where it has none."""
    return number if row.get("id") is None else row["id"]


def what_next(reason: str) -> str:
    """What a person can do about the rows of a reason; "" where there is nothing to do."""
    return next((advice for beginning, advice in NEXT.items() if reason.startswith(beginning)), "")


def _verify(verifier: Verifier, block: list[Candidate], counts: Counter[tuple[str, str]]) -> list[dict[str, Any]]:
    rows = []
    for verdict in verifier(block):
        answer = verdict.answer
        counts[answer.verdict, what_next(answer.reason)] += 1
        rows.append({"id": verdict.id, **asdict(answer)})
    return rows


def _show(counts: Counter[tuple[str, str]], bad: list[dict[str, Any]], seconds: float, file: Path) -> None:
    table = Table("verdict", "rows", "share", "what to do next")
    total = sum(counts.values())
    for outcome in ("correct", "wrong", "no_answer", "undecided"):
        found = {advice: number for (verdict, advice), number in counts.items() if verdict == outcome} or {"": 0}
        for advice, number in sorted(found.items(), key=lambda one: -one[1]):
            table.add_row(outcome, str(number), f"{100 * number / max(total, 1):.2f} %", advice)
    show(table)
    print(f"{total} rows in {seconds:.1f} s ({total / max(seconds, 1e-9):.0f} rows/s)")
    for problem in bad[:5]:
        print(f"{file}: {problem['error']}", file=sys.stderr)
    if bad:
        print(f"{file}: {len(bad)} rows are not verified; mend them or leave them out", file=sys.stderr)
