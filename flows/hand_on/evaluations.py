"""The answers of every model of a report, in the files of other tools.

In:  the manifest of a report, and a folder with the benchmarks' data (else they are where their files say)
Out: FOLDER/nano-sft-seed0/results_….json, samples_….jsonl   (lm-eval)
     FOLDER/model_responses/nano-sft-seed0/gsm8k_subset.jsonl (CapTrack)
"""

from collections.abc import Iterator
from pathlib import Path

from flows.hand_on.new_folder import new_folder
from flows.hand_on.provenance import HandOnError
from tasks.evaluate import benchmark
from tasks.evaluate.exported import FORMATS
from tasks.evaluate.measured import Measured
from tasks.rows.jsonl import Row, read_rows
from tasks.rows.prompts import prompts_digest
from tasks.runtime.store.store import Manifest, Store


def write_evaluations(home: Store, report: Manifest, kind: str, folder: Path, data: Path | None = None) -> int:
    """Write the answers of every run of the report as `kind` has them; returns the number of files.

    Raises:
        FileExistsError: something lies at `folder`.
        HandOnError: answers are gone, or were given to other rows or prompts than today's.
        SourceError: a benchmark's rows cannot be had.
    """
    with new_folder(folder) as out:
        return sum(len(FORMATS[kind](one, out)) for one in measured(home, report, data))


def measured(home: Store, report: Manifest, data: Path | None = None) -> Iterator[Measured]:
    """Every run's model with its rows and answers."""
    runs: dict[str, dict[str, str]] = {}
    for place, artifact in report.inputs.items():
        role, _, rest = place.partition(".")
        if role == "scores":
            run, _, name = rest.rpartition(".")
            runs.setdefault(run, {})[name] = artifact.key
    for run, keys in runs.items():
        made = {name: home.manifest(key) for name, key in keys.items()}
        first = next(iter(made.values()))
        yield Measured(
            model=_called(str(report.config["backbone"]), run),
            benchmarks={name: _answered(home, one, name, data) for name, one in made.items()},
            started=first.made,
            seconds=sum(float(one.timings.get("seconds", 0.0)) for one in made.values()),
            max_new_tokens=int(str(first.config["max_new_tokens"])),
            limit=first.config.get("limit"),  # type: ignore[arg-type]
            dtype=str(first.metrics.get("dtype", "")),
            samples={name: _sampled(home, one) for name, one in made.items() if "samples" in one.metrics},
        )


def _called(backbone: str, run: str) -> str:
    method, _, seed = run.partition("/")
    return f"{backbone}-{method}-seed{seed}" if seed else f"{backbone}-{method}"


def _sampled(home: Store, made: Manifest) -> tuple[float, list[Row]]:
    samples = list(read_rows(home.path(made.key) / "samples.jsonl", ["id", "correct", "text"]))
    return float(str(made.metrics["temperature"])), samples


def _answered(home: Store, made: Manifest, name: str, data: Path | None) -> tuple[list[Row], list[Row]]:
    if (made.identity or {}).get("prompts") != prompts_digest():
        raise HandOnError(f"{home.name(made)} was asked with other prompts than today's: export it with its own commit")
    answers = list(read_rows(home.path(made.key) / "answers.jsonl", ["id", "correct", "text"]))
    rows = {row["id"]: row for row in benchmark.rows(name, data)}
    if missing := [one["id"] for one in answers if one["id"] not in rows]:
        raise HandOnError(f"{home.name(made)} holds answers to rows that {name} lacks today (first: {missing[0]})")
    return [rows[one["id"]] for one in answers], answers
