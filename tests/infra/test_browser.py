"""What a user does in a browser, on a real server: from the form to a run, its report, its lineage, and a schedule.

In:  the system's Chromium, driven by Playwright; `make up` with a folder of its own
Out: everything is still there after `make down up`, and no page has asked anybody but the server
"""

import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tasks.report.report import PAGE
from tasks.runtime.store.store import Artifact, Store
from tests.flows.small import SMALL
from tests.infra.session import Session

CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
SLOWLY = 120_000  # ms: what a page may take on a loaded machine
RUN_SECONDS = 900

pytestmark = [
    pytest.mark.timeout(2400),
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: `apt-get install chromium` runs these tests"),
]


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory, small_run: tuple[Path, Artifact]) -> Iterator[Session]:
    """`make up` with a store in which a small run of the rewriting agent lies already."""
    made = Session(tmp_path_factory.mktemp("up"))
    shutil.copytree(small_run[0], made.environment["REWRITING_AGENT_STORE"])
    made("up")
    yield made
    made("down")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        # As root, in a container, Chromium has no sandbox of its own; the pages are this server's alone.
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield launched
        launched.close()


@pytest.fixture
def asked() -> list[str]:
    """Whom the pages have asked: every request that left a page, by host."""
    return []


@pytest.fixture
def said() -> list[str]:
    """Errors on the pages' consoles."""
    return []


@pytest.fixture
def page(browser: Browser, session: Session, asked: list[str], said: list[str]) -> Iterator[Page]:
    context = browser.new_context(base_url=f"http://127.0.0.1:{session.port}", viewport={"width": 1280, "height": 1400})
    opened = context.new_page()
    opened.set_default_timeout(SLOWLY)
    context.on("request", lambda request: asked.append(urlsplit(request.url).netloc))
    opened.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    expect.set_options(timeout=SLOWLY)
    yield opened
    context.close()


def open_deployment(page: Page, name: str = "nano") -> None:
    page.goto("/v2/deployments")
    page.get_by_placeholder("Search deployments").fill(name)
    page.get_by_role("link", name=name, exact=True).first.click()
    page.get_by_role("tab", name="Runs").wait_for()


def open_form(page: Page, name: str = "nano") -> None:
    open_deployment(page, name)
    page.get_by_role("button", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Custom run").click()
    page.get_by_role("button", name="Select method").wait_for()


def test_no_page_asks_anybody_but_the_server_and_none_promotes(
    page: Page, session: Session, asked: list[str], said: list[str]
) -> None:
    for path in ("/v2/dashboard", "/v2/runs", "/v2/deployments", "/v2/settings", "/dashboard", "/runs", "/deployments"):
        page.goto(path)
        page.wait_for_load_state("networkidle")
        expect(page.get_by_text("Deployments").first).to_be_visible()
        for promotion in ("Upgrade", "Ready to scale", "Join the community"):
            expect(page.get_by_text(promotion)).to_have_count(0)  # until it has read its settings V2 shows it
    nobody_else(session, asked, said)


def nobody_else(session: Session, asked: list[str], said: list[str]) -> None:
    """The pages have asked this machine alone, and the policy has refused nothing but the one host it is there for."""
    assert {urlsplit(f"//{host}").hostname for host in asked if host} == {"127.0.0.1"}  # the dashboard has its own port
    refused = {urlsplit(url).netloc for one in said for url in re.findall(r"https?://[^\s'\"]+", one)}
    assert refused - {f"127.0.0.1:{session.port}"} <= {"sr-client-cfg.amplitude.com"}, "the policy breaks nothing else"
    violations = [one for one in said if "Content Security Policy" in one and "amplitude.com" not in one]
    assert violations == []


def test_the_form_fits_a_page_and_refuses_a_wrong_name_with_the_right_one(page: Page) -> None:
    open_form(page)
    form = page.locator("form").bounding_box()
    assert form is not None and form["height"] < 1700, "it was 17,648 px with every field of the experiment"
    page.get_by_role("button", name="Add item").nth(1).click()
    page.locator("form textarea").first.fill("sample.row=500")
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_text("no field sample.row: did you mean sample.rows?")).to_be_visible()


def test_the_form_leads_to_the_plan(page: Page) -> None:
    open_form(page)
    page.goto(page.url.replace("/v2/", "/"))  # the first version of the pages shows a question's Markdown
    link = page.get_by_role("link", name="plan-of-a-run").get_attribute("href")
    assert link is not None
    page.goto(link)
    expect(page.get_by_text("1 Deployment", exact=True)).to_be_visible()
    page.get_by_role("link", name="plan-of-a-run").click()
    expect(page.get_by_role("button", name="Run", exact=True)).to_be_visible()


def test_a_user_runs_compares_follows_a_number_and_schedules_all_over_down_and_up(
    page: Page, session: Session, asked: list[str], said: list[str]
) -> None:
    open_form(page)
    page.get_by_role("button", name="Select method").click()
    page.get_by_role("option", name="sft", exact=True).click()
    page.locator("form input[type=number]").fill("1")
    page.get_by_role("button", name="Add item").nth(1).click()
    page.locator("form textarea").first.fill("\n".join(f"{name}={value}" for name, value in SMALL.items()))
    page.get_by_role("button", name="Submit").click()
    page.get_by_role("link", name="nano-sft-seed-1").first.click()
    watch(page)
    run = page.url
    for url in (run.replace("/v2/", "/"), run):  # V1's page, then V2's
        page.goto(url)
        expect(page.locator("canvas").first).to_be_visible()  # the graph of the run
    expect(page.get_by_text("backbone:nano").first).to_be_visible()
    see_picture(page, "finetune-nano-sft", "loss over the steps")
    see_picture(page, "lineage-nano-sft", "what the report was made from")
    page.goto(run)
    report = read_report(page, session)
    with page.context.new_page() as dashboard:
        compare_with_the_run_before(dashboard, dashboard_of(page))
        follow_a_score_to_a_question(dashboard, dashboard_of(page))
        follow_a_row_to_its_verdicts(dashboard, dashboard_of(page))

    open_deployment(page)
    page.get_by_role("switch", name="toggle At 02:00 AM, only on Saturday").click()
    see_next_run(page)

    session("down")
    session("up")
    open_deployment(page)
    expect(page.get_by_role("switch", name="toggle At 02:00 AM, only on Saturday")).to_be_checked()
    see_next_run(page)
    page.get_by_role("tab", name="Runs").click()
    page.get_by_role("link", name="nano-sft-seed-1").first.click()
    assert read_report(page, session) == report
    nobody_else(session, asked, said)


def watch(page: Page) -> None:
    """Wait on the run's page until it has ended, as the page says."""
    deadline = time.monotonic() + RUN_SECONDS
    ends = re.compile("^(Completed|Failed|Crashed|Cancelled)$")
    while not page.get_by_text(ends).count():
        assert time.monotonic() < deadline, page.inner_text("body")
        page.wait_for_timeout(1000)
    expect(page.get_by_text("Completed", exact=True).first).to_be_visible()


def read_report(page: Page, session: Session) -> str:
    """Open the run's artifact `report`, then the page that it names; returns that page's text."""
    page.get_by_role("tab", name="Artifacts").click()
    page.locator("a[href*='/artifacts/key/report-nano']").click()
    page.locator("a[href*='/artifacts/artifact/']").first.click()  # the newest
    shown = page.get_by_text(re.compile(r"The whole report: ")).first
    path = Path(shown.inner_text().rpartition(", ")[2].strip("` "))
    assert path.name == PAGE and Store(Path(session.environment["REWRITING_AGENT_STORE"])).root in path.parents
    dashboard = shown.get_by_role("link", name="in the dashboard").get_attribute("href")
    with page.context.new_page() as opened:
        opened.goto(str(dashboard))
        expect(opened.get_by_text(path.parent.name[:8]).first).to_be_visible()
        opened.goto(path.as_uri())
        text = opened.inner_text("body")
    assert "nano" in text
    return text


def see_picture(page: Page, key: str, alt: str) -> None:
    """The newest artifact of `key` shows a picture that the dashboard drew, in both of Prefect's pages."""
    run = page.url.partition("?")[0]
    page.get_by_role("tab", name="Artifacts").click()
    page.locator(f"a[href*='/artifacts/key/{key}']").click()
    page.locator("a[href*='/artifacts/artifact/']").first.click()
    page.wait_for_url("**/artifacts/artifact/*")
    for url in (page.url, page.url.replace("/v2/", "/")):
        page.goto(url)
        drawn = page.get_by_alt_text(alt)
        expect(drawn).to_be_visible()
        page.wait_for_function("picture => picture.complete && picture.naturalWidth > 100", arg=drawn.element_handle())
    page.goto(run)


def dashboard_of(page: Page) -> str:
    """The dashboard's address, as the run's report names it."""
    href = page.get_by_role("link", name="in the dashboard").first.get_attribute("href")
    return str(href).partition("/report?")[0]


def compare_with_the_run_before(page: Page, dashboard: str) -> None:
    page.goto(dashboard)
    page.get_by_label("method", exact=True).select_option("SFT")
    boxes = page.get_by_label("choose to compare").all()
    assert len(boxes) == 2, "the run of this test and the one that was in the store"
    for box in boxes:
        box.check()
    page.get_by_role("button", name="Compare").click()
    expect(page.locator(".lead")).to_contain_text("they part at finetune.seed")
    assert page.locator("details summary").count() == 5  # of a benchmark each: what flipped


def follow_a_score_to_a_question(page: Page, dashboard: str) -> None:
    page.goto(dashboard)
    page.get_by_label("method", exact=True).select_option("SFT")
    page.locator("#table tbody th a").first.click()
    page.get_by_role("row", name="nano_words").get_by_role("link", name="answers").click()
    page.locator("tbody th a").first.click()
    expect(page.locator(".kicker")).to_have_text("Question")
    assert page.locator("article.row").count() == 4  # the base, the agent's model and SFT's two


def follow_a_row_to_its_verdicts(page: Page, dashboard: str) -> None:
    page.goto(dashboard)
    page.get_by_label("method", exact=True).select_option("rewriting agent")
    page.locator("#table tbody th a").first.click()
    page.get_by_role("link", name="training rows").click()
    page.locator("article.row h3 a").first.click()
    expect(page.locator(".verdicts").first).to_be_visible()


def see_next_run(page: Page) -> None:
    page.get_by_role("tab", name="Upcoming").click()
    expect(page.get_by_role("link", name="nano-rewriting_agent-seed-next").first).to_be_visible()
