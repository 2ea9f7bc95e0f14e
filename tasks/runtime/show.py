"""What a stage shows of an artifact in the Prefect UI once it is built: Markdown, and a picture of the dashboard.

In:  the manifests of what was built, by part ("" of a stage that makes one artifact), and the store
Out: an artifact of the task's run, key `train-agent-nano-rewriting-agent`: its page is the history of all of them

    @stage(version=3, shows=curves_and_figures)
    def train_agent(config, out, *, backbone, rows): ...

A `View` writes plain Markdown from what the store holds. What a model or a dataset wrote goes through `cell`.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from urllib.parse import urlencode

import httpx
from prefect.artifacts import create_markdown_artifact
from prefect.context import TaskRunContext
from prefect.exceptions import PrefectHTTPStatusError

from tasks.runtime.files import markdown
from tasks.runtime.run_log import Log
from tasks.runtime.settings import settings
from tasks.runtime.store.names import backbone_name
from tasks.runtime.store.store import Manifest, Store

View = Callable[[Mapping[str, Manifest], Store], str]


def show(log: Log, title: str, view: View, built: Mapping[str, Manifest], home: Store, method: str) -> None:
    """Publish what `view` says of the artifacts. A view or a server that fails loses no stage: the log tells it."""
    if TaskRunContext.get() is None:
        return
    first = next(iter(built.values()))
    try:
        text = view(built, home)
        create_markdown_artifact(
            text, key=history_key(first.kind, backbone_name(first, home.look), method), description=title
        )
    except (httpx.TransportError, PrefectHTTPStatusError) as error:
        log.warning("%s: what it made is not shown in the UI: %s", title, error)
    except Exception:
        log.warning("%s: what it made is not shown in the UI", title, exc_info=True)


def history_key(*parts: str) -> str:
    """What all artifacts of one thing are called in the UI: `evaluate-qwen2-5-0-5b-sft`."""
    return re.sub("[^a-z0-9]+", "-", "-".join(part for part in parts if part).lower()).strip("-")


def picture(name: str, key: str, description: str) -> str:
    """A picture that the dashboard draws of an artifact, and a link to its page; "" where no dashboard is."""
    at = settings().dashboard
    figure = f"{at}/figure?{urlencode({'name': name, 'key': key})}"
    return "" if at is None else f"![{description}]({figure})\n\n{link(key)}"


def link(key: str) -> str:
    """A link to an artifact's page in the dashboard; "" where no dashboard is."""
    at = settings().dashboard
    return "" if at is None else f"[In the dashboard]({at}/artifact?key={key})\n"


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table; figures to four digits."""
    return markdown.table(columns, [list(map(cell, row)) for row in rows])


def cell(value: object) -> str:
    """A value as one cell: no character of it is Markdown, HTML or the end of the cell."""
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.4g}"
    return markdown.words(value)
