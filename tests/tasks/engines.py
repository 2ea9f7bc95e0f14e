"""Engines of this interpreter's environment, for tests that run inside it."""

import os
import subprocess
import sys
from pathlib import Path

from pydantic import BaseModel

from tasks.runtime.progress.progress import Progress, handled_by

ROOT = Path(__file__).resolve().parents[2]


def start(module: str, spec: BaseModel, out: Path, variables: dict[str, str]) -> "subprocess.Popen[str]":
    """The engine's process, in a session of its own and without a supervisor, its output in `output(module, out)`."""
    scratch = out / "scratch"
    scratch.mkdir(parents=True, exist_ok=True)
    path = scratch / "spec.json"
    path.write_text(spec.model_dump_json(), encoding="utf-8")
    offline = {"PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": ""}
    with output(module, out).open("a") as log:
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
    """Run the engine to its end; returns its output, then what it told. Fails where the engine does.

    In the inference environment as its stage does, forked. In SFT's, which has no settings, as a process of its own.
    """
    if Path(sys.prefix).name == "inference":
        from tasks.runtime.engines import engine

        told: list[Progress] = []
        with handled_by(told.append):
            engine.run("inference", module, spec, out, variables)
        return output(module, out).read_text(encoding="utf-8") + "\n".join(progress.line() for progress in told)
    status = start(module, spec, out, variables).wait(timeout=500)
    said = output(module, out).read_text(encoding="utf-8")
    assert status == 0, f"{module} ended with {status}:\n{said[-4000:]}"
    return said


def output(module: str, out: Path) -> Path:
    """What an engine said."""
    return out / "scratch" / f"{module}.log"
