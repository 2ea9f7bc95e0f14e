"""`rewriting-agent verify FILE [--json OUT]`: verdicts on the answers of a file of any usual kind.

In:  {"gold": "#### 72", "solution": "… $\\boxed{72}$"}  or {"gold": "72", "answer": "72.0"}; `id` comes back as it was
     (another name of the reference: expected_answer, ground_truth, …, or `answer` where a solution stands beside it)
Out: {"id": 1, "verdict": "correct", "reason": "identical", "extracted": "72", "gold": "72"}, one line a row, in order
"""

import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from itertools import chain, islice
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from rich.table import Table

from flows.commands.located import OR_HUB, Revision, Split, Subset, located
from flows.commands.reading import KINDS, Encoding, told
from flows.commands.wide import show
from flows.commands.written import not_the_input, quarantine_of, writable
from flows.overrides import parse, problems, put
from tasks.rows.jsonl import Row, write_rows
from tasks.rows.reader.bad_row import BadRow, fields_of
from tasks.rows.reader.files import row_files
from tasks.rows.reader.identity import Ids
from tasks.rows.reader.mapping import at_path, parse_map
from tasks.rows.reader.names import plain_name
from tasks.rows.reader.placed import SetAside, each_row, none_usable, number_of
from tasks.rows.reader.reference import reference
from tasks.rows.reader.yes_no import yes_no
from tasks.verify.config import VerifyConfig
from tasks.verify.types import AnswerVerifier, Candidate
from tasks.verify.verifiers.options import VerifierOptions
from tasks.verify.verifiers.registry import BUILT_IN, MATH, make
from tasks.verify.verify import Verifier

BLOCK = 20_000  # rows held at once
PARTS = ("id", "question", "gold", "solution")
GOLD = ("gold", "reference", "reference_answer", "expected_answer", "ground_truth")
SOLUTION = ("solution", "generated_solution", "response", "completion", "output", "prediction")
NEXT = {  # the beginning of a verdict's reason → what to do about it; of mathematics
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
NEXT_OF_OTHERS = {  # the same of the verifiers of other domains
    "the solution was cut off": NEXT["the solution was cut off"],
    "the answer is empty": "look at the rows: the text to be judged is empty",
    "the reference states no answer": "write `gold` as the verifier takes it (docs/your-domain.md); --json says more",
    "no stated": "ask for `Answer: …` on the last line, or say where it stands: --option pattern='Diagnosis: (.+)'",
    "no option's letter": "ask for `Answer: B` on the last line",
    "no JSON": "ask for one JSON object in a ```json block",
    "no Python code": "ask for the code in a ```python block",
}


def verify_command(
    file: Annotated[Path, typer.Argument(help=f"Rows with `gold` and `solution` or `answer`: {KINDS}; {OR_HUB}.")],
    json_file: Annotated[
        Path | None, typer.Option("--json", callback=writable, help="Write one verdict a line to this file.")
    ] = None,
    processes: Annotated[int | None, typer.Option(min=1, help="Comparing processes; default: one a core.")] = None,
    deadline: Annotated[float, typer.Option(min=0.2, help="CPU seconds one comparison may take.")] = 4.0,
    mapping: Annotated[
        list[str] | None,
        typer.Option("--map", help=f"Where a part is, for other names: gold=data.answer; parts: {', '.join(PARTS)}."),
    ] = None,
    encoding: Encoding = None,
    revision: Revision = None,
    subset: Subset = None,
    split: Split = "train",
    verifier: Annotated[
        str, typer.Option("--verifier", help=f"What decides: {MATH}, {', '.join(BUILT_IN)}, or a package's own.")
    ] = MATH,
    option: Annotated[
        list[str] | None,
        typer.Option("--option", help="Of the verifier, as in an experiment's gate.options: tolerance=0.5"),
    ] = None,
) -> None:
    """Verify answers against references: correct, wrong, no answer or undecided, with the reason."""
    if json_file is not None:
        not_the_input(file, json_file, quarantine_of(json_file))
    config = VerifyConfig(deadline_seconds=deadline)
    if processes is not None:
        config = config.model_copy(update={"processes": processes})
    answers = find_verifier(verifier, option or (), config)
    counts: Counter[tuple[str, str]] = Counter()
    bad: list[SetAside] = []
    with located(file, revision, subset, split) as location, told(), Verifier(config, answers=answers) as checking:
        began = time.monotonic()
        candidates = read_candidates(location, parse_map(mapping or (), PARTS), encoding, bad, verifier == MATH)
        first = next(candidates, None)
        if first is None and not bad:
            raise typer.BadParameter(none_usable(file, bad))
        verdicts = _verdicts(checking, candidates if first is None else chain([first], candidates), counts, verifier)
        if json_file is None:
            for _ in verdicts:
                pass
        else:
            write_rows(json_file, verdicts)
        seconds = time.monotonic() - began
    if json_file is not None and bad:
        write_rows(quarantine_of(json_file), map(asdict, bad))
    _show(counts, bad, seconds, file)
    if bad:
        raise typer.Exit(1)


def find_verifier(name: str, given: Sequence[str], config: VerifyConfig, flag: str = "--verifier") -> AnswerVerifier:
    """The verifier that `flag` names, with its options, FIELD=VALUE. Raises BadParameter."""
    try:
        return make(name, VerifierOptions.model_validate(option_values(given)), config)
    except ValidationError as error:
        raise typer.BadParameter(problems(error, VerifierOptions), param_hint="--option") from None
    except ValueError as error:
        raise typer.BadParameter(str(error).replace("gate.options.", "--option "), param_hint=flag) from None


def option_values(given: Sequence[str]) -> dict[str, Any]:
    """FIELD=VALUE as a verifier's options take them. Raises OverrideError."""
    values: dict[str, Any] = {}
    for field, value in parse(given, VerifierOptions).items():
        put(values, VerifierOptions, field, value)
    return values


def read_candidates(
    location: Path, mapping: dict[str, str], encoding: str | None, bad: list[SetAside], mathematics: bool = True
) -> Iterator[Candidate]:
    """Rows as candidates, an id once; what is wrong with the others goes to `bad`."""
    ids = Ids()

    def make(row: Row, place: str, _: bool) -> Candidate:
        one = read_candidate(number_of(place), row, mapping, mathematics)
        name = ids.unique(str(one.id) if isinstance(one.id, str | int | float) else None, place)
        return one if name == str(one.id) else replace(one, id=name)

    for one in each_row(row_files(location), make, encoding):
        if isinstance(one, SetAside):
            bad.append(one)
        else:
            yield one


def read_candidate(number: int | str, row: Row, mapping: dict[str, str], mathematics: bool = True) -> Candidate:
    """A row as a candidate with its id as it came, an integer or a text; `number`, its place, where it has none.

    Raises:
        BadRow: no reference or no answer in it; or `finished` is neither yes nor no.
    """
    fields = {plain_name(name): name for name in reversed(row)}
    told_parts = {part: at_path(row, path) for part, path in mapping.items()}
    solution = told_parts.get("solution", _first(row, fields, SOLUTION))
    answer = _first(row, fields, ("answer",))
    gold = told_parts.get("gold", _first(row, fields, GOLD))
    if gold is None and solution is not None and "gold" not in told_parts:
        gold, answer = answer, None
    solution = answer if solution is None else solution
    if not _is_text(gold) or (mathematics and reference(gold) is None):
        raise _missing("gold", "gold", "no answer", GOLD, row)
    if not _is_text(solution):
        raise _missing("solution or answer", "solution", "no text", SOLUTION, row)
    own = told_parts.get("id", row.get("id"))
    row_id: Any = number if own is None or own == "" else own
    question = str(told_parts.get("question", row.get("question", "")))
    return Candidate(row_id, question, str(gold), str(solution), _finished(row))


def _missing(field: str, part: str, no: str, known: tuple[str, ...], row: Row) -> BadRow:
    return BadRow(
        field, f"is missing or {no} (names known: {', '.join(known)}). {fields_of(row)}: --map {part}=FIELD names it"
    )


def _finished(row: Row) -> bool:
    """Whether the solution came to its end: it did where the row does not say; an empty field says that it did not."""
    said = row.get("finished", True)
    found = False if said in (None, "") else yes_no(said)
    if found is None:
        raise BadRow("finished", f"is neither true nor false: {str(said)[:60]!r}")
    return found


def _first(row: Row, fields: dict[str, str], known: tuple[str, ...]) -> Any:
    return next((row[fields[name]] for name in known if name in fields and row[fields[name]] not in (None, "")), None)


def _is_text(value: Any) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool)


def what_next(reason: str, verifier: str = MATH) -> str:
    """What a person can do about the rows of a verifier's reason; "" where there is nothing to do."""
    known = NEXT if verifier == MATH else NEXT_OF_OTHERS
    return next((advice for beginning, advice in known.items() if reason.startswith(beginning)), "")


def _verdicts(
    verifier: Verifier, candidates: Iterator[Candidate], counts: Counter[tuple[str, str]], named: str
) -> Iterator[dict[str, Any]]:
    """A verdict a candidate, in their order, block by block."""
    while block := list(islice(candidates, BLOCK)):
        for verdict in verifier(block):
            counts[verdict.answer.verdict, what_next(verdict.answer.reason, named)] += 1
            yield {"id": verdict.id, **asdict(verdict.answer)}


def _show(counts: Counter[tuple[str, str]], bad: list[SetAside], seconds: float, file: Path) -> None:
    table = Table("verdict", "rows", "share", "what to do next")
    total = sum(counts.values())
    for outcome in ("correct", "wrong", "no_answer", "undecided"):
        found = {advice: number for (verdict, advice), number in counts.items() if verdict == outcome} or {"": 0}
        for advice, number in sorted(found.items(), key=lambda one: -one[1]):
            table.add_row(outcome, str(number), f"{100 * number / max(total, 1):.2f} %", advice)
    show(table)
    print(f"{total} rows in {seconds:.1f} s ({total / max(seconds, 1e-9):.0f} rows/s)")
    for problem in bad[:5]:
        print(f"{file}: {problem.describe()}", file=sys.stderr)
    if bad and not total:
        print(none_usable(file, bad), file=sys.stderr)
    if bad:
        print(f"{file}: {len(bad)} rows are not verified; mend them or leave them out", file=sys.stderr)
