"""The dashboard in a real browser, as a person uses it: nothing stored acts on the page, nothing leaves loopback."""

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import uvicorn

from benchmarks._store import make_store
from infra.dashboard.app import create
from infra.dashboard.export import export_pages
from infra.dashboard.serve import HOST, free_port
from tasks.runtime.store.remarks import pinned

if TYPE_CHECKING:
    from playwright.sync_api import Page

Made = tuple[Path, dict[str, str]]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: make setup-dev")
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    found = next((path for name in names if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip(f"no browser on this machine: one of {', '.join(names)} must be in PATH")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def base(made: Made) -> Iterator[str]:
    """The address of a server on the hostile store."""
    with serving(made[0]) as address:
        yield address


@contextmanager
def serving(root: Path) -> Iterator[str]:
    port = free_port(0)
    server = uvicorn.Server(uvicorn.Config(create(root, login="", prefect=""), host=HOST, port=port, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        thread.join(0.05)
    yield f"http://{HOST}:{port}"
    server.should_exit = True
    thread.join()


@pytest.fixture
def page(browser: Any) -> Iterator["Page"]:
    """A tab that notes where it goes and what went wrong; both must be nothing in the end."""
    tab = browser.new_page()
    tab.set_default_timeout(60_000)
    tab.problems = []
    tab.on("pageerror", lambda error: tab.problems.append(str(error)))
    tab.on("console", lambda said: tab.problems.append(said.text) if said.type == "error" else None)
    tab.on(
        "request",
        lambda asked: (
            None if asked.url.startswith((f"http://{HOST}:", "file://", "data:,")) else tab.problems.append(asked.url)
        ),
    )
    yield tab
    assert tab.problems == []
    tab.close()


def hacked(page: "Page") -> bool:
    return bool(page.evaluate("window.hacked !== undefined || document.querySelector('main img') !== null"))


def test_a_score_is_followed_to_a_question_and_a_row_to_its_verdicts(page: "Page", base: str, made: Made) -> None:
    page.goto(base)
    assert page.locator("#table tbody tr").count() == 9  # eight runs and the base
    page.get_by_label("Search runs").fill("sdft")
    assert page.locator("#table tbody tr").count() == 3  # and the base that one of them was reported with
    page.get_by_label("method", exact=True).select_option("SDFT")
    assert page.locator("#table tbody tr").count() == 2
    assert page.locator("#plot circle").count() == 2  # the plot follows the table
    page.locator("#table thead th", has_text="general").click()
    assert page.locator("#table thead th[aria-sort=descending]").inner_text().startswith("general")
    first, second = (float(cell) for cell in page.locator("#table tbody td:nth-child(5) a").all_inner_texts())
    assert first >= second
    page.locator("#table tbody th a").first.click()
    assert "SDFT" in page.locator("h1").inner_text()
    page.get_by_role("row", name="nano_words").get_by_role("link", name="answers").click()
    page.get_by_role("link", name="forgotten").click()
    page.locator("tbody th a").first.click()
    assert page.locator("article.row").count() == 9 and "gold" in page.locator("main").inner_text()
    assert not hacked(page)
    page.goto(f"{base}/rows?key={made[1]['dataset:rewriting_agent/0']}&filter=fell+back")
    page.locator("article.row h3 a").first.click()
    assert "Fell back to the expert: wrong" in page.locator("main").inner_text()
    assert page.locator(".verdicts dd").first.inner_text().startswith("wrong: </script>")  # shown, as it was written
    assert not hacked(page)


def test_two_runs_are_chosen_and_compared(page: "Page", base: str) -> None:
    page.goto(base)
    page.get_by_label("method", exact=True).select_option("SFT")
    for box in page.get_by_label("choose to compare").all():
        box.check()
    page.get_by_role("button", name="Compare").click()
    assert "they part at finetune.seed" in page.locator(".lead").inner_text()
    assert page.locator("details summary").count() == 5  # of a benchmark each: what flipped
    page.goto(f"{base}/#method=base&sort=seed")  # the address keeps what was asked
    page.reload()
    assert page.locator("#table tbody tr").count() == 1
    page.get_by_label("choose to compare").check()
    page.get_by_label("method", exact=True).select_option("rewriting agent")
    page.get_by_label("choose to compare").first.check()
    page.get_by_role("button", name="Compare").click()
    assert "they part at" in page.locator(".lead").inner_text()
    page.locator("details:has(.ids a) summary").first.click()
    page.locator("details[open] .ids a").first.click()
    assert page.locator(".kicker").inner_text() == "Question"


def test_formulas_are_drawn_and_do_only_that(page: "Page", base: str, made: Made) -> None:
    page.goto(f"{base}/row?id=made_up%2F00001&dataset={made[1]['dataset:sft/0']}")
    assert page.locator(".katex").count() > 0
    assert page.locator(".katex .boxed, .katex .fbox").count() > 0  # \boxed{1} of the solution
    assert page.locator("main a[href^=javascript]").count() == 0  # \href is not trusted
    assert page.locator("main [style*=red]").count() == 0  # neither is \htmlStyle
    assert not hacked(page)


def test_no_stored_text_acts_on_any_page(page: "Page", base: str, made: Made) -> None:
    keys = made[1]
    run = page.request.get(base).text().split('"href":"/run?run=')[1][:12]
    addresses = (
        *("/", "/reports", "/artifacts", "/live", f"/run?run={run}", f"/questions?run={run}"),
        f"/report?key={keys['report:sdft/0']}",
        *(f"/artifact?key={keys[name]}" for name in ("corpus", "dataset:sdft/0", "scores/nano_words:sdft/0")),
        f"/artifacts?q=<script>window.hacked=1</script>&kind={'x' * 50}",
        *("/row?id=made_up%2F00003", "/question?id=nano_words%2F3"),
    )
    for address in addresses:
        page.goto(base + address)
        assert not hacked(page), address
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (
            f"{address} is wider than its window"
        )


def test_a_note_is_written_on_a_page_and_shown_as_text(page: "Page", tmp_path: Path) -> None:
    note = "</textarea><script>window.hacked=1</script><img src=x onerror=window.hacked=1>"
    keys = make_store(tmp_path / "store", runs=2)
    with serving(tmp_path / "store") as address:
        page.goto(f"{address}/artifact?key={keys['model:sft/0']}")
        page.get_by_label("Note").fill(note)
        page.get_by_label("pinned").check()
        page.get_by_role("button", name="Save").click()
        page.wait_for_url("**#remark")
        assert page.get_by_label("Note").input_value() == note and page.get_by_label("pinned").is_checked()
        assert not hacked(page)
        page.goto(address)
        row = page.locator("#table tbody tr", has_text="pinned; </textarea>")
        assert row.count() == 1 and not hacked(page)
        # A page of another origin posts the same form: the browser says so, and nothing is written.
        (tmp_path / "evil.html").write_text(
            f'<form method="post" action="{address}/remark"><input name="key" value="{keys["corpus"]}">'
            '<input name="pinned" value="1"><button>go</button></form>'
        )
        page.goto((tmp_path / "evil.html").as_uri())
        page.get_by_role("button", name="go").click()
        assert "from the dashboard's own pages alone" in page.locator("body").inner_text()
        assert pinned(tmp_path / "store") == {keys["model:sft/0"]}
        page.problems.clear()  # the browser reports the refusal as an error of the page


def test_an_export_is_read_from_disk(page: "Page", made: Made, tmp_path: Path) -> None:
    export_pages(made[0], tmp_path / "out", rows=3)
    page.goto((tmp_path / "out" / "index.html").as_uri())
    assert page.locator("#table tbody tr").count() == 9 and page.locator("#plot circle").count() == 9
    page.locator("#table tbody th a").first.click()
    assert page.locator("svg.lineage .node").count() > 5
    assert (
        page.evaluate("getComputedStyle(document.querySelector('header.site')).display") == "flex"
    )  # styles are there
    page.locator("svg.lineage a").first.click()
    assert "Artifact" in page.locator(".kicker").inner_text() and not hacked(page)
