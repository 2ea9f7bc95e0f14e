"""A busy server is asked again; what it says at last stands."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from infra.api import client

Answers = list[tuple[int, dict[str, str]]]


@pytest.fixture
def server() -> Iterator[tuple[str, Answers, list[bytes]]]:
    """Its address, the answers that it still has to give, and the bodies that it was sent."""
    answers: Answers = []
    bodies: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            status, headers = answers.pop(0)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}/api", answers, bodies
        running.shutdown()


def test_a_busy_server_gets_the_same_request_again(server: tuple[str, Answers, list[bytes]]) -> None:
    address, answers, bodies = server
    answers += [(503, {"Retry-After": "0"}), (429, {"Retry-After": "0"}), (201, {})]
    with client(address) as api:
        assert api.post("/queues", json={"name": "high"}).status_code == 201
    assert [json.loads(body) for body in bodies] == [{"name": "high"}] * 3


@pytest.mark.parametrize("status", [404, 409, 422, 500])
def test_another_answer_stands_at_once(server: tuple[str, Answers, list[bytes]], status: int) -> None:
    address, answers, bodies = server
    answers += [(status, {})]
    with client(address) as api:
        assert api.post("/queues", json={}).status_code == status
    assert len(bodies) == 1


def test_a_server_that_stays_busy_is_told_of(server: tuple[str, Answers, list[bytes]]) -> None:
    address, answers, bodies = server
    answers += [(503, {"Retry-After": "0"})] * 6
    with client(address) as api:
        assert api.post("/queues", json={}).status_code == 503
    assert len(bodies) == 6
