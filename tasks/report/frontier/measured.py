"""What a frontier is made of: what every run answered, question by question; and the file that holds it.

In/out: measured.parquet, a row a value, of the base (no rate) and of every run:
    {"rate": 0.0008, "run": "sft/0", "kind": "answer", "of": "math500", "row": "math500/7", "cluster": null, "value": 1}

| kind | of | value | tries |
| --- | --- | --- | --- |
| answer | benchmark | 1 where the greedy answer is right | |
| sample | benchmark | right answers of those sampled (`temperature`) | how many were sampled |
| rise | thermometer | nats a token above pi_0's own, of a text | |
| validation | | 1 where a held-out row's answer is right | |

Files of several machines are pooled (`pool`): more seeds, more methods, of one experiment. `recipe` says by kind of
stage what a run was made by, its seed left out.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Set
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from math import isclose
from operator import eq
from pathlib import Path
from typing import Any, TypeVar

from tasks.report.computed.pass_at_k import Samples
from tasks.report.frontier.matrices import Answers, FrontierError, other_questions
from tasks.report.reading.artifacts import Sampled
from tasks.runtime.files.full_disk import explained

FILE = "measured.parquet"
SCHEMA = 1
OTHERWISE = 0.01  # of pi_0's answers may differ from machine to machine, as rounding may
ROWS = ("corpus", "sample", "split")  # kinds of stages that say which rows a model was made of
BRINGS_ROWS = ("train_agent", "mix")  # kinds that bring rows beside those that all methods share
ROUNDED = 1e-3  # nats by which two machines, or a store and a file, may have read a text otherwise
_ABOUT = b"rewriting-agent"  # the schema's metadata: {"schema": 1, "backbone": "nano", "recipes": …}
_COLUMNS = {  # of Arrow's types; texts are written once and numbered
    "rate": "float64",
    "run": "string",
    "kind": "string",
    "of": "string",
    "row": "string",
    "cluster": "string",
    "value": "float32",
    "tries": "int32",
    "temperature": "float32",
}
_RUN = re.compile(r"base|[a-z][a-z0-9_]*(=[0-9.e+-]+)?/[0-9]+")  # a method (at a strength) and its seed
Of = TypeVar("Of")
Recipe = Mapping[str, str]  # by kind of stage a digest of what made the run: "finetune" -> "5f0c…"


@dataclass(frozen=True)
class Run:
    """One model: by benchmark and question whether it was right, and whatever else was measured of it."""

    correct: Answers
    rises: Answers = field(default_factory=dict)  # by thermometer and text
    validation: Mapping[str, bool] = field(default_factory=dict)
    samples: Samples = field(default_factory=dict)
    recipe: Recipe = field(default_factory=dict)


@dataclass(frozen=True)
class Measured:
    """The base, and the runs by rate and name ("sft/0")."""

    base: Run
    runs: Mapping[float, Mapping[str, Run]]
    clusters: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # by benchmark and row

    def each(self, what: Callable[[Run], Of]) -> dict[float, dict[str, Of]]:
        """One thing of every run."""
        return {rate: {name: what(run) for name, run in of.items()} for rate, of in self.runs.items()}


def pool(parts: Mapping[str, Measured]) -> Measured:
    """The runs of all parts, by what each part is called; the base is the first one's. Of a run that several parts hold
    each adds what the others lack: thermometers, samples, validation rows.

    Raises:
        FrontierError: parts were asked other questions, have another base, another result under one name, or seeds
            of one method that were not made alike.
    """
    (first, whole), *others = parts.items()
    base, clusters = whole.base, {name: dict(of) for name, of in whole.clusters.items()}
    runs = {rate: dict(of) for rate, of in whole.runs.items()}
    whose = {(rate, name): first for rate, of in runs.items() for name in of}
    for called, part in others:
        _same_base(first, base, called, part.base)
        base = replace(base, samples={**part.base.samples, **base.samples})
        for name, of in part.clusters.items():
            said = f"{called} and a part before it have other groups of {name}"
            clusters[name] = _union(clusters.get(name, {}), of, said)
        for rate, by_name in part.runs.items():
            for name, run in by_name.items():
                holder = whose.setdefault((rate, name), called)
                had = runs.setdefault(rate, {}).setdefault(name, run)
                runs[rate][name] = _one_run(had, run, f"{holder} and {called} both have {name} at {rate:g}, with other")
    made_alike({(whose[rate, name], rate, name): run.recipe for rate, of in runs.items() for name, run in of.items()})
    return Measured(base, runs, clusters)


def _one_run(one: Run, other: Run, said: str) -> Run:
    """What two parts hold of one run, together. Raises FrontierError where both have something, and not the same."""
    return Run(
        _union(one.correct, other.correct, f"{said} answers"),
        _union(one.rises, other.rises, f"{said} thermometers", _texts_alike),
        _union(one.validation, other.validation, f"{said} answers to validation rows"),
        _union(one.samples, other.samples, f"{said} samples", _sampled_alike),
        _union(one.recipe, other.recipe, f"{said} recipes"),
    )


def _union(
    one: Mapping[str, Of], other: Mapping[str, Of], said: str, alike: Callable[[Of, Of], bool] = eq
) -> dict[str, Of]:
    """Both. Raises FrontierError, with what is said, where what stands under one name is not alike."""
    if not all(alike(one[name], other[name]) for name in one.keys() & other.keys()):
        raise FrontierError(said)
    return {**other, **one}


def _texts_alike(one: Mapping[str, float], other: Mapping[str, float]) -> bool:
    return one.keys() == other.keys() and all(abs(one[text] - other[text]) <= ROUNDED for text in one)


def _sampled_alike(one: Sampled, other: Sampled) -> bool:
    return one.right == other.right and isclose(one.temperature, other.temperature, rel_tol=1e-6)


def _same_base(first: str, base: Run, called: str, other: Run) -> None:
    differ = {*other_questions(base.correct, other.correct), *other_questions(other.correct, base.correct)}
    if differ:
        raise FrontierError(f"{first} and {called} were asked other questions of {', '.join(sorted(differ))}")
    pairs = [(right, other.correct[name][row]) for name, of in base.correct.items() for row, right in of.items()]
    if (count := sum(one != two for one, two in pairs)) > OTHERWISE * len(pairs):
        raise FrontierError(
            f"the backbone of {first} and that of {called} answer {count} of {len(pairs)} questions otherwise: "
            "they are not one model"
        )


def made_alike(recipes: Mapping[tuple[str, float, str], Recipe]) -> None:
    """Hold the seeds of each method at a rate to one recipe, and all methods at all rates to the same rows; runs are
    named by what holds them, their rate and their name.

    Only what brings rows of its own may make a difference in them: methods with an agent have its part of the split,
    those with a mixture its corpus, and each of these kinds is held to one as well.

    Raises:
        FrontierError: two of them were not made alike, or not of the same rows.
    """
    seen: dict[tuple[object, ...], tuple[str, str]] = {}
    for (called, rate, name), recipe in recipes.items():
        brought = [kind for kind in BRINGS_ROWS if kind in recipe]
        for kind, digest in recipe.items():
            of_method = ("seeds of one experiment", name.partition("/")[0], rate, kind)
            of_rows = ("of the same rows", *brought, kind)
            for what, *group in [of_method, of_rows] if kind in ROWS else [of_method]:
                other, theirs = seen.setdefault((what, *group), (f"{name} of {called} at {rate:g}", digest))
                if theirs != digest:
                    raise FrontierError(f"{other} and {name} of {called} at {rate:g} differ in {kind}: not {what}")


def write(backbone: str, measured: Measured, path: Path) -> None:
    """The file, at `path`, which is not there yet."""
    import pyarrow as pa
    from pyarrow import parquet

    rows = list(_rows(measured))
    columns = [pa.array([row[place] for row in rows], type=_type(pa, name)) for place, name in enumerate(_COLUMNS)]
    recipes = {_entry(rate, name): run.recipe for rate, of in measured.runs.items() for name, run in of.items()}
    about = json.dumps({"schema": SCHEMA, "backbone": backbone, "recipes": recipes}, sort_keys=True)
    table = pa.table(columns, names=list(_COLUMNS)).replace_schema_metadata({_ABOUT: about.encode()})
    with explained(path):
        parquet.write_table(table, path, compression="zstd")


def backbone_of(path: Path) -> str:
    """The backbone's name, without reading the values. Raises FrontierError as `load` does."""
    from pyarrow import parquet

    with _readable(path):
        return str(_about(path, parquet.read_schema(path))["backbone"])


@dataclass(frozen=True)
class Contents:
    """What a file says it holds: its backbone, of which benchmarks, and by rate and name what made each run."""

    backbone: str
    benchmarks: Set[str]
    runs: Mapping[float, Mapping[str, Recipe]]


def contents(path: Path) -> Contents:
    """What the file holds, without the answers. Raises FrontierError as `load` does."""
    from pyarrow import parquet

    with _readable(path):
        file = parquet.ParquetFile(path)
        about, table = _about(path, file.schema_arrow), file.read(["rate", "run", "kind", "of"])
        benchmarks: set[str] = set()
        runs: dict[float, dict[str, Recipe]] = {}
        for one in table.group_by(["rate", "run", "kind", "of"]).aggregate([]).to_pylist():
            rate, name = one["rate"], one["run"]
            if rate is not None:
                runs.setdefault(rate, {})[name] = about["recipes"].get(_entry(rate, name), {})
            elif one["kind"] == "answer":
                benchmarks.add(one["of"])
        return Contents(str(about["backbone"]), benchmarks, runs)


def load(path: Path) -> tuple[str, Measured]:
    """The backbone's name, and what the file holds.

    Raises:
        FrontierError: it is no such file, or one of another version.
    """
    from pyarrow import parquet

    with _readable(path):
        table = parquet.read_table(path)
        about = _about(path, table.schema)
        rows = list(zip(*(table.column(name).to_pylist() for name in _COLUMNS), strict=True))
        return str(about["backbone"]), _read(rows, about["recipes"])


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    import pyarrow as pa

    try:
        yield
    except (OSError, pa.ArrowException, LookupError, TypeError, ValueError, AttributeError) as error:
        if isinstance(error, FrontierError):
            raise
        raise FrontierError(f"{path}: not a {FILE} of a frontier ({type(error).__name__}: {error})") from error


def _about(path: Path, schema: Any) -> dict[str, Any]:
    about: dict[str, Any] = json.loads((schema.metadata or {})[_ABOUT])
    if about["schema"] != SCHEMA:
        raise FrontierError(f"{path}: its version is {about['schema']}, this program reads {SCHEMA}")
    return about


def _entry(rate: float | None, name: str) -> str:
    """Under which a run's recipe stands in the schema's metadata."""
    return f"{rate!r} {name}"


def _type(pa: Any, name: str) -> Any:
    of = getattr(pa, _COLUMNS[name])()
    return pa.dictionary(pa.int32(), of) if _COLUMNS[name] == "string" else of


def _rows(measured: Measured) -> Iterator[tuple[Any, ...]]:
    """Values in the order of the columns, sorted."""
    for rate, of in [(None, {"base": measured.base}), *sorted(measured.runs.items())]:
        for name, run in sorted(of.items()):
            for benchmark, answers in sorted(run.correct.items()):
                groups = measured.clusters.get(benchmark, {})
                for row, right in sorted(answers.items()):
                    yield rate, name, "answer", benchmark, row, groups.get(row), right, None, None
            for benchmark, sampled in sorted(run.samples.items()):
                for row, (tries, right) in sorted(sampled.right.items()):
                    yield rate, name, "sample", benchmark, row, None, right, tries, sampled.temperature
            for thermometer, texts in sorted(run.rises.items()):
                for row, rise in sorted(texts.items()):
                    yield rate, name, "rise", thermometer, row, None, rise, None, None
            for row, passed in sorted(run.validation.items()):
                yield rate, name, "validation", None, row, None, passed, None, None


def _read(rows: list[tuple[Any, ...]], recipes: Mapping[str, Recipe]) -> Measured:
    found: dict[tuple[float | None, str], dict[str, Any]] = {}
    clusters: dict[str, dict[str, str]] = {}
    for rate, name, kind, of, row, cluster, value, tries, temperature in rows:
        values = found.setdefault((rate, name), {"answer": {}, "sample": {}, "rise": {}, "validation": {}})[kind]
        if kind == "validation":
            values[row] = bool(value)
        elif kind == "sample":
            values.setdefault(of, Sampled(temperature, {})).right[row] = (tries, int(value))
        else:
            values.setdefault(of, {})[row] = value
        if cluster is not None:
            clusters.setdefault(of, {})[row] = cluster
    runs: dict[float, dict[str, Run]] = {}
    base = Run({})
    for (rate, name), kinds in found.items():
        if not _RUN.fullmatch(name):
            raise ValueError(f"{name!r} is no run")
        recipe = recipes.get(_entry(rate, name), {})
        run = Run(kinds["answer"], kinds["rise"], kinds["validation"], kinds["sample"], recipe)
        if rate is None:
            base = run
        else:
            runs.setdefault(rate, {})[name] = run
    return Measured(base, runs, clusters)
