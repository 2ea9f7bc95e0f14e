"""The pages of training rows and of benchmark questions: their lists with filters, and one of each."""

from typing import Any

from infra.dashboard import questions, rows
from infra.dashboard.site import Context, Link, Query, Site, one

PER_PAGE = 50


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
