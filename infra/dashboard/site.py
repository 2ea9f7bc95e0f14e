"""What the pages are made with: the index and the runs of one store, and the templates.

`Site.render("run", {"run": "3f2a91c07b5d"}, link)` gives a page as HTML. `link(page, **parameters)` gives the
address of another page, or "" where there is none: the server's are `/run?run=3f2a…`, an export's are names of files.
"""

import datetime
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import orjson
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from infra.dashboard.entry import Entry
from infra.dashboard.index import Index
from infra.dashboard.runs import Figure, Run, Runs
from tasks.methods.strength import method_of
from tasks.report.figures.chart import METHOD_ROLES
from tasks.report.schema.data import label_of
from tasks.report.schema.values import Estimate
from tasks.report.views.wording import interval, number, percent
from tasks.runtime.files.plain_text import label, shorten
from tasks.runtime.progress.durations import duration
from tasks.runtime.store.names import choose

HERE = Path(__file__).parent
LONGEST = 20_000  # characters of one text on a page; a longer one is cut and says by how much

Query = Mapping[str, list[str]]
Link = Callable[..., str]
Context = dict[str, Any]


class Site:
    """One store, as its pages show it. Whoever asks for a page holds `lock`: one at a time."""

    def __init__(self, root: Path, prefect: str = "") -> None:
        self.index = Index(root.resolve())
        self.runs = Runs(self.index)
        self.lock = threading.Lock()
        self.prefect = prefect  # address of Prefect's page, for links to flow runs; "" without one
        self.environment = Environment(
            loader=FileSystemLoader(HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            finalize=_finalize,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self.environment.filters |= {
            "label": label,
            "method": method_label,
            "method_class": method_class,
            "number": number,
            "percent": percent,
            "interval": interval,
            "duration": duration,
            "time": local_time,
            "iso": iso_time,
            "bytes": size,
            "figure": figure,
            "pretty": pretty,
            "embedded": embedded,
        }

    def render(self, template: str, context: Context, link: Link, exported: bool = False) -> str:
        """The page of a template."""
        found = self.environment.get_template(f"{template}.html.j2")
        shared = {"link": link, "exported": exported, "assets": "assets/" if exported else "/assets/"}
        return found.render(**context, **shared, prefect=self.prefect, root=str(self.index.root))

    def entry(self, asked: str) -> Entry:
        """An artifact by its key or name, or the beginning of one. Raises LookupError where none or several have it."""
        entries = self.index.entries
        key = asked if asked in entries else choose(asked, {one.key: one.name for one in entries.values()})
        return entries[key]


OTHERS = ("sky", "green", "purple", "orange")  # of methods that have no file here, by their name


def method_label(method: str) -> str:
    """The name a reader knows the method by; `sft/0` keeps its seed."""
    name, _, seed = method.partition("/")
    return (label_of(name) or label(name.replace("_", " "), 24)) + (f" · seed {seed}" if seed else "")


def method_class(method: str) -> str:
    """The CSS classes that tell the method and carry its colour, which is the report's."""
    name = method.partition("/")[0]
    if (plain := method_of(name)) in METHOD_ROLES:
        return f"m-{plain} c-{METHOD_ROLES[plain]}"
    return f"c-{OTHERS[sum(map(ord, name)) % len(OTHERS)]}" if name else "c-none"


def figure(found: Figure | None) -> Estimate | None:
    """A run's figure for the filters `percent` and `interval`."""
    return None if found is None else Estimate(value=found[0], low=found[1], high=found[2])


def local_time(seconds: float | None) -> str:
    """A time as the reader's clock has it; a dash for none."""
    return f"{datetime.datetime.fromtimestamp(seconds):%Y-%m-%d %H:%M}" if seconds else "–"


def iso_time(seconds: float | None) -> str:
    """The same with its zone, for a page's `datetime`."""
    return datetime.datetime.fromtimestamp(seconds).astimezone().isoformat(timespec="seconds") if seconds else ""


def size(count: float) -> str:
    """Bytes as a person says them: 4.3 MB."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" or count >= 100 else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def pretty(value: Any) -> str:
    """Indented JSON."""
    return orjson.dumps(value, option=orjson.OPT_INDENT_2, default=str).decode()


def embedded(value: Any) -> Markup:
    """JSON for a data block: no character in it can end the block, whatever a model or a dataset wrote."""
    text = orjson.dumps(value).decode()
    for character in "<>&'\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)


def _finalize(value: Any) -> Any:
    """Every expression of a template passes here, before escaping."""
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    text, left_out = shorten(value, LONGEST)
    return f"{text} … {left_out:,} more characters" if left_out else text


def one(query: Query, name: str, default: str = "") -> str:
    """A parameter of a page's address."""
    return query[name][0] if query.get(name) else default


def run_title(run: Run) -> str:
    """A run by its method's label and its backbone."""
    return f"{method_label(run.label)} on {run.backbone}"
