"""The pages of runs and reports: every run, every report, one of each.

A page takes the site, the parameters of its address and `link`, and gives its template's context:

    run_page(site, {"run": ["3f2a91c07b5d"]}, link)  ->  {"run": Run(…), "lineage": <svg …>, …}
"""

from collections.abc import Iterable, Mapping
from typing import Any

from markupsafe import Markup

from infra.dashboard.curves import curves
from infra.dashboard.drawing import drawing_of
from infra.dashboard.lineage import lineage, state_of
from infra.dashboard.runs import AVERAGES, Run
from infra.dashboard.site import Context, Link, Query, Site, method_class, method_label, one, run_title
from tasks.report.report import FIGURES, PAGE
from tasks.runtime.store.remarks import Remark, remarks

MORE = {"target NLL": "target NLL, nats/token", "final loss": "final SFT loss, nats/token"}


def runs_page(site: Site, query: Query, link: Link) -> Context:
    """Every run, for the table and the plot of the page's script."""
    found = sorted(site.runs.by_id.values(), key=lambda run: -run.made)
    said = remarks(site.index.root)
    return {
        "table": {
            "columns": _columns(found, noted=any(_said_of(run, said) for run in found)),
            "rows": [_run_row(run, link, said) for run in found],
            "compare": link("compare"),
        },
        "runs": len(found),
        "reports": sum(entry.kind == "report" for entry in site.index.entries.values()),
        "artifacts": len(site.index.entries),
        "problems": site.runs.problems,
    }


def _said_of(run: Run, said: Mapping[str, Remark]) -> dict[str, Remark]:
    """By key, what is said of the artifacts that are a run's own, and of its reports."""
    return {key: said[key] for key in dict.fromkeys((*run.artifacts.values(), *run.reports)) if key in said}


def _told(said: Iterable[Remark]) -> str:
    """`pinned; the one in the talk`."""
    found = list(said)
    notes = dict.fromkeys(one.note for one in found if one.note)
    return "; ".join([*(["pinned"] if any(one.pinned for one in found) else []), *notes])


def _columns(found: list[Run], noted: bool) -> list[dict[str, Any]]:
    benchmarks = dict.fromkeys(name for run in found for name in run.benchmarks)
    percent = [(name, AVERAGES[name], name != "overall") for name in AVERAGES]
    percent += [("general_drop_percent", "forgotten", False), ("yield", "yield", True)]
    percent += [(name, name, False) for name in benchmarks]
    return [
        {"id": "method", "title": "method", "type": "text", "filter": True, "shown": True},
        {"id": "seed", "title": "seed", "type": "integer", "filter": True, "shown": True},
        {"id": "backbone", "title": "backbone", "type": "text", "filter": True, "shown": True},
        {"id": "note", "title": "note", "type": "text", "shown": noted},
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


def _run_row(run: Run, link: Link, said: Mapping[str, Remark]) -> dict[str, Any]:
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
            "note": _told(_said_of(run, said).values()),
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
        "said": remarks(site.index.root),
        **drawing_of(drawn, link),
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
        "remarks": [
            (made, remark)
            for key, remark in _said_of(run, remarks(site.index.root)).items()
            if (made := site.index.entries.get(key))
        ],
        "averages": AVERAGES,
        "curves": _curves(site, run),
        "others": _others(site, run),
        "dataset": run.artifacts.get("dataset", ""),
        "states": {key: state_of(site.index, key, report.flow_run_id) for key in run.artifacts.values()},
        **drawing_of(drawn, link),
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
