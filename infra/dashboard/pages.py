"""The pages by name: each takes the site, the parameters of its address and `link`, and gives its template's context.

    PAGES["run"](site, {"run": ["3f2a91c07b5d"]}, link)  ->  {"run": Run(…), "lineage": <svg …>, …}

A page raises LookupError for what the store does not hold; the server answers that with 404.
"""

from collections.abc import Callable, Iterable
from typing import Any

from markupsafe import Markup

from infra.dashboard import questions, rows
from infra.dashboard.compare import parting
from infra.dashboard.curves import curves
from infra.dashboard.graph import graph
from infra.dashboard.index import Entry
from infra.dashboard.lineage import Box, Lineage, lineage, state_of
from infra.dashboard.runs import AVERAGES, Run
from infra.dashboard.scores import Side, compare_scores
from infra.dashboard.site import Context, Link, Query, Site, method_class, method_label, one, run_title
from tasks.report.report import FIGURES, PAGE
from tasks.rows.jsonl import Row

PER_PAGE = 50
LISTED = 500  # artifacts on one page of their list
MORE = {"target NLL": "target NLL, nats/token", "final loss": "final SFT loss, nats/token"}


# --- runs and reports ---


def runs_page(site: Site, query: Query, link: Link) -> Context:
    """Every run, for the table and the plot of the page's script."""
    found = sorted(site.runs.by_id.values(), key=lambda run: -run.made)
    return {
        "table": {
            "columns": _columns(found),
            "rows": [_run_row(run, link) for run in found],
            "compare": link("compare"),
        },
        "runs": len(found),
        "reports": sum(entry.kind == "report" for entry in site.index.entries.values()),
        "artifacts": len(site.index.entries),
        "problems": site.runs.problems,
    }


def _columns(found: list[Run]) -> list[dict[str, Any]]:
    benchmarks = dict.fromkeys(name for run in found for name in run.benchmarks)
    percent = [(name, AVERAGES[name], name != "overall") for name in AVERAGES]
    percent += [("general_drop_percent", "forgotten", False), ("yield", "yield", True)]
    percent += [(name, name, False) for name in benchmarks]
    return [
        {"id": "method", "title": "method", "type": "text", "filter": True, "shown": True},
        {"id": "seed", "title": "seed", "type": "integer", "filter": True, "shown": True},
        {"id": "backbone", "title": "backbone", "type": "text", "filter": True, "shown": True},
        *({"id": name, "title": f"{title}, %", "type": "percent", "shown": shown} for name, title, shown in percent),
        *(
            {"id": name, "title": title, "type": "number", "shown": name == "target NLL"}
            for name, title in MORE.items()
        ),
        {"id": "seconds", "title": "cost", "type": "duration", "shown": True},
        {"id": "made", "title": "made", "type": "time", "shown": True},
        {"id": "flow_run", "title": "flow run", "type": "text", "shown": True},
        {"id": "changed", "title": "changed settings", "type": "text", "shown": True},
        {"id": "commit", "title": "commit", "type": "text", "filter": True, "shown": any(run.commit for run in found)},
    ]


def _run_row(run: Run, link: Link) -> dict[str, Any]:
    figures: dict[str, Any] = dict(run.figures)
    if drop := figures.get("general_drop_percent"):
        figures["general_drop_percent"] = [None if one is None else one / 100 for one in drop]
    return {
        "id": run.id,
        "href": link("run", run=run.id),
        "class": method_class(run.method),
        "cells": figures
        | {
            "method": method_label(run.method),
            "seed": run.seed,
            "backbone": run.backbone,
            "seconds": run.seconds,
            "made": run.made,
            "flow_run": ", ".join(dict.fromkeys(run.flow_runs)),
            "changed": run.changed,
            "commit": run.commit,
        },
    }


def reports_page(site: Site, query: Query, link: Link) -> Context:
    """Every report, newest first, with its methods and seeds."""
    found = []
    for entry in site.index.of_kind("report"):
        runs = site.runs.of_report(entry.key)
        methods = dict.fromkeys(run.method for run in runs if run.method != "base")
        seeds = sorted({run.seed for run in runs if run.seed is not None})
        found.append({"entry": entry, "methods": list(methods), "seeds": seeds, "runs": len(runs)})
    return {"reports": found, "problems": site.runs.problems}


def report_page(site: Site, query: Query, link: Link) -> Context:
    """One report: its runs with scores that lead to where they come from, and its lineage."""
    entry = site.entry(one(query, "key"))
    runs = site.runs.of_report(entry.key)
    keys = site.index.above([entry.key])
    drawn = lineage(site.index, [entry.key], keys, entry.flow_run_id)
    return {
        "entry": entry,
        "runs": runs,
        "benchmarks": list(dict.fromkeys(name for run in runs for name in run.benchmarks)),
        "page": link("file", key=entry.key, path=PAGE),
        "json": link("file", key=entry.key, path=FIGURES),
        "groups": _compared_methods(runs),
        **_drawn(drawn, link),
    }


def _compared_methods(runs: list[Run]) -> list[tuple[str, list[str]]]:
    """For links that compare a method's seeds with SFT's: (method, run ids)."""
    sft = [run.id for run in runs if run.method == "sft"]
    methods = dict.fromkeys(run.method for run in runs if run.method not in ("base", "sft"))
    return [(name, sft + [run.id for run in runs if run.method == name]) for name in methods if sft]


def run_page(site: Site, query: Query, link: Link) -> Context:
    """One run: figures, what they were made from, curves, and what to compare it with."""
    run = site.runs.get(one(query, "run"))
    report = site.index.entries[run.reports[0]]
    keys = site.index.above(run.artifacts.values())
    drawn = lineage(site.index, run.artifacts.values(), keys, report.flow_run_id)
    roles = [(role, key, site.index.entries.get(key)) for role, key in run.artifacts.items()]
    return {
        "run": run,
        "title": run_title(run),
        "report": report,
        "roles": roles,
        "averages": AVERAGES,
        "curves": _curves(site, run),
        "others": _others(site, run),
        "dataset": run.artifacts.get("dataset", ""),
        "states": {key: state_of(site.index, key, report.flow_run_id) for key in run.artifacts.values()},
        **_drawn(drawn, link),
    }


def _others(site: Site, run: Run) -> list[tuple[str, Run]]:
    """Runs that one would compare it with: the base, SFT of the same seed, the same method before."""
    found: list[tuple[str, Run]] = []
    if run.base in site.runs.by_id:
        found.append(("the base", site.runs.by_id[run.base]))
    beside = [one for one in site.runs.of_report(run.reports[0]) if one.id != run.id and one.seed == run.seed]
    found += [(method_label(one.label), site.runs.by_id.get(one.id, one)) for one in beside]
    earlier = [one for one in site.runs.by_id.values() if one.label == run.label and one.made < run.made]
    same = [one for one in earlier if one.backbone == run.backbone]
    if same:
        found.append(("the same before", max(same, key=lambda one: one.made)))
    return found


def _curves(site: Site, run: Run) -> list[tuple[str, Markup]]:
    found: list[tuple[str, Markup]] = []
    for role in ("agent", "model"):
        if key := run.artifacts.get(role):
            found += curves(site.index.folder(key))
    return found


# --- artifacts ---


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
    words = text.casefold().split()
    found = [
        entry
        for entry in entries
        if (not kind or entry.kind == kind)
        and all(word in entry.name.casefold() or entry.key.startswith(word) or word in entry.flow_run for word in words)
    ]
    found.sort(key=lambda entry: -entry.started)
    return {
        "entries": found[:LISTED],
        "found": len(found),
        "kinds": kinds,
        "kind": kind,
        "text": text,
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
        "curves": curves(site.index.folder(entry.key)),
        "state": state_of(site.index, entry.key),
        "downstream": graph(after, _box_link(link), method_class) if len(below) > 1 else None,
        **_drawn(drawn, link),
    }


def _beyond(site: Site, below: set[str]) -> list[str]:
    """Reports are listed beside the drawing: a corpus has hundreds."""
    return [key for key in below if site.index.entries[key].kind == "report" and len(below) > 40]


def _drawn(drawn: Lineage, link: Link) -> Context:
    return {"lineage": graph(drawn, _box_link(link), method_class), "counts": drawn.states, "drawn": drawn}


def _box_link(link: Link) -> Callable[[Box], str]:
    def to(box: Box) -> str:
        if len(box.keys) == 1:
            return link("artifact", key=box.keys[0])
        return link("artifacts", keys=",".join(sorted(box.keys))) or link("artifact", key=box.keys[0])

    return to


# --- compare ---


def compare_page(site: Site, query: Query, link: Link) -> Context:
    """Two or more runs against the first; with `together`, the seeds of a method are one side."""
    chosen = [site.runs.get(run) for run in query.get("run", [])]
    together = bool(one(query, "together"))
    sides: dict[str, Side] = {}
    for run in chosen:
        name = f"{run.method}@{run.backbone}" if together else run.id
        side = sides.setdefault(name, Side(method_label(run.method if together else run.label), []))
        side.runs.append(run)
    ordered = list(sides.values())
    compared = []
    for side in ordered[1:]:
        first = ordered[0]
        a, b = first.runs[0], _alike(side.runs, first.runs[0])
        found = parting(site.index, a.artifacts, b.artifacts)
        compared.append(
            {
                "first": first,
                "side": side,
                "pair": (a, b),
                "parting": found,
                "scores": compare_scores(site.index, first, side),
                "targets": _targets(site, a, b),
                "commits": (a.commit, b.commit),
            }
        )
    return {"sides": ordered, "compared": compared, "together": together, "ids": [run.id for run in chosen]}


def _alike(runs: list[Run], first: Run) -> Run:
    """The run of the same seed, where there is one: lineages are compared one to one."""
    return next((run for run in runs if run.seed == first.seed), runs[0])


def _targets(site: Site, a: Run, b: Run) -> Context | None:
    ours, theirs = a.artifacts.get("dataset"), b.artifacts.get("dataset")
    if ours is None or theirs is None or not {ours, theirs} <= set(site.index.entries):
        return None
    differing, both = (
        ([], len(rows.dataset_rows(site.index, ours)))
        if ours == theirs
        else rows.differing_targets(site.index, ours, theirs)
    )
    return {"ours": ours, "theirs": theirs, "ids": differing[:100], "count": len(differing), "both": both}


# --- rows and questions ---


def rows_page(site: Site, query: Query, link: Link) -> Context:
    """The rows of a training set."""
    key = site.entry(one(query, "key")).key
    which, reason, text = one(query, "filter", "all"), one(query, "reason"), one(query, "q")
    whole = rows.dataset_rows(site.index, key)
    found = rows.choose(whole, which, reason, text)
    by_filter, reasons = rows.counts(whole)
    return {
        "entry": site.index.entries[key],
        "rows": _page_of(found, query),
        "found": len(found),
        "counts": by_filter,
        "reasons": reasons,
        "filter": which,
        "reason": reason,
        "text": text,
        **_pages(len(found), query),
    }


def row_page(site: Site, query: Query, link: Link) -> Context:
    """A row from corpus to target."""
    dataset = one(query, "dataset")
    found = rows.story(site.index, one(query, "id"), dataset)
    return {"story": found, "dataset": site.index.entries.get(dataset)}


def questions_page(site: Site, query: Query, link: Link) -> Context:
    """The questions of a benchmark with the answers of runs, the base first."""
    chosen = [site.runs.get(run) for run in query.get("run", [])]
    if not chosen:
        raise LookupError("name a run: its page has the links to its questions")
    base = site.runs.by_id.get(chosen[0].base)
    runs = [base, *(run for run in chosen if run.id != base.id)] if base else chosen
    names = list(dict.fromkeys(name for run in chosen for name in run.benchmarks))
    benchmark, which = one(query, "benchmark", names[0] if names else ""), one(query, "filter", "all")
    whole = questions.table(site.index, runs, benchmark)
    found = questions.choose(whole.rows, which)
    return {
        "runs": runs,
        "ids": [run.id for run in chosen],
        "benchmarks": names,
        "benchmark": benchmark,
        "filter": which,
        "counts": {name: len(questions.choose(whole.rows, name)) for name in questions.FILTERS},
        "rows": _page_of(found, query),
        "found": len(found),
        **_pages(len(found), query),
    }


def question_page(site: Site, query: Query, link: Link) -> Context:
    """A question with every model's answer."""
    return {"question": questions.question(site.index, site.runs, one(query, "id"))}


def _page_of(found: list[Any], query: Query) -> list[Any]:
    start = (_number(query) - 1) * PER_PAGE
    return found[start : start + PER_PAGE]


def _number(query: Query) -> int:
    said = one(query, "page", "1")
    return max(1, int(said)) if said.isdecimal() else 1


def _pages(found: int, query: Query) -> Context:
    return {"page": _number(query), "pages": max(1, -(-found // PER_PAGE))}


PAGES: dict[str, Callable[[Site, Query, Link], Context]] = {
    "runs": runs_page,
    "reports": reports_page,
    "report": report_page,
    "run": run_page,
    "artifacts": artifacts_page,
    "artifact": artifact_page,
    "compare": compare_page,
    "rows": rows_page,
    "row": row_page,
    "questions": questions_page,
    "question": question_page,
}
__all__ = ["PAGES", "Row"]
