"""The pages of artifacts: their list, and one with all that its manifest says and what lies around it."""

from collections.abc import Iterable

from infra.dashboard.curves import curves
from infra.dashboard.drawing import box_link, drawing_of
from infra.dashboard.entry import Entry
from infra.dashboard.graph import graph
from infra.dashboard.lineage import lineage, state_of
from infra.dashboard.site import Context, Link, Query, Site, method_class, one
from tasks.runtime.store.names import REPORTS
from tasks.runtime.store.remarks import Remark, remarks

LISTED = 500  # artifacts on one page of their list


def artifacts_page(site: Site, query: Query, link: Link) -> Context:
    """Every artifact, newest first, filtered by kind, by a text in name or key, by keys, or by what lies around one."""
    text, kind = one(query, "q").strip(), one(query, "kind")
    entries: Iterable[Entry] = site.index.entries.values()
    if keys := one(query, "keys"):
        wanted = set(keys.split(","))
        entries = [entry for entry in entries if entry.key in wanted]
    if source := one(query, "below"):
        reach = site.index.below(source)
        entries = [entry for entry in entries if entry.key in reach]
    kinds = sorted({entry.kind for entry in site.index.entries.values()})
    words, said = text.casefold().split(), remarks(site.index.root)
    found = [
        entry
        for entry in entries
        if (not kind or entry.kind == kind)
        and all(
            entry.key.startswith(word)
            or word in entry.name.casefold()
            or word in entry.flow_run
            or word in said.get(entry.key, Remark()).note.casefold()
            for word in words
        )
    ]
    found.sort(key=lambda entry: -entry.started)
    return {
        "entries": found[:LISTED],
        "found": len(found),
        "kinds": kinds,
        "kind": kind,
        "text": text,
        "said": said,
        "below": site.index.entries.get(source) if source else None,
    }


def artifact_page(site: Site, query: Query, link: Link) -> Context:
    """One artifact: config, figures, files, versions, what it was made from and what was made from it."""
    key = one(query, "key")
    if key not in site.index.entries and key in site.index.used_by:
        users = [site.index.entries[user] for user in sorted(site.index.used_by[key])]
        return {"key": key, "entry": None, "users": users, "state": state_of(site.index, key)}
    entry = site.entry(key)
    manifest = site.index.manifest(entry.key) if not entry.problem else {}
    above, below = site.index.above([entry.key]), site.index.below(entry.key)
    reports = [site.index.entries[one] for one in below if site.index.entries[one].kind == "report"]
    drawn = lineage(site.index, [entry.key], above)
    after = lineage(site.index, [entry.key], below - set(_beyond(site, below)))
    inputs = [
        (name, source, site.index.entries.get(source), state_of(site.index, source)) for name, source, _ in entry.inputs
    ]
    files = [
        (file["path"], file["bytes"], link("file", key=entry.key, path=file["path"]))
        for file in manifest.get("files", [])
    ]
    return {
        "key": entry.key,
        "entry": entry,
        "manifest": manifest,
        "files": files,
        "inputs": inputs,
        "users": sorted(
            (site.index.entries[one] for one in site.index.used_by.get(entry.key, ())), key=lambda e: e.name
        ),
        "reports": sorted(reports, key=lambda e: -e.started),
        "below": len(below) - 1,
        "runs": site.runs.with_artifact(entry.key),
        "said": remarks(site.index.root),
        "curves": curves(site.index.folder(entry.key)),
        "state": state_of(site.index, entry.key),
        "downstream": graph(after, box_link(link), method_class) if len(below) > 1 else None,
        **drawing_of(drawn, link),
    }


def _beyond(site: Site, below: set[str]) -> list[str]:
    """Reports are listed beside the drawing: a corpus has hundreds."""
    return [key for key in below if site.index.entries[key].kind in REPORTS and len(below) > 40]
