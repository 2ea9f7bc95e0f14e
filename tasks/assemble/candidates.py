"""Candidate targets of a row, of one kind: several samples, their verdicts, and by what one is chosen.

In:  rewrites.jsonl, verdicts.jsonl and scores.jsonl by shard and sample ("07-001"), contributions.jsonl of all
Out: the targets of a row that pass, best first; why a row has none
"""

from math import inf
from pathlib import Path

from tasks.rows.jsonl import Row, RowError, read_rows


class Candidates:
    """Candidate targets of one kind: of each row one a sample."""

    def __init__(
        self,
        kind: str,
        texts: dict[str, Path] | None,
        verdicts: dict[str, Path] | None,
        nll: dict[str, Path] | None = None,
        added: Path | None = None,
    ) -> None:
        names = dict.fromkeys(_sample(name) for name in texts or {})
        self.samples = [_Sample(kind, *(_of(name, one) for one in (texts, verdicts, nll))) for name in names]
        rows = read_rows(added / "contributions.jsonl", ["id", "sample"]) if added else ()
        self.added = {(row["sample"], row["id"]): float(row["contribution"]) for row in rows}
        self.names = list(names)

    def passed(self, row_id: str) -> bool:
        return any(sample.passed(row_id) for sample in self.samples)

    def choose(self, row_id: str, most: int = 1) -> list[Row]:
        """Those that pass and differ: the likeliest, or those that add most to their diversity, as is known of them;
        else the first ones."""
        ranked = [
            (-self.added[name, row_id] if (name, row_id) in self.added else sample.nll_of(row_id), number)
            for number, (name, sample) in enumerate(zip(self.names, self.samples, strict=True))
            if sample.passed(row_id)
        ]
        different: dict[str, Row] = {}
        for sample in (self.samples[number] for _, number in sorted(ranked)):
            target = sample.target(row_id)
            different.setdefault(target["target"], target)
        return list(different.values())[:most]

    def verdict(self, row_id: str) -> Row | None:
        """Of the first sample."""
        return self.samples[0].verdict(row_id) if self.samples else None

    def reason(self, row_id: str) -> str | None:
        """Why a row falls back to the expert, by the first sample; None where nothing was to be rewritten."""
        return self.samples[0].reason(row_id) if self.samples else None


def _sample(name: str) -> str:
    """ "07" of "07-001", "" of "001" """
    return name.rpartition("-")[0]


def _of(sample: str, folders: dict[str, Path] | None) -> dict[str, Path]:
    return {name: folder for name, folder in (folders or {}).items() if _sample(name) == sample}


class _Sample:
    """One candidate a row, with its verdict, by id."""

    def __init__(self, kind: str, texts: dict[str, Path], verdicts: dict[str, Path], nll: dict[str, Path]) -> None:
        self.kind = kind
        self.texts = _by_id(texts, "rewrites.jsonl")
        self.verdicts = _by_id(verdicts, "verdicts.jsonl")
        self.nll = _by_id(nll, "scores.jsonl")
        set_aside = [folder / "quarantine.jsonl" for folder in texts.values()]
        rows = (row for path in set_aside if path.exists() for row in read_rows(path, ["id", "reason"]))
        self.set_aside = {
            row["id"]: "special token" if "special token" in row["reason"] else "prompt too long" for row in rows
        }

    def verdict(self, row_id: str) -> Row | None:
        if row_id in self.set_aside:
            return None
        if row_id not in self.verdicts:
            raise RowError("verdicts.jsonl", f"row {row_id}", "id", f"no verdict for this row's {self.kind}")
        return self.verdicts[row_id]

    def passed(self, row_id: str) -> bool:
        verdict = self.verdict(row_id)
        return verdict is not None and verdict["passed"] is True

    def nll_of(self, row_id: str) -> float:
        """In nats per token; of a text that was not scored, as one too long for the context, infinite."""
        return float(self.nll[row_id]["nll"]) if row_id in self.nll else inf

    def target(self, row_id: str) -> Row:
        return {"target": self.texts[row_id]["text"], "kind": self.kind, "verdict": self.verdicts[row_id]}

    def reason(self, row_id: str) -> str | None:
        """Why a row falls back to the expert's solution; None where nothing was to be rewritten."""
        if row_id in self.set_aside:
            return self.set_aside[row_id]
        verdict = self.verdict(row_id)
        if verdict is None:
            return None
        if not self.texts[row_id].get("finished", True):
            return "cut off"
        answer = verdict["answer"]["verdict"]
        return str(answer) if answer != "correct" else "reasoning"


def _by_id(folders: dict[str, Path], name: str) -> dict[str, Row]:
    found: dict[str, Row] = {}
    for folder in folders.values():
        for row in read_rows(folder / name, ["id"]):
            if row["id"] in found:
                raise RowError(folder / name, f"row {row['id']}", "id", "appears twice over the shards")
            found[row["id"]] = row
    return found
