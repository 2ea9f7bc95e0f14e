"""How good a judge is, on rows whose reasoning people have labelled.

In:  {"question": "Natalia sold …", "solution": "48/2 = 24 …", "reasoning_correct": true, "source": "gsm8k"}
Out: {"source": "gsm8k", "rows": 600, "undecided": 2, "precision": {"value": 0.97, "low": 0.95, "high": 0.98}, …}

What the shares are is said in measures.py. Of a judge of kind `self` it also says where its margin could be put.
"""

import json
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Annotated

import typer

from tasks.rows.jsonl import RowError, read_lines
from tasks.runtime.progress.progress import report
from tasks.verify.judges.calibration import Calibration, calibrate
from tasks.verify.judges.judge import load_config, make_judge
from tasks.verify.judges.measures import Measure, Share, measure
from tasks.verify.judges.self_judge import log_odds
from tasks.verify.types import Judge, JudgeItem, ReasoningVerdict

BLOCK = 512  # rows judged between two reports of progress
ALL = "all"


@dataclass(frozen=True)
class LabelledRow:
    """One solution and whether its reasoning is right, as a person says."""

    item: JudgeItem
    source: str
    correct: bool


@dataclass(frozen=True)
class Evaluation:
    """What judge-eval found."""

    judge: str
    measures: list[Measure]
    quarantined: list[str] = field(default_factory=list)
    cost_per_1000: dict[str, float] = field(default_factory=dict)
    verdicts: list[ReasoningVerdict] = field(default_factory=list)
    calibration: Calibration | None = None


def read_labelled(path: Path) -> tuple[list[LabelledRow], list[str]]:
    """The rows of a file, and for each row that cannot be used, why.

    Raises:
        RowError: no row can be used.
    """
    rows: list[LabelledRow] = []
    bad: list[RowError] = []
    for number, line in read_lines(path):
        try:
            rows.append(_labelled(path, number, line))
        except RowError as error:
            bad.append(error)
    if not rows:
        raise bad[0] if bad else RowError(path, "whole file", "(row)", "has no rows")
    return rows, [str(error) for error in bad]


def _labelled(path: Path, number: int, line: str) -> LabelledRow:
    where = f"line {number}"
    try:
        row = json.loads(line)
    except (json.JSONDecodeError, RecursionError):
        raise RowError(path, where, "(whole line)", "is not JSON") from None
    if not isinstance(row, dict):
        raise RowError(path, where, "(whole line)", "is not a JSON object")
    for name in ("question", "solution"):
        if not isinstance(row.get(name), str) or not row[name].strip():
            raise RowError(path, where, name, "must be a text that is not empty")
    if not isinstance(row.get("reasoning_correct"), bool):
        raise RowError(path, where, "reasoning_correct", "must be true or false")
    gold = row.get("gold")
    item = JudgeItem(str(row.get("id", number)), row["question"], "" if gold is None else str(gold), row["solution"])
    return LabelledRow(item, str(row.get("source") or "unnamed"), row["reasoning_correct"])


def evaluate(judge: Judge, rows: Sequence[LabelledRow], prices: dict[str, float] | None = None) -> Evaluation:
    """Judge every row and measure: all rows first, then source by source.

    Args:
        prices: dollars per "input" and "output" token and per "second"; what is missing costs nothing.
    """
    verdicts: list[ReasoningVerdict] = []
    started = time.monotonic()
    for start in range(0, len(rows), BLOCK):
        verdicts += judge.judge([row.item for row in rows[start : start + BLOCK]])
        report(len(verdicts), len(rows), "rows")
    seconds = time.monotonic() - started
    measures = []
    for source in [ALL, *sorted({row.source for row in rows})]:
        at = [n for n, row in enumerate(rows) if source in (ALL, row.source)]
        measures.append(measure(source, [rows[n].correct for n in at], [verdicts[n].valid for n in at]))
    odds = [
        (row.correct, found) for row, one in zip(rows, verdicts, strict=True) if (found := log_odds(one)) is not None
    ]
    calibration = calibrate([label for label, _ in odds], [found for _, found in odds])
    return Evaluation(judge.name, measures, [], _cost(judge, len(rows), seconds, prices or {}), verdicts, calibration)


def _cost(judge: Judge, rows: int, seconds: float, prices: dict[str, float]) -> dict[str, float]:
    used = getattr(judge, "usage", None)
    total: dict[str, float] = {"seconds": seconds}
    if used is not None:
        total |= {"calls": used.calls, "retries": used.retries}
        total |= {"input_tokens": used.prompt_tokens, "output_tokens": used.completion_tokens}
    dollars = seconds * prices.get("second", 0.0)
    dollars += total.get("input_tokens", 0.0) * prices.get("input", 0.0)
    dollars += total.get("output_tokens", 0.0) * prices.get("output", 0.0)
    if dollars:
        total["dollars"] = dollars
    return {name: 1000 * value / rows for name, value in total.items()}


def table(evaluation: Evaluation) -> str:
    """The evaluation as text."""
    names = ("rows", "undecided", "right", "precision", "recall", "F1", "wrong ones passed")
    lines = [f"judge: {evaluation.judge}", "", f"{'source':<20}" + "".join(f"{name:>22}" for name in names)]
    for one in evaluation.measures:
        shares = (one.base_rate, one.precision, one.recall, one.f1, one.false_pass_share)
        cells = [str(one.rows), str(one.undecided), *map(_shown, shares)]
        lines.append(f"{one.source[:20]:<20}" + "".join(f"{cell:>22}" for cell in cells))
    cost = ", ".join(f"{value:.4g} {name.replace('_', ' ')}" for name, value in evaluation.cost_per_1000.items())
    lines += ["", f"per 1,000 rows: {cost}"]
    if evaluation.calibration is not None:
        lines += ["", f"area under the curve of the log-odds: {_shown(evaluation.calibration.auc)}"]
        for bar in evaluation.calibration.bars:
            found = bar.measure
            lines.append(
                f"margin {bar.margin:+.3f}: precision {_shown(found.precision)}, recall {_shown(found.recall)}, "
                f"wrong ones passed {_shown(found.false_pass_share)}"
            )
    if evaluation.quarantined:
        lines += ["", f"{len(evaluation.quarantined)} rows could not be used:", *evaluation.quarantined[:5]]
    return "\n".join(lines)


def _shown(share: Share) -> str:
    if share.value is None or share.low is None or share.high is None:
        return "-"
    return f"{share.value:.3f} [{share.low:.3f}, {share.high:.3f}]"


def judge_eval_command(
    file: Annotated[
        Path, typer.Argument(help="JSON lines: question, solution, reasoning_correct[, source, gold, id].")
    ],
    config: Annotated[Path | None, typer.Option(help="YAML or JSON file with the judge's configuration.")] = None,
    kind: Annotated[str | None, typer.Option(help="arithmetic, self, openai or local.")] = None,
    url: Annotated[str | None, typer.Option(help="Endpoint, say http://host:8000/v1.")] = None,
    model: Annotated[str | None, typer.Option(help="The judge's model; kind self: the backbone's folder.")] = None,
    votes: Annotated[int | None, typer.Option(help="Verdicts a row; odd.")] = None,
    json_out: Annotated[Path | None, typer.Option("--json", help="Write the figures here.")] = None,
    verdicts_out: Annotated[Path | None, typer.Option("--verdicts", help="Write each row's verdict here.")] = None,
    dollars_per_million_input: Annotated[float, typer.Option(help="Price of prompt tokens.")] = 0.0,
    dollars_per_million_output: Annotated[float, typer.Option(help="Price of reply tokens.")] = 0.0,
    dollars_per_hour: Annotated[float, typer.Option(help="Price of the judge's machine.")] = 0.0,
) -> None:
    """Measure a judge on labelled rows: precision, recall, F1 with 95 % intervals, per source, and cost per 1,000."""
    try:
        overrides = {"kind": kind, "url": url, "model": model, "votes": votes}
        chosen = load_config(config, overrides)
        rows, quarantined = read_labelled(file)
    except (ValueError, OSError) as error:
        raise typer.BadParameter(str(error)) from None
    prices = {
        "input": dollars_per_million_input / 1e6,
        "output": dollars_per_million_output / 1e6,
        "second": dollars_per_hour / 3600,
    }
    with ExitStack() as stack:
        # A cache of its own: verdicts that another run paid for would make this judge look free.
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        judge = stack.enter_context(make_judge(chosen.model_copy(update={"cache": Path(folder) / "verdicts.sqlite"})))
        found = replace(evaluate(judge, rows, prices), judge=chosen.identity(), quarantined=quarantined)
    typer.echo(table(found))
    if json_out is not None:
        figures = asdict(replace(found, verdicts=[]))
        del figures["verdicts"]
        json_out.write_text(json.dumps(figures, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    if verdicts_out is not None:
        with verdicts_out.open("w", encoding="utf-8") as out:
            for row, verdict in zip(rows, found.verdicts, strict=True):
                line = {"id": row.item.id, "source": row.source, "reasoning_correct": row.correct} | asdict(verdict)
                out.write(json.dumps(line, ensure_ascii=False) + "\n")
