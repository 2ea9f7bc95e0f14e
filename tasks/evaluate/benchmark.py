"""A benchmark: what its YAML file says, where its data come from, and its rows in one schema.

In:  tasks/evaluate/benchmarks/math500.yaml
Out: Benchmark(name="math500", group="math", reader="math500", file="math500.jsonl.gz", source={...}) and rows
     {"id", "question", "answer", "options", "subset"}
"""

import hashlib
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import field_validator

from tasks.evaluate import readers
from tasks.evaluate.behaviour_readers import BEHAVIOUR
from tasks.evaluate.benchmark_data import Data, located, raw
from tasks.evaluate.more_readers import MORE
from tasks.evaluate.understood import understood
from tasks.rows.jsonl import Row
from tasks.rows.source import SourceError
from tasks.runtime.files.digest import digest_file, digest_value
from tasks.runtime.files.yaml_text import YamlError, mapping, validated
from tasks.verify.verifiers import registry
from tasks.verify.verifiers.options import VerifierOptions

READERS = readers.READERS | MORE | BEHAVIOUR
FOLDER = Path(__file__).resolve().parent / "benchmarks"
TASK_PREFIX = "rewriting_agent_"  # of lm-eval's task, which has tasks of its own by five of these names


class _Loader(yaml.SafeLoader):
    """YAML whose `!function module.name` is read as its name: only lm-eval imports it."""


_Loader.add_constructor("!function", lambda loader, node: str(node.value))


class Benchmark(Data):
    """`group`: "math" (downstream) or "general". Rows stay whose subset is in `keep`, if given, and not in `remove`;
    where options are compared by `likelihood`, those with one right letter among options. `verifier` decides which
    answers are right, by its name in tasks/verify."""

    group: Literal["math", "general"]
    reader: str
    verifier: str = registry.MATH
    version: int
    keep: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    likelihood: bool = False

    @field_validator("reader")
    @classmethod
    def _reader_is_there(cls, name: str) -> str:
        if name not in READERS:
            raise ValueError(f"there is no reader {name!r}; there are {', '.join(READERS)}")
        return name

    @field_validator("verifier")
    @classmethod
    def _verifier_is_there(cls, name: str) -> str:
        registry.require_known(name, VerifierOptions())
        return name


def names() -> list[str]:
    """All benchmarks, by the names of their YAML files."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml") if not path.stem.startswith("_"))


def benchmark(name: str) -> Benchmark:
    """The benchmark of that name. Raises SourceError where there is none, or its file is none."""
    path = FOLDER / f"{name}.yaml"
    if name not in names():
        raise SourceError(f"no benchmark {name!r}: {path} does not exist. There are: {', '.join(names())}")
    said = _parsed(path)
    for field, is_, takes in (
        ("metadata", isinstance(said.get("metadata"), dict), "name, group, reader, version, and where the data are"),
        ("include", isinstance(said.get("include"), str), "the file that it goes on from: _base.yaml"),
        ("task", said.get("task") == TASK_PREFIX + name, f"the file's name for lm-eval: {TASK_PREFIX}{name}"),
    ):
        if not is_:
            raise SourceError(f"{path}: {field}: found {repr(said.get(field))[:60]}; it takes {takes}")
    try:
        made = validated(path, Benchmark, said["metadata"], "metadata")
    except YamlError as error:
        raise SourceError(str(error)) from None
    if made.name != name:
        raise SourceError(f"{path}: metadata.name: found {made.name!r}; it takes the file's name, {name}")
    return made


def identity(name: str, data: Path | None = None, code_sandbox: bool = False) -> dict[str, Any]:
    """What an answer depends on besides the model and the config: the benchmark's definition, its data and, of another
    verifier than math, its version.

    Comments of the YAML files and the name of lm-eval's task are no part of it.

    Raises:
        SourceError: the data are not there, or what a model wrote would be run, which `code_sandbox` does not allow.
    """
    chosen = benchmark(name)
    if chosen.verifier == "code" and not code_sandbox:
        raise SourceError(
            f"{name} runs what a model wrote, in a sandbox: allow it with evaluate.code_sandbox=true, or leave it out"
        )
    local, said = located(chosen, data), definition(name)
    verifier = {} if chosen.verifier == registry.MATH else {"verifier": registry.identity(chosen.verifier)}
    return verifier | {
        "definition": digest_value(said),
        "data": digest_file(local) if local is not None else said["metadata"]["source"],
    }


def rows(name: str, data: Path | None = None, limit: int | None = None) -> list[Row]:
    """The benchmark's rows; with `limit` those whose ids have the smallest hashes, so that subsets are all met.

    Args:
        data: folder with the benchmark's `file`; else that of $REWRITING_AGENT_BENCHMARK_DATA, else a download.

    Raises:
        SourceError: the data cannot be had. RowError: a row cannot be used, or its id is an earlier one's.
    """
    chosen = benchmark(name)
    local = located(chosen, data)
    kept = [
        row
        for row in understood(READERS[chosen.reader], str(local or name), raw(chosen, local))
        if row["subset"] not in chosen.remove and (not chosen.keep or row["subset"] in chosen.keep)
    ]
    if chosen.likelihood:
        kept = [row for row in kept if row["options"] and len(row["answer"]) == 1]
    if chosen.verifier != registry.MATH:
        kept = [row | {"verifier": chosen.verifier} for row in kept]
    if not kept:
        raise SourceError(f"{name}: no rows in {local or chosen.source} whose subset its file keeps")
    if limit is not None:
        kept = sorted(kept, key=lambda row: hashlib.sha256(row["id"].encode()).digest())[:limit]
    return kept


def definition(name: str) -> dict[str, Any]:
    """What the benchmark's file and the shared base say, but for the name of lm-eval's task."""
    merged, file, seen = _parsed(FOLDER / f"{name}.yaml"), f"{name}.yaml", set[str]()
    while base := merged.pop("include", None):
        if not isinstance(base, str) or base in seen:
            raise SourceError(f"{FOLDER / file}: include: {base!r} is not another file beside it, as _base.yaml is")
        seen.add(base)
        merged, file = _parsed(FOLDER / base) | merged, base
    return {field: value for field, value in merged.items() if field != "task"}


def _parsed(path: Path) -> dict[str, Any]:
    try:
        return mapping(path, "a benchmark (metadata: …)", _Loader)
    except YamlError as error:
        raise SourceError(str(error)) from None
