"""Imports a corpus of expert demonstrations, from its own schema to the one that every later stage reads.

In (numinamath_cot):       {"source": "gsm8k", "problem": "…", "solution": "… \\\\boxed{12}", "messages": […]}
In (open_math_reasoning):  {"problem": "…", "generated_solution": "…", "expected_answer": "12", "problem_type": "…", …}
In (auto):                 any file and shape that tasks/rows/reader/ knows
Out (rows.jsonl): {"id": "numinamath_cot/3f2a91c07b5d4e68", "corpus": "numinamath_cot", "source": "gsm8k",
                   "question": "…", "solution": "…", "answer": "12", "verifiable": true, "why_not": "",
                   "fields": {"problem_type": "…", …}}      what else the row held, where it held more
Bad rows go to quarantine.jsonl with their line and reason; duplicates are dropped and counted.
"""

from collections import Counter, deque
from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

from tasks.corpus.block import Reading, imported
from tasks.corpus.digests import Digests
from tasks.corpus.file_progress import FileProgress
from tasks.corpus.formats import Format, kept_columns
from tasks.rows.jsonl import Row, write_rows
from tasks.rows.prompts import GENERAL
from tasks.rows.reader.bad_row import RawRow
from tasks.rows.reader.files import raw_rows, row_files
from tasks.rows.source import SourceError, download, source_identity
from tasks.runtime.engines.processes import in_processes
from tasks.runtime.files.whole_file import whole
from tasks.runtime.settings import settings
from tasks.runtime.stage import Metrics, stage
from tasks.verify.verifiers.options import VerifierOptions
from tasks.verify.verifiers.registry import MATH as MATH_VERIFIER
from tasks.verify.verifiers.registry import identity

BLOCK = 500  # rows that a process reads at a time
CORES = 4  # at most: this process reads and writes what so many compute


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

    domain: Literal["math", "general"] = Field(
        "math",
        description="Templates that its rows are asked and rewritten by: the paper's for mathematics, or general ones "
        "without a word of mathematics or boxes.",
        json_schema_extra={"key": "unless default"},
    )
    verifier: SkipJsonSchema[str] = Field(
        MATH_VERIFIER,
        description="What says which rows can be verified: the experiment's gate.verifier.",
        json_schema_extra={"key": "unless default"},
    )
    options: SkipJsonSchema[VerifierOptions] = Field(
        default_factory=VerifierOptions,
        description="Options of the verifier: the experiment's gate.options.",
        json_schema_extra={"key": "unless default"},
    )

    def source(self) -> object:
        """What the key holds of the corpus: its content, or its pinned commit; what else its rows depend on."""
        source = source_identity(self.path, self.revision)
        more = {"domain": GENERAL} if self.domain == "general" else {}
        more |= {} if self.verifier == MATH_VERIFIER else {"verifier": identity(self.verifier)}
        return [source, more] if more else source


@stage(version=2, cores=CORES, identity=CorpusConfig.source)
def corpus(config: CorpusConfig, out: Path) -> Metrics:
    """Read, check and give ids to the rows of a corpus.

    Raises:
        SourceError: no file to read, a broken one, or more than `max_bad_share` of the rows are unusable.
    """
    folder = download(config.path, config.revision, "dataset", [config.files])
    paths = row_files(folder, config.files)
    general = GENERAL if config.domain == "general" else None
    reading = Reading(config.name, config.format, config.map, config.carry, general, config.verifier, config.options)
    counts: Counter[str] = Counter()
    shapes: Counter[str] = Counter()
    bad: list[Row] = []
    known = Digests()
    kept = 0
    files: deque[Path] = deque()  # of the blocks under way
    told = FileProgress(paths)

    def blocks() -> Iterator[list[RawRow]]:
        for path in paths:
            rows = raw_rows(path, kept_columns(config.format, config.map, config.carry), config.encoding)
            while block := list(islice(rows, BLOCK)):
                told.read(path, len(block))
                files.append(path)
                yield block

    processes = min(CORES, settings().cores)
    with whole(out / "rows.jsonl") as file:
        for found in in_processes(partial(imported, reading), blocks(), processes):
            name = files.popleft().name
            counts.update(found.counts)
            shapes.update(found.shapes)
            bad += ({"file": name} | row for row in found.bad)
            for new, line, can in zip(known.new(found.digests), found.lines, found.verifiable, strict=True):
                if not new:
                    counts["duplicates"] += 1
                    continue
                file.write(line)
                kept, counts["verifiable"] = kept + 1, counts["verifiable"] + can
            told.say(counts["read"])
    write_rows(out / "quarantine.jsonl", bad)
    if len(bad) > config.max_bad_share * counts["read"] or kept == 0:
        first = "; ".join(f"{row['file']}, {row['where']}, {row['field']}: {row['reason']}" for row in bad[:3])
        other = "" if config.format == "auto" else "; format: auto reads rows of other shapes"
        raise SourceError(
            f"{config.path}: {len(bad)} of {counts['read']} rows are unusable, {kept} are left "
            f"(max_bad_share is {config.max_bad_share}): {first}{other}"
        )
    return {"rows": kept, "quarantined": len(bad), **counts, **({"shapes": dict(shapes)} if any(shapes) else {})}
