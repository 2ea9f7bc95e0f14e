"""The plan of a flow: what it would make, cost and be able to show, and what of it cannot work.

In:  the function of `pipeline`, {"method": "sft", "seeds": [0], "backbone": "nano"}, two cores
Out: Plan(stages=[PlannedStage(title="corpus nano_corpus", …), …], refused=[], power=[Power(points=3.6, …)], …)
"""

from collections.abc import Callable, Mapping
from typing import Any

from flows.form import experiments_of
from flows.plan.enough_seeds import questions
from flows.plan.estimate import estimate
from flows.plan.plan import Machine, Plan
from flows.plan.power import power
from flows.plan.speed import Past
from flows.plan.start import survey


def make_plan(flow: Callable[..., Any], parameters: Mapping[str, Any], here: Machine) -> Plan:
    """Nothing is built; where nothing can be planned, only `refused` is filled.

    Args:
        flow: the function of pipeline, study or ablation; `parameters` are those of its form.
        here: what it would be computed on.

    Raises:
        FormError: the parameters do not fit.
    """
    experiments = experiments_of(parameters)
    walk, refused = survey(flow, dict(parameters), experiments, here)
    made = Plan(device=here.device, gpus=here.gpus if here.gpu else 0, price=here.price, stages=[], refused=refused)
    if walk is None:
        return made
    past = Past(walk.home.manifests())
    stages = estimate(walk, past, here)
    count = 1 if (seeds := parameters["seeds"]) == "next" else len(seeds)
    of = [one.backbone.name for one in experiments]
    shows = power(questions(stages), count, walk.home, past.manifests, of)
    return made.model_copy(update={"stages": stages, "power": shows})
