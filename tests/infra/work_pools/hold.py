"""A flow for the worker's tests: the first attempt holds on, in an engine; a later one sees that and ends."""

import subprocess
import sys
from pathlib import Path

from prefect import flow


@flow(name="hold")
def hold(mark: str) -> None:
    """Hold on where `mark` is not there yet; leave the engine's process number in it."""
    if not Path(mark).exists():
        engine = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        Path(mark).write_text(str(engine.pid))
        engine.wait()
