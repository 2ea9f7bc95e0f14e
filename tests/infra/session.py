"""`make up` and `make down` with a folder and a port of their own."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil

from infra import server
from tests.conftest import ROOT

LOGIN = ("admin", "a-long-password")


class Session:
    """A folder, a port and a terminal of its own."""

    def __init__(self, folder: Path, login: tuple[str, str] | None = None) -> None:
        self.home = folder / "prefect"
        with socket.socket() as probe:
            probe.bind((server.HOST, 0))
            self.port = probe.getsockname()[1]
        self.environment = os.environ | {
            "PREFECT_HOME": str(self.home),
            "PREFECT_SERVER_API_PORT": str(self.port),
            "REWRITING_AGENT_STORE": str(folder / "store"),
        }
        for inherited in ("PREFECT_API_URL", "PREFECT_API_AUTH_STRING", "PREFECT_SERVER_API_AUTH_STRING"):
            self.environment.pop(inherited, None)
        if login:
            self.environment["PREFECT_SERVER_API_AUTH_STRING"] = ":".join(login)

    def start(self, verb: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "infra.server", verb],
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def __call__(self, verb: str) -> str:
        process = self.start(verb)
        said, _ = process.communicate(timeout=600)
        assert process.returncode == 0, said
        return said

    def state(self) -> dict[str, Any]:
        return dict(json.loads((self.home / "up.json").read_text()))

    def processes(self) -> list[psutil.Process]:
        """Everything that runs with this session's Prefect home."""
        found = []
        for process in psutil.process_iter():
            try:
                mine = process.environ().get("PREFECT_HOME") == str(self.home)
                if mine and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except psutil.Error:
                continue
        return found
