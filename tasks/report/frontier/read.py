"""What a frontier is made of, as it is read from artifacts: scores, thermometers, validation, and what made the models.

In:  base {"math500": <evaluate>, …}, {"0.0008": {"sft/0": {"math500": <evaluate>, …}}}, <drift>, <verify>, <finetune>
Out: Measured
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from tasks.evaluate.benchmark import benchmark
from tasks.report.computed.drift import rises
from tasks.report.computed.pass_at_k import Samples
from tasks.report.frontier.data import RISES
from tasks.report.frontier.matrices import Answers
from tasks.report.frontier.measured import Measured, Run
from tasks.report.lineage.lineage import walk
from tasks.report.reading import artifacts
from tasks.rows.jsonl import read_rows
from tasks.runtime.files.digest import digest_value
from tasks.runtime.store.store import read_manifest

# Shared by all seeds of a method, and so the same bytes; of all other stages the settings are the same.
_SHARED = ("backbone", "corpus", "sample", "split")

ByRun = Mapping[str, Mapping[str, Path]]  # by rate and run


def read(
    base: Mapping[str, Path],
    scores: Mapping[str, Mapping[str, Mapping[str, Path]]],
    drifts: ByRun,
    validations: ByRun,
    models: ByRun,
) -> Measured:
    """What was measured of the base and of every run at every rate; what a run lacks is left out."""
    clusters: dict[str, dict[str, str]] = {}
    general: list[str] = []
    manifest = cache(read_manifest)  # all models come from the same sample

    def answered(folders: Mapping[str, Path]) -> tuple[Answers, Samples]:
        correct, samples = {}, {}
        for of in (of for folder in folders.values() for of in artifacts.evaluated(folder)):
            correct[of.benchmark] = artifacts.right(of)
            clusters.setdefault(of.benchmark, artifacts.clusters(of))
            if drawn := artifacts.sampled(of):
                samples[of.benchmark] = drawn
        return correct, samples

    def run(rate: str, name: str) -> Run:
        correct, samples = answered(scores[rate][name])
        drift, validation, model = (of.get(rate, {}).get(name) for of in (drifts, validations, models))
        return Run(
            correct,
            {} if drift is None else _rises(drift, general),
            {} if validation is None else _passed(validation),
            samples,
            {} if model is None else recipe(model.name, lambda key: manifest(model.with_name(key))),
        )

    correct, samples = answered(base)
    general += [name for name in correct if benchmark(name).group == "general"]
    runs = {float(rate): {name: run(rate, name) for name in of} for rate, of in scores.items()}
    return Measured(Run(correct, samples=samples), runs, clusters)


def recipe(model: str, manifest: Callable[[str], dict[str, Any]]) -> dict[str, str]:
    """By kind of stage a digest of what the model with this key was made by, its seed left out. Of a kind of which
    something is gone, or shared and not made yet, nothing is said."""
    found: dict[str, set[str]] = {}
    for node in walk(model, manifest).nodes:
        told = "" if node.missing else node.digest if node.kind in _SHARED else node.variant
        found.setdefault(node.kind, set()).add(told)
    return {kind: digest_value(sorted(of))[:12] for kind, of in sorted(found.items()) if "" not in of}


def _rises(drift: Path, general: Sequence[str]) -> Answers:
    found = rises(list(read_rows(drift / "texts.jsonl")), general)
    return {one: found[one] for one in RISES if one in found}


def _passed(verdicts: Path) -> dict[str, bool]:
    return {row["id"]: row["passed"] for row in read_rows(verdicts / "verdicts.jsonl", ["id", "passed"])}
