"""A Prefect server for one command, where none was started with `make up`.

Prefect has one of its own for this, which a command that is killed leaves behind. This one hangs, like an engine, on a
pipe that only the command holds: it ends when the command does, however that ends. It keeps its runs in the database
of PREFECT_HOME, where `make up` shows them later.
"""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

from infra.server import HOST, STARTUP_SECONDS
from infra.up_state import home
from tasks.runtime.engines.engine import SUPERVISOR
from tasks.runtime.settings import ROOT

SERVER = ["-m", "uvicorn", "--factory", "infra.prefect_app:create_app"]
QUIET = ["--lifespan", "on", "--log-level", "error"]


class TemporaryServer:
    """`api` is its address for clients, PREFECT_API_URL, from the beginning; `start` starts it and waits."""

    def __init__(self) -> None:
        with socket.socket() as free:
            free.bind((HOST, 0))
            self.port = str(free.getsockname()[1])
        self.api = f"http://{HOST}:{self.port}/api"

    def start(self) -> None:
        """Return when it answers. Raises RuntimeError where it ended or takes longer than STARTUP_SECONDS."""
        home().mkdir(parents=True, exist_ok=True)
        self.log = home() / "temporary-server.log"
        # Never closed on purpose: the end of this process closes it, after everything else was reported to the server.
        lifeline, self._keep = os.pipe()
        quiet = {"PREFECT_UI_ENABLED": "0", "PREFECT__SERVER_EPHEMERAL": "1", "PREFECT__SERVER_FINAL": "1"}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*SUPERVISOR, str(lifeline), sys.executable, *SERVER, "--host", HOST, "--port", self.port, *QUIET],
                env=os.environ | quiet | {"PREFECT_HOME": str(home())},
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                pass_fds=(lifeline,),
            )
        os.close(lifeline)
        deadline = time.monotonic() + STARTUP_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                with urllib.request.urlopen(f"{self.api}/health", timeout=2):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        said = self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-5:]
        if (status := self.process.poll()) is None:
            how = f"was not ready within {STARTUP_SECONDS} s; try again where the machine was busy with other work"
        else:
            how = f"ended with status {status} before it was ready"
        raise RuntimeError(f"Prefect's server {how}. The end of {self.log}:\n" + "\n".join(said))
