"""Imports a corpus of expert demonstrations in its own schema.

In (numinamath_cot):       {"source": "gsm8k", "problem": "…", "solution": "… \\\\boxed{12}", "messages": […]}
In (open_math_reasoning):  {"problem": "…", "generated_solution": "…", "expected_answer": "12", …}
Out (rows.jsonl): {"id": "numinamath_cot/3f2a91c07b5d4e68", "corpus": "numinamath_cot", "source": "gsm8k",
                   "question": "…", "solution": "…", "answer": "12", "verifiable": true}
Bad rows go to quarantine.jsonl with their line and reason; duplicates are dropped and counted.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from tasks.rows.jsonl import NOT_TEXT, Row, is_text, read_lines, write_rows
from tasks.rows.source import SourceError, download, source_identity
from tasks.runtime.progress import report
from tasks.runtime.stage import Metrics, stage
from tasks.verify.verify import verifiable

Format = Literal["numinamath_cot", "open_math_reasoning"]


class CorpusConfig(BaseModel):
    """A corpus of expert demonstrations D_E (section 4.1)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(description="Begins the id of every row.", pattern=r"^[a-z0-9_]+$")
    format: Format = Field(description="Schema of the rows: NuminaMath-CoT's or OpenMathReasoning's.")
    path: str = Field(
        description="File (.jsonl, .jsonl.gz, .parquet), a folder of them, or the dataset's id on the hub.",
        json_schema_extra={"key": False},
    )
    revision: str | None = Field(
        None, description="Commit on the hub, 40 hex digits.", json_schema_extra={"key": False}
    )
    files: str = Field("**/*", description="Which files of a folder or repository to read, as a glob pattern.")
    max_bad_share: float = Field(0.01, ge=0, le=1, description="Share of unusable rows past which the import fails.")

    def source(self) -> object:
        """What the key holds of the corpus: its content, or its pinned commit."""
        return source_identity(self.path, self.revision)


class BadRow(ValueError):
    """A row that cannot be used: which field, and why."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"field {field!r}: {problem}")
        self.field, self.problem = field, problem


def numinamath_cot(raw: Row) -> Row | None:
    """A row of NuminaMath-CoT. The reference answer is in its solution."""
    return {
        "source": _text(raw, "source", optional=True),
        "question": _text(raw, "problem"),
        "solution": _text(raw, "solution"),
        "answer": None,
    }


def open_math_reasoning(raw: Row) -> Row | None:
    """A row of OpenMathReasoning; None for tool-integrated and selection rows, whose solution is no plain text."""
    if raw.get("inference_mode", "cot") != "cot":
        return None
    answer = raw.get("expected_answer")
    if not is_text(str(answer)):
        raise BadRow("expected_answer", NOT_TEXT)
    return {
        "source": _text(raw, "problem_source", optional=True),
        "question": _text(raw, "problem"),
        "solution": _text(raw, "generated_solution"),
        "answer": str(answer) if answer not in (None, "", "n/a") else None,
    }


READERS: dict[Format, Callable[[Row], Row | None]] = {
    "numinamath_cot": numinamath_cot,
    "open_math_reasoning": open_math_reasoning,
}


@stage(version=1, identity=CorpusConfig.source)
def corpus(config: CorpusConfig, out: Path) -> Metrics:
    """Read, check and give ids to the rows of a corpus.

    Raises:
        SourceError: no file to read, or more than `max_bad_share` of the rows are unusable.
    """
    folder = download(config.path, config.revision, "dataset", [config.files])
    paths = [folder] if folder.is_file() else sorted(path for path in folder.glob(config.files) if _readable(path))
    if not paths:
        raise SourceError(f"{config.path}: no .jsonl, .jsonl.gz or .parquet file matches {config.files!r}")
    counts: Counter[str] = Counter()
    bad: list[Row] = []
    ids: set[str] = set()

    def rows() -> Iterator[Row]:
        read = READERS[config.format]
        for done, path in enumerate(paths, 1):
            for where, raw in _raw_rows(path, bad):
                counts["read"] += 1
                try:
                    row = read(raw)
                except BadRow as error:
                    bad.append({"file": path.name, "where": where, "field": error.field, "reason": error.problem})
                    continue
                if row is None:
                    counts["other_mode"] += 1
                    continue
                name = hashlib.sha256(f"{row['question']}\0{row['solution']}".encode()).hexdigest()[:16]
                row = {"id": f"{config.name}/{name}", "corpus": config.name} | row
                if row["id"] in ids:
                    counts["duplicates"] += 1
                    continue
                ids.add(row["id"])
                # A row whose reference holds no answer (a proof, prose) can be learned from but not verified.
                can, why_not = verifiable(row["answer"] or row["solution"])
                counts["verifiable"] += can
                yield row | {"verifiable": can, "why_not": why_not}
            report(done, len(paths), "files", rows=counts["read"])

    kept = write_rows(out / "rows.jsonl", rows())
    write_rows(out / "quarantine.jsonl", bad)
    total = counts["read"] + sum(row["field"] == "(whole line)" for row in bad)
    if len(bad) > config.max_bad_share * total or kept == 0:
        first = "; ".join(f"{row['file']}, {row['where']}, {row['field']}: {row['reason']}" for row in bad[:3])
        raise SourceError(
            f"{config.path}: {len(bad)} of {total} rows are unusable, {kept} are left "
            f"(max_bad_share is {config.max_bad_share}): {first}"
        )
    return {"rows": kept, "quarantined": len(bad), **counts}


def _readable(path: Path) -> bool:
    return path.name.endswith((".jsonl", ".jsonl.gz", ".parquet"))


def _raw_rows(path: Path, bad: list[Row]) -> Iterator[tuple[str, Row]]:
    """Raw rows with where they stand; a line that is no JSON object goes to `bad`."""
    if path.suffix == ".parquet":
        import pyarrow.parquet as parquet

        batches = parquet.ParquetFile(path).iter_batches(batch_size=4096)
        for number, row in enumerate((row for batch in batches for row in batch.to_pylist()), 1):
            yield f"row {number}", row
        return
    for number, line in read_lines(path):
        try:
            raw: Any = json.loads(line)
            problem = None if isinstance(raw, dict) else "is not a JSON object"
        except json.JSONDecodeError as error:
            problem = f"is not JSON: {error.msg}"
        if problem is None:
            yield f"line {number}", raw
        else:
            bad.append({"file": path.name, "where": f"line {number}", "field": "(whole line)", "reason": problem})


def _text(raw: Row, field: str, optional: bool = False) -> str:
    value = raw.get(field)
    if optional and value is None:
        return ""
    if not isinstance(value, str):
        raise BadRow(field, "is missing" if value is None else f"is a {type(value).__name__}, not a string")
    if not optional and not value.strip():
        raise BadRow(field, "is empty")
    if not is_text(value):
        raise BadRow(field, NOT_TEXT)
    return value
