"""The pages by name: each takes the site, the parameters of its address and `link`, and gives its template's context.

    PAGES["run"](site, {"run": ["3f2a91c07b5d"]}, link)  ->  {"run": Run(…), "lineage": <svg …>, …}

A page raises LookupError for what the store does not hold; the server answers that with 404.
"""

from collections.abc import Callable

from infra.dashboard.artifact_pages import artifact_page, artifacts_page
from infra.dashboard.compare_page import compare_page
from infra.dashboard.row_pages import question_page, questions_page, row_page, rows_page
from infra.dashboard.run_pages import report_page, reports_page, run_page, runs_page
from infra.dashboard.site import Context, Link, Query, Site

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
