"""The page that sets two or more runs side by side: configs and lineage, scores, questions, targets."""

from infra.dashboard import rows
from infra.dashboard.compare import parting
from infra.dashboard.runs import Run
from infra.dashboard.scores import Side, compare_scores
from infra.dashboard.site import Context, Link, Query, Site, method_label, one


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
