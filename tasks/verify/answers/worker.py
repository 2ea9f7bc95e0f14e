"""A slot of the pool: one child that compares, or none yet, and what it has been sent.

In:  send(("\\frac{1}{2}", "0.5"))
Out: read() == '{"same": true, "reason": "…"}\\n' once its reply is whole
"""

import contextlib
import json
import socket
import time


class Worker:
    """One child process on the other end of `connection`."""

    def __init__(self) -> None:
        self.connection: socket.socket | None = None
        self.pid = 0
        self.rows = 0
        self.limit = 1
        self.buffer = b""
        self.started = 0.0

    def connect(self, connection: socket.socket, pid: int, limit: int) -> None:
        """Take a new child, of which at most `limit` rows are asked."""
        self.connection, self.pid, self.limit, self.rows, self.buffer = connection, pid, limit, 0, b""

    def disconnect(self) -> None:
        """Close the connection, if there is one: the child ends."""
        if self.connection is not None:
            with contextlib.suppress(OSError):
                self.connection.close()
            self.connection = None

    def send(self, row: tuple[str, str]) -> bool:
        """Ask for one row (reference, answer); False where the child is gone."""
        assert self.connection is not None
        try:
            self.connection.sendall(json.dumps({"gold": row[0], "answer": row[1]}).encode() + b"\n")
        except OSError:
            return False
        self.rows += 1
        self.started = time.monotonic()
        return True

    def read(self) -> str | None:
        """A whole reply, "" where more is to come, None where the child is gone."""
        assert self.connection is not None
        try:
            part = self.connection.recv(65536)
        except OSError:
            part = b""
        if not part:
            return None
        self.buffer += part
        if not self.buffer.endswith(b"\n"):
            return ""
        reply, self.buffer = self.buffer.decode(), b""
        return reply
