"""Every answer of the server forbids the browser to ask anybody else, and a page shows no invitation."""

from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from infra.loopback_only import STYLE, LoopbackOnly


@pytest.fixture
def client(tmp_path: Path) -> TestClient:
    page = tmp_path / "index.html"
    page.write_text("<html><body>runs</body></html>")

    def cookies(request: object) -> Response:
        answer = JSONResponse({"a": 1})
        answer.set_cookie("a", "1")
        answer.set_cookie("b", "2")
        return answer

    routes = [Route("/", lambda _: FileResponse(page)), Route("/api", cookies)]
    return TestClient(LoopbackOnly(Starlette(routes=routes)))


def test_every_answer_has_the_policy(client: TestClient) -> None:
    for path in ("/", "/api", "/nothing"):
        assert "connect-src 'self'" in client.get(path).headers["content-security-policy"]


def test_a_page_carries_the_style_and_its_length_is_right(client: TestClient) -> None:
    answer = client.get("/")
    assert answer.content == b"<html><body>runs</body></html>" + STYLE
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert client.head("/").content == b""


def test_what_is_no_page_is_as_it_was(client: TestClient) -> None:
    answer = client.get("/api")
    assert answer.json() == {"a": 1}
    assert len(answer.headers.get_list("set-cookie")) == 2
