"""The one thing that the dashboard writes: a pin or a note on an artifact (tasks/runtime/store/remarks.py).

POST /remark  key=5f0c…&pinned=1&note=the+one+in+the+talk  ->  303 to the artifact's page

A page of the internet can make a browser post anywhere, so a post counts only where the browser says that one of our
own pages sent it (its Origin is this very address, and Sec-Fetch-Site, where it is sent, agrees), to a name of loopback
(TrustedHostMiddleware: no rebound name), over loopback. What is written is text; the templates escape it.
"""

import ipaddress
from urllib.parse import parse_qs

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from infra.dashboard.site import Site
from tasks.runtime.store import remarks

FORM = "application/x-www-form-urlencoded"
LARGEST = 32 * 1024  # bytes of a post; a note's characters may take nine each
BACK = ("artifact", "report")  # pages that have the form


async def answer_remark(site: Site, request: Request) -> Response:
    """Write what was posted and lead back to its page; 403, 404, 413 or 400 with a sentence where it is refused."""
    if said := refusal(request):
        return PlainTextResponse(said, status_code=403)
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > LARGEST:
            return PlainTextResponse(f"a note has up to {remarks.LONGEST:,} characters", status_code=413)
    posted = {name: values[-1] for name, values in parse_qs(body.decode(errors="replace")).items()}
    return await run_in_threadpool(_write, site, posted)


def refusal(request: Request) -> str:
    """Why a post does not count; "" where it does."""
    address = request.client.host if request.client else ""
    if not _is_loopback(address):
        return f"pins and notes are written over loopback alone, not from {address or 'nowhere'}"
    host = request.headers.get("host", "")
    origin, site = request.headers.get("origin", ""), request.headers.get("sec-fetch-site", "same-origin")
    if origin != f"{request.url.scheme}://{host}" or site != "same-origin":
        return f"pins and notes are written from the dashboard's own pages alone, not from {origin or 'an unknown one'}"
    if request.headers.get("content-type", "").partition(";")[0].strip() != FORM:
        return f"a pin or a note is sent as {FORM}"
    return ""


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _write(site: Site, posted: dict[str, str]) -> Response:
    with site.lock:
        site.index.refresh()
        key, root = posted.get("key", ""), site.index.root
        if key not in site.index.entries:
            return PlainTextResponse("no artifact has this key: a whole one is needed", status_code=404)
        try:
            remarks.write_note(root, key, posted.get("note", "").replace("\r\n", "\n"))
            (remarks.pin if posted.get("pinned") else remarks.unpin)(root, key)
        except (remarks.RemarkError, OSError) as error:
            return PlainTextResponse(f"not kept: {error}", status_code=400)
    back = posted.get("back") if posted.get("back") in BACK else BACK[0]
    return RedirectResponse(f"/{back}?key={key}#remark", status_code=303)
