"""`make bench` runs every benchmark, `make bench BENCH=nll` one; each prints one JSON line a figure:

    {"name": "nll", "value": 812.0, "unit": "rows/s", "baseline": {"name": "padded loop", "value": 301.0},
     "ratio": 2.7, "spread": [2.5, 2.9], "n": 7}

`make bench BENCH=stage_overhead` runs cached_rerun, which prints that figure from its first run. With `KEEP=1` the
figures are written to benchmarks/results, to be committed; `make bench-check` compares with these and fails where a
ratio fell by a tenth.

`ratio` is the median over the repetitions, `spread` their range, `n` their number.
"""

import argparse
import subprocess
import sys
from pathlib import Path

from benchmarks._results import RESULTS, figures_in, keep, worse
from tasks.runtime.settings import ROOT, settings

HERE = Path(__file__).resolve().parent
PRINTED_BY = {"stage_overhead": "cached_rerun"}  # figures that come from another benchmark's run
# The others run in core.
ENVIRONMENT = {
    "nll": "inference",
    "grpo_step": "inference",
    "one_adapter": "inference",
    "sampling": "inference",
    "sft": "sft",
}


def names() -> list[str]:
    """Every benchmark, by the name of its module."""
    return sorted(path.stem for path in HERE.glob("*.py") if not path.stem.startswith("_"))


def main() -> None:
    asked = argparse.ArgumentParser(description="Run benchmarks; without names all of them.")
    asked.add_argument("names", nargs="*")
    asked.add_argument("--keep", action="store_true", help="write the figures to benchmarks/results")
    asked.add_argument("--check", action="store_true", help="fail where a ratio is a tenth worse than the kept one")
    given = asked.parse_args()
    kept = sorted(path.stem for path in RESULTS.glob("*.json"))
    wanted = given.names or (kept if given.check else names())
    chosen = list(dict.fromkeys(PRINTED_BY.get(name, name) for name in wanted))
    if unknown := set(chosen) - set(names()):
        known = ", ".join(sorted({*names(), *PRINTED_BY}))
        sys.exit(f"no benchmark {', '.join(sorted(unknown))}: there are {known}")
    failed = []
    for name in chosen:
        code, lines = run(name)
        if code:
            failed.append(f"{name} ended with {code}")
        elif given.keep:
            print(f"kept in {keep(name, figures_in(lines)).relative_to(ROOT)}")
        elif given.check:
            failed += worse(name, figures_in(lines))
    if failed:
        sys.exit("failed:\n" + "\n".join(failed))


def run(name: str) -> tuple[int, list[str]]:
    """Run one benchmark in its environment; what it prints is shown as it comes, and returned."""
    python = settings().environments / ENVIRONMENT.get(name, "core") / "bin" / "python"
    lines = []
    with subprocess.Popen(
        [str(python), "-m", f"benchmarks.{name}"], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            lines.append(line)
    return process.returncode, lines


if __name__ == "__main__":
    main()
