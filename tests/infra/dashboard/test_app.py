"""The server reads, refuses what comes from elsewhere, and shows hostile text as text on every page."""

import base64
import html
import re
from collections import Counter, deque
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from infra.dashboard.app import create
from tasks.runtime.store.store import Manifest, Store

Made = tuple[Path, dict[str, str]]


def links(page: str) -> list[str]:
    found = [html.unescape(one) for one in re.findall(r'href="(/[^"]*)"', page)]
    block = re.search(r'id="data">(.*?)</script>', page, re.DOTALL)
    return found + re.findall(r'"href":"(/[^"]*)"', block[1].replace("\\u0026", "&") if block else "")


def test_every_page_that_is_linked_to_is_there_and_holds_no_markup_of_a_model(client: TestClient) -> None:
    seen: set[str] = set()
    waiting, count = deque(["/", "/live"]), Counter[str]()
    while waiting:
        address = waiting.popleft()
        kind = address.split("?")[0]
        if address in seen or count[kind] >= 12 or kind.startswith("/assets"):
            continue
        seen.add(address)
        count[kind] += 1
        answer = client.get(address)
        assert answer.status_code == 200, address
        if not answer.headers["content-type"].startswith("text/html") or kind == "/file":
            continue
        assert "<img" not in answer.text and "window.hacked=1</script>" not in answer.text, address
        assert not re.search(r"<[^>]* (style|on\w+)=", answer.text), f"{address} needs what its policy forbids"
        assert all("src=" in tag or "application/json" in tag for tag in re.findall(r"<script[^>]*>", answer.text))
        waiting += links(answer.text)
    assert {"/report", "/run", "/artifact", "/rows", "/row", "/questions", "/question", "/compare", "/file"} <= set(
        count
    )


def test_answers_carry_the_policy_and_nothing_may_be_framed_or_sent(client: TestClient) -> None:
    headers = client.get("/").headers
    policy = headers["content-security-policy"]
    assert "default-src 'self'" in policy and "unsafe" not in policy and "http" not in policy
    assert "frame-ancestors 'none'" in policy and headers["x-content-type-options"] == "nosniff"
    assert client.post("/").status_code == 405 and client.delete("/artifacts").status_code == 405


def test_a_page_of_the_internet_that_names_itself_gets_nothing(made: Made) -> None:
    app = create(made[0], login="", prefect="")
    assert TestClient(app, base_url="http://rebound.example").get("/").status_code == 400
    assert TestClient(app, base_url="http://127.0.0.1:4280").get("/health").status_code == 200
    assert TestClient(app, base_url="http://localhost:4280").get("/health").status_code == 200


def test_the_login_is_prefects(made: Made) -> None:
    client = TestClient(create(made[0], login="admin:a-long-password"), base_url="http://127.0.0.1")
    refused = client.get("/")
    assert refused.status_code == 401 and refused.headers["www-authenticate"].startswith("Basic")
    assert "content-security-policy" in refused.headers and "runs" not in refused.text.lower()
    assert client.get("/assets/dashboard.css").status_code == 401
    assert client.get("/", auth=("admin", "a-long-password")).status_code == 200
    wrong = base64.b64encode(b"admin:another").decode()
    assert client.get("/", headers={"Authorization": f"Basic {wrong}"}).status_code == 401


@pytest.mark.parametrize("path", ["../../../etc/passwd", "/etc/passwd", "manifest.json", "../manifest.json", "nothing"])
def test_only_files_that_the_manifest_lists_are_served(client: TestClient, made: Made, path: str) -> None:
    assert client.get("/file", params={"key": made[1]["corpus"], "path": path}).status_code == 404


def test_a_link_out_of_an_artifact_is_not_followed(made: Made, tmp_path: Path) -> None:
    from benchmarks._store import make_store

    root, keys = tmp_path / "store", make_store(tmp_path / "store", runs=1)
    (tmp_path / "secret").write_text("secret")
    rows = root / "artifacts" / keys["corpus"] / "rows.jsonl"
    rows.unlink()
    rows.symlink_to(tmp_path / "secret")
    client = TestClient(create(root, login=""), base_url="http://127.0.0.1")
    answer = client.get("/file", params={"key": keys["corpus"], "path": "rows.jsonl"})
    assert answer.status_code == 404 and "secret" not in answer.text


def test_an_artifact_says_what_it_cost_in_the_units_of_each(tmp_path: Path) -> None:
    home, key, earlier = Store(tmp_path / "store"), "5" * 32, "6" * 32
    cost = {"core_seconds": 90.0, "gpu_seconds": 0.0}
    for one, told in ((key, cost | {"gib": 2, "peak_bytes": 3 * 2**29}), (earlier, cost)):
        made = Manifest(kind="score", key=one, timings={"started": 1.0, "seconds": 45.0}, cost=told)
        made.environment = {"name": "core", "lock": ""}
        with home.lock(one):
            home.partial(one).mkdir(parents=True)
            home.publish(made)
    client = TestClient(create(home.root, login=""), base_url="http://127.0.0.1")
    page = re.sub(r"<[^>]+>", "", client.get("/artifact", params={"key": key}).text)
    assert "of cores 1 min 30 s" in page and "of GPUs" not in page
    assert "its largest process held 1.5 of 2 GiB" in page
    assert "its largest process" not in client.get("/artifact", params={"key": earlier}).text


def test_files_are_text_and_a_report_runs_nothing(client: TestClient, made: Made) -> None:
    rows = client.get("/file", params={"key": made[1]["corpus"], "path": "rows.jsonl"})
    assert rows.headers["content-type"].startswith("text/plain")
    report = client.get("/file", params={"key": made[1]["report:sft/0"], "path": "report.html"})
    policy = report.headers["content-security-policy"]
    assert policy.startswith("sandbox") and "allow-scripts" not in policy and "default-src 'none'" in policy


def test_what_is_not_there_is_a_page_that_says_so(client: TestClient) -> None:
    for address in (
        "/nowhere",
        "/run?run=<script>",
        "/artifact?key=",
        "/rows?key=..%2f..",
        "/compare?run=x",
        "/question",
    ):
        answer = client.get(address)
        assert answer.status_code == 404 and "Not found" in answer.text and "<script>" not in answer.text, address
