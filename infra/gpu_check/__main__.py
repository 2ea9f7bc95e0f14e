"""Runs the checks one after the other, each in a process of its own, and prints one JSON.

    python -m infra.gpu_check                    # the GPU, else the CPU with a tiny model
    python -m infra.gpu_check --only scorer --only sft --model path/to/a/model

What a package is missing for is skipped and named; what breaks is told and does not stop the rest. Status 1 where a
check failed.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from infra.gpu_check.checks import NEEDS, Setup, run
from infra.gpu_check.machine import machine
from infra.gpu_check.random_model import make
from infra.gpu_check.texts import NANO

# Check and model, in the order of what one wants to know first. `nano` is the trained toy backbone.
ON_CUDA = [("scorer", "135m"), ("sft", "135m"), ("grpo", "nano"), ("grpo_vllm", "nano"), ("reward", "135m"),
           ("embedder", "nano"), ("sft", "1b"), ("scorer", "1b"), ("grpo", "135m"), ("grpo_vllm", "135m")]  # fmt: skip
ON_CPU = [("scorer", "tiny"), ("sft", "tiny"), ("grpo", "nano"), ("reward", "tiny"), ("embedder", "nano")]


def main() -> None:
    said = arguments()
    if said.one:
        setup = Setup(said.device, said.one[1], Path(said.one[2]), Path(said.one[3]))
        Path(said.one[4]).write_text(json.dumps(run(said.one[0], setup)), encoding="utf-8")
        return
    about = machine()
    device = said.device or ("cuda" if about["gpus"] else "cpu")
    start, rows = time.monotonic(), []
    with tempfile.TemporaryDirectory() as folder:
        for name, size in plan(device, said.only, said.model):
            left = said.minutes * 60 - (time.monotonic() - start)
            row = attempt(name, size, device, said.model, Path(folder), left)
            print(f"{row['state']:8}{name} ({size}) {row.get('reason', '')}".rstrip(), file=sys.stderr, flush=True)
            rows.append(row)
    failed = [row for row in rows if row["state"] == "failed"]
    seconds = round(time.monotonic() - start, 1)
    print(json.dumps({"machine": about, "device": device, "seconds": seconds, "checks": rows}, indent=1))
    sys.exit(1 if failed else 0)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m infra.gpu_check", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--device", choices=["cpu", "cuda"], help="left out: the GPU where there is one")
    parser.add_argument("--only", action="append", choices=[*NEEDS], help="repeatable")
    parser.add_argument("--model", type=Path, help="a transformers folder instead of random weights")
    parser.add_argument("--minutes", type=float, default=8, help="what has not begun by then is skipped [8]")
    parser.add_argument("--one", nargs=5, help=argparse.SUPPRESS)
    return parser.parse_args()


def plan(device: str, only: list[str] | None, model: Path | None) -> list[tuple[str, str]]:
    """Checks with the size of their model; each once with the given model, where there is one."""
    pairs = [(name, size) for name, size in (ON_CUDA if device == "cuda" else ON_CPU) if not only or name in only]
    if model is None:
        return pairs
    return [(name, "given") for name in dict.fromkeys(name for name, _ in pairs)]


def attempt(name: str, size: str, device: str, model: Path | None, folder: Path, seconds: float) -> dict[str, Any]:
    """The check's row, from a process that ends with it: a device error or a leak reaches no other check."""
    row = {"check": name, "size": size}
    if seconds < 1:
        return row | {"state": "skipped", "reason": "no time left (--minutes)"}
    chosen = NANO / "model" if size == "nano" else model or make(size, folder / size)
    scratch = folder / f"{name}-{size}"
    scratch.mkdir()
    setup, out = Setup(device, size, chosen, scratch / "work"), scratch / "row.json"
    setup.folder.mkdir()
    values = [str(value) for value in asdict(setup).values()][1:]
    command = [sys.executable, "-m", "infra.gpu_check", "--device", device, "--one", name, *values, str(out)]
    try:
        # What libraries print stays out of the JSON.
        ended = subprocess.run(command, timeout=seconds, stdout=sys.stderr, check=False)
    except subprocess.TimeoutExpired:
        return row | {"state": "skipped", "reason": f"not done in the {seconds:.0f} s that were left (--minutes)"}
    if not out.exists():
        return row | {"state": "failed", "reason": f"its process ended with status {ended.returncode}: see above"}
    found: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    return found


if __name__ == "__main__":
    main()
