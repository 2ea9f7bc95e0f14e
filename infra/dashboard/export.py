"""The dashboard as files: a folder of pages that a browser reads from disk, without a server and without a network.

In:  a store, a folder
Out: FOLDER/index.html, run-3f2a91c07b5d.html, …, assets/; every page that the runs lead to

Pages are rendered by the same functions as the server's, and a page is written when another one links to it. What has
no end is bounded: rows and questions get a page each up to a number; pages of what a server computes on demand
(a search, a comparison of any runs, what is being built) are left out, and their links with them.
"""

import hashlib
import re
import shutil
from collections import Counter, deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra.dashboard.app import TEXT
from infra.dashboard.pages import PAGES
from infra.dashboard.site import HERE, Site
from tasks.report.figures.style import PAGE_CSS
from tasks.report.report import FIGURES, PAGE
from tasks.runtime.files.whole_file import whole

# Pages that are written of each kind, those that are linked to first: all runs, reports and artifacts, but not every
# comparison, list of siblings, filter of rows or questions.
BOUNDS = {"compare": 40, "artifacts": 200, "rows": 100, "questions": 200}
PER_FILTER = 2  # pages of rows or questions of one filter
LARGEST_FILE = 32 * 2**10  # a larger file of an artifact is not copied, but for a report's


@dataclass
class Written:
    """How much an export wrote."""

    pages: int = 0
    bytes: int = 0


@dataclass
class _Export:
    """Names pages as they are linked to, within the bounds, and remembers which are to be written."""

    site: Site
    folder: Path
    bounds: dict[str, int]
    names: dict[tuple[str, str], str] = field(default_factory=dict)
    waiting: deque[tuple[str, dict[str, list[str]]]] = field(default_factory=deque)
    count: Counter[str] = field(default_factory=Counter)

    def link(self, page: str, /, **parameters: Any) -> str:
        """The file of a page, "" for one that is not exported."""
        if page == "file":
            return self._file(str(parameters["key"]), str(parameters["path"]))
        query = {name: _listed(value) for name, value in parameters.items() if value not in ("", None)}
        if page not in PAGES or query.get("q") or (page == "compare" and not query):
            return ""
        if page in ("rows", "questions") and int(query.get("page", ["1"])[0]) > PER_FILTER:
            return ""
        asked = "&".join(f"{name}={','.join(values)}" for name, values in sorted(query.items()))
        if (page, asked) not in self.names:
            if self.count[page] >= self.bounds.get(page, 100_000):
                return ""
            self.count[page] += 1
            self.names[page, asked] = _name(page, asked)
            self.waiting.append((page, query))
        return self.names[page, asked]

    def _file(self, key: str, path: str) -> str:
        """Reports, and what is small text: copied when it is linked to."""
        source = self.site.index.folder(key) / path
        if not source.is_file():
            return ""
        if path not in (PAGE, FIGURES) and (Path(path).suffix not in TEXT or source.stat().st_size > LARGEST_FILE):
            return ""
        # A page of text, whatever its name says: only reports, which run no script, stay pages.
        name = f"files/{key[:12]}-{re.sub(r'[^A-Za-z0-9._-]', '-', path)}" + ("" if path in (PAGE, FIGURES) else ".txt")
        target = self.folder / name
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
        return name


def export_pages(root: Path, folder: Path, rows: int = 200) -> Written:
    """Write the pages of the store in `root` into `folder`, which is made; `rows`: see above.

    Raises:
        FileExistsError: `folder` holds something that is no export.
    """
    if folder.exists() and any(folder.iterdir()) and not (folder / "assets" / "dashboard.css").exists():
        raise FileExistsError(f"{folder} is not empty and holds no export: name another folder")
    site = Site(root)
    site.runs.refresh()
    shutil.copytree(HERE / "assets", folder / "assets", dirs_exist_ok=True)
    shutil.copyfile(PAGE_CSS, folder / "assets" / "report.css")
    made = _Export(site, folder, BOUNDS | {"row": rows, "question": rows})
    made.link("runs")
    while made.waiting:
        page, query = made.waiting.popleft()
        try:
            text = site.render(page, PAGES[page](site, query, made.link), made.link, exported=True)
        except LookupError as error:  # a page names what has gone from the store: the file says so
            text = site.render("missing", {"problem": str(error)}, made.link, exported=True)
        with whole(folder / made.link(page, **query)) as file:
            file.write(text)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return Written(len(made.names), size)


def _listed(value: Any) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else [str(value)]


def _name(page: str, asked: str) -> str:
    """A short name that any file system takes; what does not fit in it is told by a digest."""
    if page == "runs" and not asked:
        return "index.html"
    said = re.sub(r"[^A-Za-z0-9_-]+", "-", asked.split("=", 1)[-1])[:40].strip("-")
    short = hashlib.sha256(asked.encode()).hexdigest()[:8]
    return f"{page}{f'-{said}' if said else ''}{f'-{short}' if asked else ''}.html"
