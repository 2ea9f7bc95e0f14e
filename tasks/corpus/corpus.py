"""Imports a corpus of expert demonstrations, from its own schema to the one that every later stage reads.

In (numinamath_cot):       {"source": "gsm8k", "problem": "…", "solution": "… \\\\boxed{12}", "messages": […]}
In (open_math_reasoning):  {"problem": "…", "generated_solution": "…", "expected_answer": "12", "problem_type": "…", …}
In (auto):                 any file and shape that tasks/rows/reader/ knows
Out (rows.jsonl): {"id": "numinamath_cot/3f2a91c07b5d4e68", "corpus": "numinamath_cot", "source": "gsm8k",
                   "question": "…", "solution": "…", "answer": "12", "verifiable": true, "why_not": "",
                   "fields": {"problem_type": "…", …}}      what else the row held, where it held more
Bad rows go to quarantine.jsonl with their line and reason; duplicates are dropped and counted.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from tasks.corpus.formats import READERS, Format, Taken, carried, kept_columns
from tasks.rows.jsonl import Row, write_rows
from tasks.rows.reader.bad_row import BadRow, RawRow
from tasks.rows.reader.files import raw_rows, row_files
from tasks.rows.reader.repair import repaired
from tasks.rows.source import SourceError, download, source_identity
from tasks.runtime.progress import report
from tasks.runtime.stage import Metrics, stage
from tasks.verify.verify import verifiable


class CorpusConfig(BaseModel):
    """A corpus of expert demonstrations D_E (section 4.1)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(description="Begins the id of every row.", pattern=r"^[a-z0-9_]+$")
    format: Format = Field(
        "auto", description="Schema of the rows: NuminaMath-CoT's, OpenMathReasoning's, or recognised by their fields."
    )
    path: str = Field(
        description="File (JSON lines, JSON, CSV, Parquet, Arrow, also compressed), a folder of them, or the "
        "dataset's id on the hub.",
        json_schema_extra={"key": False},
    )
    revision: str | None = Field(
        None, description="Commit on the hub, 40 hex digits.", json_schema_extra={"key": False}
    )
    files: str = Field("**/*", description="Which files of a folder or repository to read, as a glob pattern.")
    map: dict[str, str] = Field(
        {}, description="For format auto, where a part of a row is: {question: data.problem, solution: data.answer}."
    )
    encoding: str | None = Field(None, description="Encoding of text files; none: by their first bytes, else UTF-8.")
    carry: bool = Field(True, description="Keep the other fields of a row in its `fields`.")
    max_bad_share: float = Field(0.01, ge=0, le=1, description="Share of unusable rows past which the import fails.")

    def source(self) -> object:
        """What the key holds of the corpus: its content, or its pinned commit."""
        return source_identity(self.path, self.revision)


@stage(version=2, identity=CorpusConfig.source)
def corpus(config: CorpusConfig, out: Path) -> Metrics:
    """Read, check and give ids to the rows of a corpus.

    Raises:
        SourceError: no file to read, a broken one, or more than `max_bad_share` of the rows are unusable.
    """
    folder = download(config.path, config.revision, "dataset", [config.files])
    paths = row_files(folder, config.files)
    counts: Counter[str] = Counter()
    shapes: Counter[str] = Counter()
    bad: list[Row] = []
    ids: set[str] = set()

    def rows() -> Iterator[Row]:
        for done, path in enumerate(paths, 1):
            for raw in raw_rows(path, kept_columns(config.format, config.map, config.carry), config.encoding):
                counts["read"] += 1
                try:
                    taken = _taken(raw, config)
                except BadRow as error:
                    bad.append({"file": path.name, "where": raw.where, "field": error.field, "reason": error.problem})
                    continue
                if taken.mode:
                    counts[f"mode_{taken.mode}"] += 1
                if taken.row is None:
                    counts["other_mode"] += 1
                    continue
                row, shapes[taken.shape] = taken.row, shapes[taken.shape] + 1
                if taken.mended:
                    counts["mended"] += 1
                name = hashlib.sha256(f"{row['question']}\0{row['solution']}".encode()).hexdigest()[:16]
                row = {"id": f"{config.name}/{name}", "corpus": config.name} | row
                if row["id"] in ids:
                    counts["duplicates"] += 1
                    continue
                ids.add(row["id"])
                # A row whose reference holds no answer (a proof, prose) can be learned from but not verified.
                can, why_not = (
                    (False, taken.no_reference) if taken.no_reference else verifiable(row["answer"] or row["solution"])
                )
                counts["verifiable"] += can
                extra = carried(raw.content, row) if config.carry and isinstance(raw.content, dict) else {}
                yield row | {"verifiable": can, "why_not": why_not} | ({"fields": extra} if extra else {})
            report(done, len(paths), "files", rows=counts["read"])

    kept = write_rows(out / "rows.jsonl", rows())
    write_rows(out / "quarantine.jsonl", bad)
    if len(bad) > config.max_bad_share * counts["read"] or kept == 0:
        first = "; ".join(f"{row['file']}, {row['where']}, {row['field']}: {row['reason']}" for row in bad[:3])
        other = "" if config.format == "auto" else "; format: auto reads rows of other shapes"
        raise SourceError(
            f"{config.path}: {len(bad)} of {counts['read']} rows are unusable, {kept} are left "
            f"(max_bad_share is {config.max_bad_share}): {first}{other}"
        )
    return {"rows": kept, "quarantined": len(bad), **counts, **({"shapes": dict(shapes)} if any(shapes) else {})}


def _taken(raw: RawRow, config: CorpusConfig) -> Taken:
    """A raw row in the corpus's schema, lost backslashes put back. Raises BadRow."""
    if isinstance(raw.content, BadRow):
        raise raw.content
    taken = READERS[config.format](raw.content, config.map)
    if taken.row is None:
        return taken
    parts = {
        name: repaired(taken.row[name], name, raw.under_escaped)
        for name in ("question", "solution", "answer")
        if taken.row[name] is not None
    }
    mended = raw.under_escaped or any(taken.row[name] != text for name, text in parts.items())
    return taken._replace(row=taken.row | parts, mended=mended)
