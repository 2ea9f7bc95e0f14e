"""Pins and notes are written from the dashboard's own pages over loopback alone, and are text wherever they show."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from starlette.testclient import TestClient

from benchmarks._store import make_store
from infra.dashboard.app import create
from infra.dashboard.export import export_pages
from tasks.runtime.store.remarks import Remark, remarks

if TYPE_CHECKING:
    from httpx2 import Response

HERE = "http://127.0.0.1:4280"
HOSTILE = "</textarea><script>window.hacked=1</script><img src=x onerror=window.hacked=1>"


@pytest.fixture
def own(tmp_path: Path) -> tuple[Path, dict[str, str]]:
    return tmp_path / "store", make_store(tmp_path / "store", runs=2)


def post(
    root: Path, headers: dict[str, str], data: dict[str, str], base: str = HERE, client: str = "127.0.0.1"
) -> "Response":
    app = create(root, login="", prefect="")
    with TestClient(app, base_url=base, client=(client, 50000)) as browser:
        return browser.post("/remark", headers=headers, data=data, follow_redirects=False)


def test_a_note_is_kept_shown_everywhere_and_nothing_in_it_acts(own: tuple[Path, dict[str, str]]) -> None:
    root, keys = own
    key = keys["model:sft/0"]
    answer = post(root, {"Origin": HERE}, {"key": key, "pinned": "1", "note": HOSTILE})
    assert (answer.status_code, answer.headers["location"]) == (303, f"/artifact?key={key}#remark")
    assert remarks(root) == {key: Remark(pinned=True, note=HOSTILE)}
    client = TestClient(create(root, login="", prefect=""), base_url=HERE)
    (run,) = [row["id"] for row in _rows(client) if row["cells"]["note"] == f"pinned; {HOSTILE}"]
    for address in (f"/artifact?key={key}", "/", f"/run?run={run}", "/artifacts", "/artifacts?q=hacked"):
        page = client.get(address).text
        assert "hacked" in page and "<script>window" not in page and "<img" not in page, address
    post(root, {"Origin": HERE}, {"key": key, "note": ""})
    assert remarks(root) == {} and "checked" not in client.get(f"/artifact?key={key}").text


def _rows(client: TestClient) -> list[dict[str, dict[str, str]]]:
    import json
    import re

    block = re.search(r'id="data">(.*?)</script>', client.get("/").text, re.DOTALL)
    assert block is not None
    found: list[dict[str, dict[str, str]]] = json.loads(block[1])["rows"]
    return found


@pytest.mark.parametrize(
    ("headers", "base", "client"),
    [
        ({}, HERE, "127.0.0.1"),
        ({"Origin": "null"}, HERE, "127.0.0.1"),
        ({"Origin": "https://elsewhere.example"}, HERE, "127.0.0.1"),
        ({"Origin": "http://127.0.0.1:9999"}, HERE, "127.0.0.1"),
        ({"Origin": "http://localhost:4280"}, HERE, "127.0.0.1"),
        ({"Origin": HERE, "Sec-Fetch-Site": "cross-site"}, HERE, "127.0.0.1"),
        ({"Origin": HERE, "Sec-Fetch-Site": "same-site"}, HERE, "127.0.0.1"),
        ({"Origin": HERE, "Content-Type": "text/plain"}, HERE, "127.0.0.1"),
        ({"Origin": HERE}, HERE, "192.0.2.7"),
    ],
)
def test_what_another_page_or_machine_sends_is_refused(
    own: tuple[Path, dict[str, str]], headers: dict[str, str], base: str, client: str
) -> None:
    root, keys = own
    answer = post(root, headers, {"key": keys["corpus"], "pinned": "1", "note": "forged"}, base, client)
    assert answer.status_code == 403 and remarks(root) == {}


def test_a_rebound_name_is_refused_though_its_origin_agrees(own: tuple[Path, dict[str, str]]) -> None:
    root, keys = own
    rebound = "http://rebound.example:4280"
    answer = post(
        root, {"Origin": rebound, "Sec-Fetch-Site": "same-origin"}, {"key": keys["corpus"], "pinned": "1"}, rebound
    )
    assert answer.status_code == 400 and remarks(root) == {}


def test_what_cannot_be_kept_is_told(own: tuple[Path, dict[str, str]]) -> None:
    root, keys = own
    assert post(root, {"Origin": HERE}, {"key": "../../x", "note": "n"}).status_code == 404
    long = post(root, {"Origin": HERE}, {"key": keys["corpus"], "note": "x" * 3000})
    assert long.status_code == 400 and "up to 2,000 characters" in long.text
    assert post(root, {"Origin": HERE}, {"key": keys["corpus"], "note": "x" * 40_000}).status_code == 413
    assert remarks(root) == {}
    assert TestClient(create(root, login=""), base_url=HERE).get("/remark").status_code == 404


def test_an_export_shows_them_and_has_no_form(own: tuple[Path, dict[str, str]], tmp_path: Path) -> None:
    root, keys = own
    post(root, {"Origin": HERE}, {"key": keys["model:sft/0"], "pinned": "1", "note": "the one in the talk"})
    export_pages(root, tmp_path / "out", rows=1)
    pages = [path.read_text(encoding="utf-8") for path in (tmp_path / "out").glob("*.html")]
    assert not any("<form" in page and "remark" in page for page in pages)
    assert sum("the one in the talk" in page for page in pages) >= 3
