"""NLL under pi_0 of what was trained on: expert's targets, template rewrites, the agent's rewrites."""

from collections.abc import Mapping, Sequence

import numpy as np

from tasks.report.schema.row_data import Histogram
from tasks.report.schema.run_data import Kind, Run
from tasks.rows.jsonl import Row

_SHOWN: tuple[tuple[str, str, Kind], ...] = (
    ("expert", "sft", "expert"),
    ("direct rewrite", "sdft", "rewrite"),
    ("agent rewrite", "rewriting_agent", "rewrite"),
)


def of_targets(read: Sequence[tuple[Run, Mapping[str, Row], Mapping[str, float]]]) -> dict[str, list[float]]:
    """NLL (nats per token) by kind of target, from each method's first seed.

    Args:
        read: a run, its dataset by row id, the NLL of its targets by row id.
    """
    found: dict[str, list[float]] = {}
    for name, method, kind in _SHOWN:
        for run, rows, nll in read:
            if run.method == method and name not in found:
                values = [value for key, value in nll.items() if rows.get(key, {}).get("kind") == kind]
                found |= {name: values} if values else {}
    return found


def histograms(found: Mapping[str, Sequence[float]], of: str, bins: int) -> list[Histogram]:
    """One histogram a kind on shared edges from 0 to the 99.5 % quantile; rows beyond are counted as `outside`."""
    found = {name: values for name, values in found.items() if len(values)}
    if not found:
        return []
    together = np.concatenate([np.array(values) for values in found.values()])
    edges = np.linspace(0, max(float(np.quantile(together, 0.995)) * 1.05, 1e-6), bins + 1)
    made = []
    for name, values in found.items():
        counts, _ = np.histogram(values, edges)
        made.append(
            Histogram(
                name=name,
                of=of,
                edges=edges.tolist(),
                counts=counts.tolist(),
                n=len(values),
                median=float(np.median(values)),
                outside=len(values) - int(counts.sum()),
            )
        )
    return made
