"""The thermometers in the report: how far each method's models have moved from pi_0, with what differs from SFT.

In:  per run the rows of `drift`: {"id": "code/3", "thermometer": "general text: code", "nll": 3.1, "nll_base": 2.9, …}
Out: Drift(method="sft", figures={"NLL of general text": 3.71 (3.60 to 3.83), …}, against_sft={…})

Figures are means over texts of means over their tokens. Differences are paired over texts, seeds nested in methods;
texts of one passage's questions are drawn together, as the questions are.
"""

from collections.abc import Mapping, Sequence
from typing import Any, get_args

from tasks.report.reading.artifacts import labels
from tasks.report.schema.drift_data import THERMOMETERS, Drift, Drifts, Thermometer
from tasks.report.statistics.paired import paired, shared_rows
from tasks.report.statistics.statistics import Drawn, Matrix, contrast, corrected, draw, percentile, share
from tasks.rows.jsonl import Row

Values = dict[Thermometer, dict[str, float]]  # by text
_OF_QUESTIONS = ("own answers", "choices")  # texts of benchmarks' questions


def text_id(row: Row) -> str:
    """What a text is called: "choices: mmlu/mmlu/anatomy/3"."""
    return f"{row['thermometer']}/{row['id']}"


def text_groups(clusters: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """By text the group of its question, of benchmarks whose questions come in groups."""
    return {
        f"{kind}: {name}/{row}": group
        for kind in _OF_QUESTIONS
        for name, of in clusters.items()
        for row, group in of.items()
    }


def read(rows: Sequence[Row], general: Sequence[str]) -> tuple[Values, Values]:
    """What the model says of each text, and what pi_0 says; `general` names the benchmarks that measure forgetting."""
    model: Values = {}
    base: Values = {}

    def put(name: Thermometer, row: Row, of_model: float, of_base: float) -> None:
        model.setdefault(name, {})[text_id(row)] = of_model
        base.setdefault(name, {})[text_id(row)] = of_base

    for row in rows:
        kind, _, of = row["thermometer"].partition(": ")
        if kind == "general text":
            put("NLL of general text", row, row["nll"], row["nll_base"])
        elif kind == "own answers" and of in general:
            put("NLL of own answers, general", row, row["nll"], row["nll_base"])
            put("KL(pi_0 || pi), general answers", row, row["kl"], 0.0)
            put("KL(pi || pi_0), general answers", row, row["kl_reverse"], 0.0)
            put("top-1 agreement, general answers", row, row["agreement"], 1.0)
        elif kind == "own answers":
            put("KL(pi_0 || pi), downstream answers", row, row["kl"], 0.0)
        elif kind == "choices" and of in general:
            put("choices by likelihood", row, float(row["correct"]), float(row["correct_base"]))
    return model, base


def rises(rows: Sequence[Row], general: Sequence[str]) -> dict[str, dict[str, float]]:
    """How far each text lies above pi_0's own figure."""
    model, base = read(rows, general)
    return {name: {text: value - base[name][text] for text, value in of.items()} for name, of in model.items()}


def drifts(
    runs: Mapping[str, Sequence[Sequence[Row]]],
    general: Sequence[str],
    confidence: float,
    resamples: int,
    seed: int = 0,
    clusters: Mapping[str, Mapping[str, str]] | None = None,
) -> Drifts | None:
    """The table of thermometers; None where no run has any.

    Args:
        runs: by method, the rows of each of its seeds' artifacts.
        general: names of the general benchmarks.
        clusters: by benchmark and row id the group of rows that come in groups.
    """
    found = {method: [read(rows, general) for rows in of_seeds] for method, of_seeds in runs.items() if of_seeds}
    if not found:
        return None
    values: dict[str, list[Values]] = {method: [model for model, _ in pairs] for method, pairs in found.items()}
    values = {"base": [next(iter(found.values()))[0][1]], **values}
    measured = {name for of_seeds in values.values() for one in of_seeds for name in one}
    names: list[Thermometer] = [name for name in get_args(Thermometer) if name in measured]
    matrices: dict[str, dict[str, Matrix]] = {method: {} for method in values}
    texts: dict[Any, list[str]] = {}
    for name in names:
        # A model with another context may lack a text: all are compared on those that every one has read.
        by_method = {method: [one.get(name, {}) for one in of_seeds] for method, of_seeds in values.items()}
        if shared := shared_rows(one for of_seeds in by_method.values() for one in of_seeds):
            texts[name] = shared
        for method, matrix in paired(by_method).items():
            matrices[method][name] = matrix
    drawn = draw(matrices, resamples, seed, clusters=labels(texts, dict.fromkeys(texts, text_groups(clusters or {}))))
    counts = {name: len(read) for name, read in texts.items()}
    seeds = {method: len(of_seeds) for method, of_seeds in values.items()}
    rows = [_row(method, seeds, drawn, confidence) for method in values]
    for name in counts:
        corrected(row.against_sft[name] for row in rows if name in row.against_sft)
    return Drifts(texts=counts, rows=rows)


def _row(method: str, seeds: Mapping[str, int], drawn: Drawn, confidence: float) -> Drift:
    shares = {name for name, (_, unit, _, _) in THERMOMETERS.items() if unit == "%"}
    figures = {name: (share if name in shares else percentile)(of, confidence) for name, of in drawn[method].items()}
    reference = drawn.get("sft", {}) if method not in ("base", "sft") else {}
    both = [seeds[one] for one in (method, "sft") if one in seeds]
    against = {name: contrast(drawn[method][name] - reference[name], confidence, both) for name in reference}
    return Drift(method=method, seeds=seeds[method], figures=figures, against_sft=against)  # type: ignore[arg-type]
