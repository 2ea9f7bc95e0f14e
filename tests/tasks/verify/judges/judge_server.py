"""A real HTTP server that speaks the chat-completions protocol well or badly, as a test scripts it.

    with judge_server(lambda call, body: Answer(valid=True)) as server:
        OpenAIJudge(Endpoint(server.url, "model"), "name")

`call` counts requests from 0. Besides answers: a status with headers, half a body, no JSON, nothing at all, a reply
that comes late or byte after byte.
"""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Answer:
    """What the server does with one request."""

    valid: bool | None = True
    step: str | None = None
    text: str | None = None  # of the reply, instead of a verdict
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes | None = None  # the whole body
    cut: bool = False  # announce the whole body, send half
    hang_up: bool = False  # close without a byte
    late: float = 0.0  # seconds before the reply
    drip: float = 0.0  # seconds between bytes

    def body(self) -> bytes:
        if self.raw is not None:
            return self.raw
        if self.status != 200:
            return json.dumps({"error": {"message": f"scripted {self.status}"}}).encode()
        verdict = {"reason": "scripted", "first_wrong_step": self.step, "valid": self.valid}
        text = self.text if self.text is not None else json.dumps(verdict)
        message = {"role": "assistant", "content": text}
        usage = {"prompt_tokens": 100, "completion_tokens": 10}
        return json.dumps({"choices": [{"message": message, "finish_reason": "stop"}], "usage": usage}).encode()


Script = Callable[[int, dict[str, Any]], Answer]


class Server(ThreadingHTTPServer):
    """Keeps what it was asked: `bodies`, `headers`, `times`, and the most requests at once."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, script: Script, models: list[str]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.script, self.models = script, models
        self.lock = threading.Lock()
        self.bodies: list[dict[str, Any]] = []
        self.authorizations: list[str | None] = []
        self.times: list[float] = []
        self.at_once = self.most_at_once = 0
        self.url = f"http://127.0.0.1:{self.server_address[1]}/v1"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hung up is part of the tests."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        body = json.dumps({"data": [{"id": name} for name in self.server.models]}).encode()
        self._send(Answer(raw=body), body)

    def do_POST(self) -> None:
        server = self.server
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        with server.lock:
            call = len(server.bodies)
            server.bodies.append(body)
            server.authorizations.append(self.headers.get("authorization"))
            server.times.append(time.monotonic())
            server.at_once += 1
            server.most_at_once = max(server.most_at_once, server.at_once)
        try:
            answer = server.script(call, body)
            if answer.late:
                time.sleep(answer.late)
            if answer.hang_up:
                self.close_connection = True
                self.connection.close()
                return
            self._send(answer, answer.body())
        finally:
            with server.lock:
                server.at_once -= 1

    def _send(self, answer: Answer, body: bytes) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        if answer.cut:
            self.wfile.write(body[: len(body) // 2])
            self.wfile.flush()
            self.close_connection = True
            self.connection.close()
            return
        if answer.drip:
            for byte in body:
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
                time.sleep(answer.drip)
            return
        self.wfile.write(body)


@contextmanager
def judge_server(script: Script, models: list[str] | None = None) -> Iterator[Server]:
    """The server, running in threads of this process."""
    server = Server(script, ["model"] if models is None else models)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
