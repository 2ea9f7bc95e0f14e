"""How good a judge is, on rows whose reasoning people have labelled.

In:  {"question": "Natalia sold …", "solution": "48/2 = 24 …", "reasoning_correct": true, "source": "gsm8k"}
Out: {"source": "gsm8k", "rows": 600, "undecided": 2, "precision": {"value": 0.97, "low": 0.95, "high": 0.98}, …}

What the shares are is said in measures.py. Of a judge of kind `self` it also says where its margin could be put.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tasks.rows.jsonl import Row
from tasks.rows.reader.bad_row import BadRow, UnreadableFile, fields_of
from tasks.rows.reader.files import row_files
from tasks.rows.reader.identity import Ids
from tasks.rows.reader.mapping import at_path
from tasks.rows.reader.placed import SetAside, each_row, none_usable, number_of
from tasks.rows.reader.yes_no import yes_no
from tasks.runtime.progress.progress import report
from tasks.verify.judges.calibration import Calibration, calibrate
from tasks.verify.judges.measures import Measure, Share, measure
from tasks.verify.judges.self_judge import log_odds
from tasks.verify.types import Judge, JudgeItem, ReasoningVerdict

BLOCK = 512  # rows judged between two reports of progress
ALL = "all"
PARTS = ("id", "question", "solution", "reasoning_correct", "gold", "source")


@dataclass(frozen=True)
class LabelledRow:
    """One solution and whether its reasoning is right, as a person says."""

    item: JudgeItem
    source: str
    correct: bool

    def told(self) -> Row:
        """What a line of verdicts says of it."""
        return {"id": self.item.id, "source": self.source, "reasoning_correct": self.correct}


@dataclass(frozen=True)
class Evaluation:
    """What judge-eval found."""

    judge: str
    measures: list[Measure]
    quarantined: list[str] = field(default_factory=list)
    cost_per_1000: dict[str, float] = field(default_factory=dict)
    verdicts: list[ReasoningVerdict] = field(default_factory=list)
    calibration: Calibration | None = None


def read_labelled(
    location: Path, mapping: Mapping[str, str] | None = None, encoding: str | None = None
) -> tuple[list[LabelledRow], list[SetAside]]:
    """The rows of a file or folder of any usual kind, and those that cannot be used.

    Args:
        location: what is read.
        mapping: part (of PARTS) → dotted path, for fields with other names.
        encoding: of a text file; None: as its first bytes show.

    Raises:
        UnreadableFile: a file cannot be read, or no row can be used; says why of the first.
    """
    rows: list[LabelledRow] = []
    bad: list[SetAside] = []
    ids = Ids()
    for one in each_row(row_files(location), lambda row, place, _: _labelled(row, place, mapping or {}, ids), encoding):
        if isinstance(one, SetAside):
            bad.append(one)
        else:
            rows.append(one)
    if not rows:
        raise UnreadableFile(none_usable(location, bad))
    return rows, bad


def _labelled(row: Row, place: str, mapping: Mapping[str, str], ids: Ids) -> LabelledRow:
    parts: Row = {part: at_path(row, mapping[part]) if part in mapping else row.get(part) for part in PARTS}
    for part in ("question", "solution"):
        if not isinstance(parts[part], str) or not parts[part].strip():
            raise BadRow(part, f"must be a text that is not empty. {fields_of(row)}: --map {part}=FIELD names it")
    correct = yes_no(parts["reasoning_correct"])
    if correct is None:
        raise BadRow("reasoning_correct", f"must be true or false. {fields_of(row)}: --map reasoning_correct=FIELD")
    gold = "" if parts["gold"] is None else str(parts["gold"])
    row_id = ids.unique(parts["id"], str(number_of(place)))
    return LabelledRow(
        JudgeItem(row_id, parts["question"], gold, parts["solution"]), str(parts["source"] or "unnamed"), correct
    )


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
    return "\n".join(lines)


def _shown(share: Share) -> str:
    if share.value is None or share.low is None or share.high is None:
        return "-"
    return f"{share.value:.3f} [{share.low:.3f}, {share.high:.3f}]"
