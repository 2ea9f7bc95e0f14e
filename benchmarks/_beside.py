"""What benchmarks against a bare library share: running it in the engines' environment, and the line that compares.

bare("benchmarks._bare_rewrite", "rows.jsonl", "rewrites.jsonl")     as `python -m` there; raises with its last words
tell("rewrite", "s of cores", "bare vLLM", [31.0, 32.0], [30.0, 30.5])     {"name": "rewrite", "ratio": 1.04, …}
"""

import json
import statistics
import subprocess
from collections.abc import Sequence
from typing import Any

from tasks.runtime.settings import ROOT, settings


def bare(module: str, *arguments: str) -> None:
    """Run a module in the inference environment, as engines are run there. Raises RuntimeError where it fails."""
    from tasks.generation.variables import engine_variables
    from tasks.runtime.engine import environment_variables

    command = [str(settings().environments / "inference" / "bin" / "python"), "-m", module, *arguments]
    variables = environment_variables(engine_variables(cuda=False))
    done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])


def tell(name: str, unit: str, baseline: str, ours: Sequence[float], theirs: Sequence[float], **more: Any) -> None:
    """One line of medians; ratios are of runs beside each other."""
    ratios = [one / other for one, other in zip(ours, theirs, strict=True)]
    figure: dict[str, Any] = {"name": name, "value": statistics.median(ours), "unit": unit}
    figure |= {"baseline": {"name": baseline, "value": statistics.median(theirs)}}
    figure |= {"ratio": statistics.median(ratios), "spread": [min(ratios), max(ratios)], "n": len(ratios)}
    print(json.dumps(figure | more), flush=True)
