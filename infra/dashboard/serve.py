"""Serves the dashboard on loopback: from the command line, and beside Prefect for `make up`."""

import logging
import socket
import sys
from pathlib import Path

HOST, PORT = "127.0.0.1", 4280


def free_port(wanted: int = PORT) -> int:
    """`wanted` where it is free on loopback, else another one."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise OSError("no free port on loopback")


def serve(root: Path, wanted: int = PORT) -> None:
    """Serve the store in `root` until the process is told to end; says where."""
    import uvicorn  # here: `make up` asks this module for a port alone

    from infra.dashboard.app import create

    port = free_port(wanted)
    if wanted and port != wanted:
        print(f"port {wanted} is taken (--port names another): using {port}")
    print(f"dashboard: http://{HOST}:{port}  (Ctrl-C ends it)", flush=True)
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    uvicorn.run(create(root), host=HOST, port=port, log_level="warning", server_header=False)


if __name__ == "__main__":  # python -m infra.dashboard.serve PORT, by infra/server.py
    from tasks.runtime.settings import settings

    serve(settings().store, int(sys.argv[1]))
