"""Starts an engine of this interpreter's environment as the stage would, for tests that run inside it."""

import os
import subprocess
import sys
from pathlib import Path

from pydantic import BaseModel

ROOT = Path(__file__).resolve().parents[2]


def start(module: str, spec: BaseModel, out: Path, variables: dict[str, str]) -> "subprocess.Popen[str]":
    """The engine's process, in a session of its own, its output in out/scratch/log."""
    scratch = out / "scratch"
    scratch.mkdir(parents=True, exist_ok=True)
    path = scratch / "spec.json"
    path.write_text(spec.model_dump_json(), encoding="utf-8")
    offline = {"PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": ""}
    with (scratch / "log").open("a") as log:
        return subprocess.Popen(
            [sys.executable, "-m", module, str(path)],
            cwd=ROOT,
            env=os.environ | offline | {"TOKENIZERS_PARALLELISM": "false"} | variables,
            stdout=log,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )


def run(module: str, spec: BaseModel, out: Path, variables: dict[str, str]) -> str:
    """Run the engine to its end; returns its output. Fails with the end of the output where the engine does."""
    process = start(module, spec, out, variables)
    status = process.wait(timeout=500)
    output = (out / "scratch" / "log").read_text(encoding="utf-8")
    assert status == 0, f"{module} ended with {status}:\n{output[-4000:]}"
    return output
