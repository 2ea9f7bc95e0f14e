"""What benchmarks share: the line that compares, and running a bare library in the engines' environment.

tell("rewrite", "s of cores", "bare vLLM", [31.0, 32.0], [30.0, 30.5])     {"name": "rewrite", "ratio": 1.04, …}
bare("benchmarks._bare_rewrite", "rows.jsonl", "rewrites.jsonl")     as `python -m` there; raises with its last words
"""

import json
import statistics
import subprocess
from collections.abc import Sequence
from typing import Any


def bare(module: str, *arguments: str) -> None:
    """Run a module in the inference environment, as engines are run there. Raises RuntimeError where it fails."""
    # Here: `tell` is called in .envs/sft too, which has none of them.
    from tasks.generation.variables import engine_variables
    from tasks.runtime.engines.engine import environment_variables
    from tasks.runtime.settings import ROOT, settings

    command = [str(settings().environments / "inference" / "bin" / "python"), "-m", module, *arguments]
    variables = environment_variables(engine_variables(cuda=False))
    done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])


def tell(name: str, unit: str, baseline: str, ours: Sequence[float], theirs: Sequence[float], **more: Any) -> None:
    """One line of medians; ratios are ours over theirs of runs beside each other, a baseline of 0 has none.

    Args:
        more: fields besides; better="lower" where a small ratio is good.
    """
    ratios = [one / other for one, other in zip(ours, theirs, strict=True) if other]
    figure: dict[str, Any] = {"name": name, "value": statistics.median(ours), "unit": unit}
    figure |= {"baseline": {"name": baseline, "value": statistics.median(theirs)}}
    figure |= {"ratio": statistics.median(ratios), "spread": [min(ratios), max(ratios)], "n": len(ratios)}
    print(json.dumps(figure | more), flush=True)
