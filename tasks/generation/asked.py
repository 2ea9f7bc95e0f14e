"""What is asked of an engine at once: sets of prompts, say the samples of one dataset, each answered in its way.

In:  {"00": Asked(folder, Decoding(…, seed=0), ["a/1", …], {"a/1": [1, 7, 42], …}), "01": …}
Out: {"00": [{"id": "a/1", "text": "Step 1: …", "finished": true, "tokens": 87}, …], "01": …}
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tasks.generation.vllm_sampling import Decoding
from tasks.runtime.progress.progress import report


@dataclass(frozen=True)
class Asked:
    """Prompts by row id, drawn as `decoding` says; `folder` keeps their answers.

    `ids`: of all rows; those without a prompt are passed over. `longest_first`: a longer prompt lets a longer answer be
    expected, so a queue begins with it; it is only speed. `told`: progress says how far this set is.
    """

    folder: Path
    decoding: Decoding
    ids: Sequence[str]
    prompts: Mapping[str, Sequence[int]]
    longest_first: bool = False
    told: bool = False


def tell(asked: Mapping[str, Asked], done: Mapping[str, int], of: Mapping[str, int], unit: str) -> int:
    """Report how many rows of all sets, and which share of each that is told, are done; returns how many."""
    shares = {name: done[name] / of[name] for name, one in asked.items() if one.told and done[name]}
    report(rows := sum(done.values()), sum(of.values()), unit, **shares)
    return rows
