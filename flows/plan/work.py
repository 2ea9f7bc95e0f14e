"""How much a stage has to do, in the unit that its time goes by: of a finished one from its manifest, of a planned one
from its config and what its inputs will hold.

In:  a manifest of kind rewrite, {"output_tokens": 16405, …};  a planned rewrite of a split of 800 rows
Out: 16405 (tokens)                                            800 rows, which the lengths turn into tokens

`WORK` has an entry for every stage.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tasks.rows.jsonl import read_lines
from tasks.runtime.settings import ROOT
from tasks.runtime.store.store import Manifest

Rows = Mapping[str, int]  # rows of each input
Metrics = Mapping[str, Any]


@dataclass(frozen=True)
class Kind:
    """One kind of stage.

    `done`: amount of work in a finished artifact. `rows`: rows that a planned one works on, of its config and of its
    inputs' rows. `times`: passes or samples a row. `made`: rows that it leaves for what comes after it, by the metric
    `left` of a finished one. `each`: tokens a row of a finished one, of its metrics.

    `model`: a model computes, so its time goes by the model's size. `writes`: the model writes, bound by the memory's
    bandwidth. `dealt`: to as many engines as the stage holds GPUs, or cores where it has none. `hands_on`: the texts of
    its rows are the expert's, as its inputs have them.
    """

    unit: str  # tokens where a row's share is its length; else the rows are the amount
    done: Callable[[Metrics, Mapping[str, Any]], float]  # of metrics and config
    rows: Callable[[Any, Rows], int]
    times: Callable[[Any, int], float] = lambda config, rows: 1
    made: Callable[[Any, int], int] = lambda config, rows: rows
    left: str = "rows"
    each: Callable[[Metrics], float | None] = lambda metrics: None
    model: bool = False
    writes: bool = False
    dealt: bool = False
    hands_on: bool = False


def _sum(inputs: Rows, name: str) -> int:
    return sum(rows for key, rows in inputs.items() if key.split(".")[0] == name)


def _read(metrics: Mapping[str, Any], config: Mapping[str, Any]) -> float:
    return sum(value for name, value in metrics.items() if name.startswith("read_"))


def _rollouts(metrics: Mapping[str, Any], config: Mapping[str, Any]) -> float:
    lengths = [metrics[name] for name in ("length_passing_first", "length_passing_last") if metrics.get(name)]
    rewrites = metrics["steps"] * config["prompts_per_step"] * config["candidates"]
    return float(rewrites * sum(lengths) / max(1, len(lengths)))


def _grpo_times(config: Any, rows: int) -> float:
    steps = config.steps or max(1, rows // config.prompts_per_step)
    return steps * config.prompts_per_step * config.candidates / max(1, rows)


def _part(config: Any, rows: int) -> int:
    """Rows of one part of the sample, at most: rows that cannot be verified are counted when it is split."""
    left = max(0, rows - config.sft_rows)
    held_out = min(config.held_out_rows, left)
    agent = min(config.agent_rows, left) - held_out
    return max(0, {"sft": min(config.sft_rows, rows), "held_out": held_out, "agent": agent}[config.part])


@cache
def _passages(file: Path | None) -> int:
    if file is None:
        return 0
    try:
        return sum(1 for _ in read_lines(ROOT / file))
    except (OSError, EOFError):  # told by the checks
        return 0


def _per(total: str, rows: str) -> Callable[[Metrics], float | None]:
    """One metric a unit of another."""
    return lambda m: m[total] / m[rows] if total in m and m.get(rows) else None


WORK: dict[str, Kind] = {
    "backbone": Kind(
        "models",
        lambda m, c: float(not c.get("tokenizer_only")),
        lambda c, i: int(c.is_tried()),
        made=lambda c, rows: 1,
    ),
    "corpus": Kind("rows", lambda m, c: m["read"], lambda c, i: i.get("", 0)),
    "questions": Kind("questions", lambda m, c: m["questions"], lambda c, i: i.get("", 0), left="questions"),
    "sample": Kind(
        "rows", _read, lambda c, i: _sum(i, "corpora"), made=lambda c, rows: min(c.rows, rows), hands_on=True
    ),
    "split": Kind("rows", lambda m, c: m["rows"], lambda c, i: i["sample"], made=_part, hands_on=True),
    "train_agent": Kind(
        "tokens",
        _rollouts,
        lambda c, i: i["rows"],
        times=_grpo_times,
        each=lambda m: m.get("length_passing_last") or m.get("length_passing_first"),
        model=True,
    ),
    "measure": Kind(
        "tokens",
        lambda m, c: m["rows"] * c["candidates"] * m["length"],
        lambda c, i: i["rows"],
        times=lambda c, rows: c.candidates,
        each=lambda m: m.get("length"),
        model=True,
        writes=True,
    ),
    **dict.fromkeys(
        ("rewrite", "self_solve"),
        Kind(
            "tokens",
            lambda m, c: m["output_tokens"],
            lambda c, i: -(-i["rows"] // c.shards),
            left="written",
            each=_per("output_tokens", "written"),
            model=True,
            writes=True,
            dealt=True,
        ),
    ),
    "verify": Kind("rows", lambda m, c: m["rewrites"], lambda c, i: i["rewrites"], left="rewrites"),
    "diversity": Kind("rewrites", lambda m, c: m["rewrites"], lambda c, i: _sum(i, "rewrites")),
    "assemble": Kind("rows", lambda m, c: m["rows"], lambda c, i: i["rows"], hands_on=True),
    "mix": Kind("rows", lambda m, c: m["rows"], lambda c, i: i["dataset"] + c.rows, hands_on=True),
    "finetune": Kind(
        "tokens",
        lambda m, c: m["target_tokens"] * c["epochs"],
        lambda c, i: i["dataset"],
        times=lambda c, rows: c.epochs,
        each=_per("target_tokens", "kept"),
        model=True,
    ),
    "average": Kind("models", lambda m, c: 1.0, lambda c, i: 1, made=lambda c, rows: 1),
    "score": Kind(
        "tokens",
        lambda m, c: m["tokens"],
        lambda c, i: i.get("rewrites", i["rows"]),
        each=_per("tokens", "scored"),
        model=True,
    ),
    "evaluate": Kind(
        "tokens",
        lambda m, c: m["tokens"] + m.get("sampled_tokens", 0),
        lambda c, i: i.get("", 0),
        times=lambda c, rows: 1 + (c.sampling.answers if c.sampling else 0),
        left="n",
        each=_per("tokens", "n"),
        model=True,
        writes=True,
        dealt=True,
    ),
    "read_base": Kind(
        "texts",
        lambda m, c: m["texts"],
        # Of each benchmark so many answers and choices as it has; passages beside them.
        lambda c, i: (
            _passages(c.passages)
            + sum(min(c.answers, rows) + min(c.choices, rows) for name, rows in i.items() if name.startswith("answers"))
        ),
        left="texts",
        model=True,
    ),
    "drift": Kind("texts", lambda m, c: m["texts"], lambda c, i: i["base"], left="texts", model=True),
    "report": Kind("artifacts", lambda m, c: m["artifacts"], lambda c, i: i.get("", 0)),
    "frontier": Kind("artifacts", lambda m, c: m["artifacts"], lambda c, i: i.get("", 0)),
}


def done(manifest: Manifest) -> float | None:
    """The amount of work in a finished artifact; None where its metrics do not tell."""
    try:
        return float(WORK[manifest.kind].done(manifest.metrics, manifest.config))
    except (KeyError, TypeError):
        return None


def length(manifest: Manifest) -> float | None:
    """Tokens a row, of a finished artifact whose work is counted in tokens."""
    return WORK[manifest.kind].each(manifest.metrics)


def made(manifest: Manifest) -> int | None:
    """Rows that a finished artifact left for what comes after it."""
    value = manifest.metrics.get(WORK[manifest.kind].left)
    return int(value) if isinstance(value, (int, float)) else None
