"""What a flow would make, where all of it is in the store: read at once, without a Prefect server.

In:  pipeline, {"method": "sft", "seeds": [0], "backbone": "nano"}
Out: [Artifact(kind="report", …)], or None where something is still to be made
"""

from typing import Any

from flows.form import FormError, experiments_of
from flows.plan.checks import CannotWork
from flows.plan.start import startable
from infra.sinks import feed as sinks
from tasks.runtime.stage import store
from tasks.runtime.store.names import REPORTS
from tasks.runtime.store.store import Artifact


def finished(flow: Any, parameters: dict[str, Any]) -> list[Artifact] | None:
    """The reports of the flow with these parameters, if every stage that it asks for is there, whole.

    The graph is the flow's own (tasks/runtime/planning.py). What cannot be planned is left to the run, which says why.

    Raises:
        FormError: an answer of the form does not fit, be it only when all of the graph is known.
        CannotWork: a sentence for each reason, with what to type: no server is waited for to say it.
    """
    try:
        walk = startable(flow.fn, parameters, experiments_of(parameters))
    except (CannotWork, FormError):
        raise
    except (OSError, RuntimeError, ValueError):
        return None
    if not all(step.cached for step in walk.stages):
        return None
    home = store()
    keys = [part.manifest.key for step in walk.stages if step.kind in REPORTS for part in step.parts.values()]
    made = [one for key in keys if (one := home.find(key)) is not None]
    if not keys or len(made) < len(keys):
        return None
    for one in made:
        if one.kind == "report":
            sinks.feed(one, home)
    return made
