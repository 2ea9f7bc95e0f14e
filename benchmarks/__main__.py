"""`make bench` runs every benchmark, `make bench BENCH=nll` one; each prints one JSON line a figure:

    {"name": "nll", "value": 812.0, "unit": "rows/s", "baseline": {"name": "padded loop", "value": 301.0},
     "ratio": 2.7, "spread": [2.5, 2.9], "n": 7}

`make bench BENCH=stage_overhead` runs cached_rerun, which prints that figure from its first run.

`ratio` is the median over the repetitions, `spread` their range, `n` their number.
"""

import subprocess
import sys
from pathlib import Path

from tasks.runtime.settings import ROOT, settings

HERE = Path(__file__).resolve().parent
PRINTED_BY = {"stage_overhead": "cached_rerun"}  # figures that come from another benchmark's run
# The others run in core.
ENVIRONMENT = {"nll": "inference", "grpo_step": "inference", "sampling": "inference", "sft": "sft"}


def names() -> list[str]:
    """Every benchmark, by the name of its module."""
    return sorted(path.stem for path in HERE.glob("*.py") if not path.stem.startswith("_"))


def main() -> None:
    asked = list(dict.fromkeys(PRINTED_BY.get(name, name) for name in sys.argv[1:] or names()))
    if unknown := set(asked) - set(names()):
        known = ", ".join(sorted({*names(), *PRINTED_BY}))
        sys.exit(f"no benchmark {', '.join(sorted(unknown))}: there are {known}")
    failed = []
    for name in asked:
        python = settings().environments / ENVIRONMENT.get(name, "core") / "bin" / "python"
        if subprocess.run([str(python), "-m", f"benchmarks.{name}"], cwd=ROOT).returncode:
            failed.append(name)
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
