"""The dashboard's server: `uvicorn --factory infra.dashboard.app:create`, or `rewriting-agent dashboard`.

GET /run?run=3f2a91c07b5d -> the page `run`; /file?key=…&path=… -> a file of an artifact; /figure?key=…&name=curves -> a
picture for Prefect's page; /assets/… -> styles, scripts

It only reads, but for pins and notes (remark_form.py). It is meant for loopback: requests for another host name are
refused (a page of the internet that points its own name at 127.0.0.1 gets nothing), nothing is loaded from elsewhere,
no inline script runs, and with PREFECT_SERVER_API_AUTH_STRING=user:password it asks for a login as Prefect does.
"""

import base64
import mimetypes
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from infra.dashboard.figure import FIGURES
from infra.dashboard.live import live_page
from infra.dashboard.pages import PAGES
from infra.dashboard.remark_form import answer_remark
from infra.dashboard.site import HERE, Site
from tasks.report.figures.style import PAGE_CSS
from tasks.runtime.settings import settings
from tasks.runtime.store.names import REPORTS

HOSTS = ["127.0.0.1", "localhost"]
# What a stored text could ask for, a script, a style, a picture from elsewhere, is refused by the browser too.
POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
# A report is one file with its styles within; it runs nothing, wherever it comes from.
REPORT_POLICY = "sandbox allow-popups; default-src 'none'; style-src 'unsafe-inline'; img-src data:"
FIGURE_HEADERS = {
    "Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'",
    "Cross-Origin-Resource-Policy": "cross-origin",  # for browsers two ports of 127.0.0.1 are not one site
}
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    # To no other site; with no-referrer a browser would hide from us, too, which page a form was sent from.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
TEXT = {".json", ".jsonl", ".txt", ".md", ".yaml", ".jinja", ".log", ".py"}
ALL_PAGES = PAGES | {"live": live_page}


def create(root: Path | None = None, login: str | None = None, prefect: str | None = None) -> Starlette:
    """The application on the store in `root`, by default that of this machine's settings."""
    login = os.environ.get("PREFECT_SERVER_API_AUTH_STRING", "") if login is None else login
    prefect = os.environ.get("PREFECT_API_URL", "").removesuffix("/api") if prefect is None else prefect
    site = Site(root or settings().store, prefect)

    async def page(request: Request) -> Response:
        name = request.path_params.get("page") or "runs"
        return await run_in_threadpool(answer, site, name, _query(request))

    async def file(request: Request) -> Response:
        return await run_in_threadpool(stored_file, site, request.query_params)

    async def figure(request: Request) -> Response:
        return await run_in_threadpool(drawn_figure, site, request.query_params)

    async def remark(request: Request) -> Response:
        return await answer_remark(site, request)

    return Starlette(
        routes=[
            Mount("/assets", StaticFiles(directory=HERE / "assets"), name="assets"),
            Route("/report.css", lambda _: FileResponse(PAGE_CSS)),
            Route("/health", lambda _: PlainTextResponse("ok")),
            Route("/file", file),
            Route("/remark", remark, methods=["POST"]),
            Route("/figure", figure),
            Route("/", page),
            Route("/{page:str}", page),
        ],
        middleware=[
            Middleware(TrustedHostMiddleware, allowed_hosts=HOSTS),
            Middleware(Guard, login=login),
            Middleware(GZipMiddleware, minimum_size=2000, compresslevel=5),
        ],
    )


def address(page: str, /, **parameters: Any) -> str:
    """Where a page lies on this server: address("run", run="3f2a") == "/run?run=3f2a"."""
    asked = {name: value for name, value in parameters.items() if value not in ("", None)}
    return f"/{'' if page == 'runs' else page}" + (f"?{urlencode(asked, doseq=True)}" if asked else "")


def answer(site: Site, name: str, query: Mapping[str, list[str]]) -> Response:
    """A page; what the store does not hold is told with 404."""
    if name not in ALL_PAGES:
        return _not_found(site, f"there is no page {name!r}")
    try:
        with site.lock:
            site.runs.refresh()
            context = ALL_PAGES[name](site, query, address)
    except LookupError as error:
        return _not_found(site, str(error.args[0]) if error.args else str(error))
    return HTMLResponse(site.render(name, context, address))


def _not_found(site: Site, problem: str) -> Response:
    return HTMLResponse(site.render("missing", {"problem": problem}, address), status_code=404)


def stored_file(site: Site, query: Mapping[str, str]) -> Response:
    """A file of an artifact, as its manifest lists it: nothing else of this machine can be named."""
    try:
        with site.lock:
            site.index.refresh()
            entry = site.entry(query.get("key", ""))
        listed = {one["path"] for one in site.index.manifest(entry.key).get("files", [])}
        path = query.get("path", "")
        if path not in listed:
            raise LookupError(f"{entry.kind} {entry.key} has no file {path!r}")
    except LookupError as error:
        return PlainTextResponse(str(error.args[0]), status_code=404)
    folder = site.index.folder(entry.key).resolve()
    found = (folder / path).resolve()
    if not found.is_relative_to(folder) or not found.is_file():
        return PlainTextResponse(f"{entry.kind} {entry.key}: {path} is gone", status_code=404)
    if entry.kind in REPORTS and found.suffix == ".html":
        return FileResponse(found, media_type="text/html", headers={"Content-Security-Policy": REPORT_POLICY})
    if found.suffix in TEXT:
        return FileResponse(found, media_type="text/plain; charset=utf-8")
    kind = mimetypes.guess_type(found.name)[0] or "application/octet-stream"
    return FileResponse(found, media_type=kind, filename=found.name, content_disposition_type="attachment")


def drawn_figure(site: Site, query: Mapping[str, str]) -> Response:
    """A picture of an artifact, by its whole key: Prefect's page may show it, and no other page knows the key."""
    name = query.get("name", "")
    try:
        if name not in FIGURES:
            raise LookupError(f"no picture {name!r}: there are {', '.join(FIGURES)}")
        with site.lock:
            site.index.refresh()
            if (key := query.get("key", "")) not in site.index.entries:
                raise LookupError(f"no artifact {key!r}")
            drawn = FIGURES[name](site, key)
    except LookupError as error:
        return PlainTextResponse(str(error.args[0]), status_code=404)
    return Response(drawn, media_type="image/svg+xml", headers=FIGURE_HEADERS)


def _query(request: Request) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in request.query_params.multi_items():
        found.setdefault(name, []).append(value)
    return found


class Guard:
    """Asks for the login, where there is one, and puts the protecting headers on every answer."""

    def __init__(self, app: ASGIApp, login: str) -> None:
        self.app = app
        self.expected = b"Basic " + base64.b64encode(login.encode()) if login else b""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def protected(message: Message) -> None:
            if message["type"] == "http.response.start":
                present = {name.lower() for name, _ in message["headers"]}
                wanted = HEADERS | {"Content-Security-Policy": POLICY, "Cache-Control": "no-cache"}
                message["headers"] += [
                    (name.lower().encode(), value.encode())
                    for name, value in wanted.items()
                    if name.lower().encode() not in present
                ]
            await send(message)

        given = dict(scope["headers"]).get(b"authorization", b"")
        if self.expected and scope["path"] != "/health" and not secrets.compare_digest(given, self.expected):
            refusal = PlainTextResponse(
                "The dashboard asks for the login of PREFECT_SERVER_API_AUTH_STRING.",
                status_code=401,
                headers={"WWW-Authenticate": 'Basic realm="rewriting-agent", charset="UTF-8"'},
            )
            await refusal(scope, receive, protected)
            return
        await self.app(scope, receive, protected)
