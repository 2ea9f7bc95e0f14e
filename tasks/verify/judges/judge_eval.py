"""How good a judge is, on rows whose reasoning people have labelled.

In:  {"question": "Natalia sold …", "solution": "48/2 = 24 …", "reasoning_correct": true, "source": "gsm8k"}
Out: {"source": "gsm8k", "rows": 600, "undecided": 2, "precision": {"value": 0.97, "low": 0.95, "high": 0.98}, …}

"Positive" is what the gate lets through: precision is the share of passed solutions whose reasoning is right, recall
the share of right ones that pass. Rows without a verdict are in neither; they are counted beside them.
"""

import json
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
import yaml
from scipy.stats import binomtest

from tasks.rows.jsonl import RowError, read_lines
from tasks.runtime.progress import report
from tasks.verify.judges.config import JudgeConfig
from tasks.verify.judges.judge import make_judge
from tasks.verify.types import Judge, JudgeItem, ReasoningVerdict

BLOCK = 512  # rows judged between two reports of progress
RESAMPLES = 2000
ALL = "all"


@dataclass(frozen=True)
class LabelledRow:
    """One solution and whether its reasoning is right, as a person says."""

    item: JudgeItem
    source: str
    correct: bool


@dataclass(frozen=True)
class Share:
    """A share in [0, 1] with its 95 % interval; None where nothing was counted."""

    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Measure:
    """A judge on the rows of one source. `false_pass` is the share of wrong solutions that it lets through."""

    source: str
    rows: int
    undecided: int
    true_pass: int
    false_pass: int
    true_stop: int
    false_stop: int
    precision: Share
    recall: Share
    f1: Share
    false_pass_share: Share
    accuracy: Share


@dataclass(frozen=True)
class Evaluation:
    """What judge-eval found."""

    judge: str
    measures: list[Measure]
    quarantined: list[str] = field(default_factory=list)
    cost_per_1000: dict[str, float] = field(default_factory=dict)
    verdicts: list[ReasoningVerdict] = field(default_factory=list)


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


def measure(source: str, labels: Sequence[bool], verdicts: Sequence[bool | None], seed: int = 0) -> Measure:
    """The judge's verdicts against the labels of one source: Wilson intervals, for F1 the percentile bootstrap."""
    pairs = [(label, verdict) for label, verdict in zip(labels, verdicts, strict=True) if verdict is not None]
    true_pass, false_pass = pairs.count((True, True)), pairs.count((False, True))
    false_stop, true_stop = pairs.count((True, False)), pairs.count((False, False))
    return Measure(
        source=source,
        rows=len(labels),
        undecided=len(labels) - len(pairs),
        true_pass=true_pass,
        false_pass=false_pass,
        true_stop=true_stop,
        false_stop=false_stop,
        precision=_wilson(true_pass, true_pass + false_pass),
        recall=_wilson(true_pass, true_pass + false_stop),
        f1=_f1(true_pass, false_pass, false_stop, true_stop, seed),
        false_pass_share=_wilson(false_pass, false_pass + true_stop),
        accuracy=_wilson(true_pass + true_stop, len(pairs)),
    )


def _wilson(count: int, total: int) -> Share:
    if total == 0:
        return Share(None)
    interval = binomtest(count, total).proportion_ci(method="wilson")
    return Share(count / total, float(interval.low), float(interval.high))


def _f1(true_pass: int, false_pass: int, false_stop: int, true_stop: int, seed: int) -> Share:
    """F1 = 2 tp / (2 tp + fp + fn); the rows are drawn anew `RESAMPLES` times."""
    counts = np.array([true_pass, false_pass, false_stop, true_stop], dtype=np.float64)
    below = 2 * true_pass + false_pass + false_stop
    if below == 0:
        return Share(None)
    drawn = np.random.default_rng(seed).multinomial(int(counts.sum()), counts / counts.sum(), size=RESAMPLES)
    denominators = 2 * drawn[:, 0] + drawn[:, 1] + drawn[:, 2]
    usable = denominators > 0
    low, high = np.quantile(2 * drawn[usable, 0] / denominators[usable], [0.025, 0.975])
    return Share(2 * true_pass / below, float(low), float(high))


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
    return Evaluation(judge.name, measures, [], _cost(judge, len(rows), seconds, prices or {}), verdicts)


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
    names = ("rows", "undecided", "precision", "recall", "F1", "wrong ones passed")
    lines = [f"judge: {evaluation.judge}", "", f"{'source':<20}" + "".join(f"{name:>22}" for name in names)]
    for one in evaluation.measures:
        shares = (one.precision, one.recall, one.f1, one.false_pass_share)
        cells = [str(one.rows), str(one.undecided), *map(_shown, shares)]
        lines.append(f"{one.source[:20]:<20}" + "".join(f"{cell:>22}" for cell in cells))
    cost = ", ".join(f"{value:.4g} {name.replace('_', ' ')}" for name, value in evaluation.cost_per_1000.items())
    lines += ["", f"per 1,000 rows: {cost}"]
    if evaluation.quarantined:
        lines += ["", f"{len(evaluation.quarantined)} rows could not be used:", *evaluation.quarantined[:5]]
    return "\n".join(lines)


def _shown(share: Share) -> str:
    if share.value is None or share.low is None or share.high is None:
        return "-"
    return f"{share.value:.3f} [{share.low:.3f}, {share.high:.3f}]"


def load_config(path: Path | None, overrides: dict[str, Any]) -> JudgeConfig:
    """A judge's configuration from a YAML or JSON file, with single fields replaced. Raises ValueError at a bad one."""
    values = yaml.safe_load(path.read_text(encoding="utf-8")) if path is not None else {}
    if not isinstance(values, dict):
        raise ValueError(f"{path}: must hold the fields of a judge's configuration")
    return JudgeConfig.model_validate(values | {name: value for name, value in overrides.items() if value is not None})


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
