"""A block of raw rows in the corpus's schema, as lines that are ready to be written. Runs in processes of its own.

In:  [RawRow("line 3", {"problem": "…", "solution": "… \\\\boxed{12}"}), RawRow("line 4", {"problem": "…"})]
Out: Imported(digests=[4558…], lines=['{"id": "numinamath_cot/3f2a91c07b5d4e68", …}\\n'], verifiable=[True],
              bad=[{"where": "line 4", "field": "solution", "reason": "is missing"}], …)
"""

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from tasks.corpus.formats import READERS, Format, Taken, carried
from tasks.corpus.line import line_of
from tasks.rows.jsonl import Row
from tasks.rows.reader.bad_row import BadRow, RawRow
from tasks.rows.reader.repair import repaired
from tasks.verify.config import VerifyConfig
from tasks.verify.verifiers.options import DEFAULTS, VerifierOptions
from tasks.verify.verifiers.registry import MATH, make


@dataclass(frozen=True)
class Reading:
    """What of a corpus's config says how a row is read."""

    name: str
    format: Format
    map: Mapping[str, str]
    carry: bool
    domain: str | None = None  # of its rows, where it is not mathematics
    verifier: str = MATH
    options: VerifierOptions = DEFAULTS


@dataclass
class Imported:
    """Rows in their order, duplicates among them, and what was counted on the way."""

    digests: list[int] = field(default_factory=list)  # 64 bits of question and solution
    lines: list[str] = field(default_factory=list)
    verifiable: list[bool] = field(default_factory=list)
    bad: list[Row] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    shapes: Counter[str] = field(default_factory=Counter)


def imported(reading: Reading, block: list[RawRow]) -> Imported:
    """The rows of a block."""
    found = Imported(counts=Counter(read=len(block)))
    verifiable = make(reading.verifier, reading.options, VerifyConfig()).verifiable
    for raw in block:
        try:
            taken = _taken(raw, reading)
        except BadRow as error:
            found.bad.append({"where": raw.where, "field": error.field, "reason": error.problem})
            continue
        if taken.mode:
            found.counts[f"mode_{taken.mode}"] += 1
        if taken.row is None:
            found.counts["other_mode"] += 1
            continue
        found.shapes[taken.shape] += 1
        if taken.mended:
            found.counts["mended"] += 1
        digest = hashlib.sha256(f"{taken.row['question']}\0{taken.row['solution']}".encode()).digest()[:8]
        row: Row = {"id": f"{reading.name}/{digest.hex()}", "corpus": reading.name, **taken.row}
        if reading.domain:
            row["domain"] = reading.domain
        # A row whose reference holds no answer (a proof, prose) can be learned from but not verified.
        can, why_not = (
            (False, taken.no_reference) if taken.no_reference else verifiable(row["answer"] or row["solution"])
        )
        extra = carried(raw.content, row) if reading.carry and isinstance(raw.content, dict) else {}
        row["verifiable"], row["why_not"] = can, why_not
        if extra:
            row["fields"] = extra
        found.digests.append(int.from_bytes(digest))
        found.lines.append(line_of(row))
        found.verifiable.append(can)
    return found


def _taken(raw: RawRow, reading: Reading) -> Taken:
    """A raw row in the corpus's schema, lost backslashes put back. Raises BadRow."""
    if isinstance(raw.content, BadRow):
        raise raw.content
    taken = READERS[reading.format](raw.content, reading.map)
    if taken.row is None:
        return taken
    parts = {
        name: repaired(taken.row[name], name, raw.under_escaped)
        for name in ("question", "solution", "answer")
        if taken.row[name] is not None
    }
    mended = raw.under_escaped or any(taken.row[name] != text for name, text in parts.items())
    return taken._replace(row=taken.row | parts, mended=True) if mended else taken
