"""What the pages that draw a lineage give to their template: the picture, its counts, where its boxes lead."""

from collections.abc import Callable

from infra.dashboard.graph import graph
from infra.dashboard.lineage import Box, Lineage
from infra.dashboard.site import Context, Link, method_class


def drawing_of(drawn: Lineage, link: Link) -> Context:
    """What the template of a lineage needs."""
    return {"lineage": graph(drawn, box_link(link), method_class), "counts": drawn.states, "drawn": drawn}


def box_link(link: Link) -> Callable[[Box], str]:
    """Where a box leads: to its artifact, or to the list of its artifacts."""

    def to(box: Box) -> str:
        if len(box.keys) == 1:
            return link("artifact", key=box.keys[0])
        return link("artifacts", keys=",".join(sorted(box.keys))) or link("artifact", key=box.keys[0])

    return to
