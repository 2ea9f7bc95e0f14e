"""What is asked of an engine at once: sets of prompts, say the samples of one dataset, each answered in its way.

In:  {"00": Asked(folder, Decoding(…, seed=0), ["a/1", …], {"a/1": [1, 7, 42], …}), "01": …}
Out: {"00": [{"id": "a/1", "text": "Step 1: …", "finished": true, "tokens": 87}, …], "01": …}
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tasks.generation.vllm_sampling import Decoding


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
