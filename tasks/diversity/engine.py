"""The engine: rewrites in, embeddings of those that pass, and what each adds to its row's diversity out.

In:  a spec (tasks/diversity/config.py)
Out: contributions.jsonl {"id", "sample", "contribution"}, scratch/metrics.json
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tasks.diversity.config import DiversitySpec
from tasks.rewards.diversity import marginal_contributions, pairwise_distances, set_diversity
from tasks.rows.jsonl import Row, read_rows, write_rows
from tasks.runtime.engines.spec import read_spec, write_metrics
from tasks.runtime.progress.progress import report
from tasks.score.embeddings import Embedder

BLOCK = 500  # rows of the split embedded together
Embed = Callable[[Sequence[str]], NDArray[np.float32]]


def main() -> None:
    spec = read_spec(DiversitySpec)
    passing = passing_texts(spec.rewrites, spec.verdicts)
    found: list[Row] = []
    spread: list[float] = []
    embedder = Embedder(spec.embedder, spec.cuda)
    ids = sorted(passing)
    for start in range(0, len(ids), BLOCK):
        block = ids[start : start + BLOCK]
        found += contributions({row_id: passing[row_id] for row_id in block}, embedder, spread)
        report(start + len(block), len(ids), "rows")
    write_rows(spec.out / "contributions.jsonl", found)
    mean = float(np.mean(spread)) if spread else None
    write_metrics(spec.out, {"rewrites": len(found), "rows": len(passing), "diversity": mean})


def passing_texts(rewrites: Mapping[str, Path], verdicts: Mapping[str, Path]) -> dict[str, dict[str, str]]:
    """Of each row that has one the rewrites that pass, by sample: {"r1": {"00": "…", "07": "…"}}."""
    found: dict[str, dict[str, str]] = {}
    for name, path in rewrites.items():
        passed = {row["id"] for row in read_rows(verdicts[name], ["id", "passed"]) if row["passed"] is True}
        for row in read_rows(path, ["id", "text"]):
            if row["id"] in passed:
                found.setdefault(row["id"], {})[name.rpartition("-")[0]] = row["text"]
    return found


def contributions(passing: Mapping[str, Mapping[str, str]], embed: Embed, spread: list[float]) -> Iterator[Row]:
    """Eq. 11 of each rewrite among those of its row; D of rows with two or more goes to `spread`."""
    vectors = iter(embed([text for of_row in passing.values() for text in of_row.values()]))
    for row_id, of_row in passing.items():
        distances = pairwise_distances(np.stack([next(vectors) for _ in of_row]).astype(np.float64))
        if len(of_row) > 1:
            spread.append(set_diversity(distances))
        for sample, added in zip(of_row, marginal_contributions(distances), strict=True):
            yield {"id": row_id, "sample": sample, "contribution": round(float(added), 9)}


if __name__ == "__main__":
    main()
