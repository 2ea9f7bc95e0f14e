"""MLflow: an experiment a backbone, in it one run a method and seed. REWRITING_AGENT_MLFLOW is the tracking URI.

A run is found again by its tag `rewriting_agent.id`; `rewriting_agent.rows`, written last, is the digest of what it was
told. Told again the same, nothing is sent; what never came to its end is made anew; else the figures that changed are.
"""

import logging
import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from infra.sinks.rows import SinkRun

if TYPE_CHECKING:
    from mlflow import MlflowClient

ID, ROWS = "rewriting_agent.id", "rewriting_agent.rows"
METRICS, PARAMS = 1000, 100  # most that MLflow takes in one call
PATIENCE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2", "MLFLOW_HTTP_REQUEST_TIMEOUT": "10"}  # its own are minutes


def feed(where: str, runs: Sequence[SinkRun]) -> int:
    """Tell the server or store at `where` of `runs`; returns how many were new or had changed."""
    os.environ.update({name: value for name, value in PATIENCE.items() if name not in os.environ})
    from mlflow import MlflowClient

    logging.getLogger("mlflow").setLevel(logging.WARNING)  # else it tells of the tables that it makes
    logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)  # and that of each retry; the last one raises
    client = MlflowClient(tracking_uri=where)
    return sum(_feed(client, _experiment(client, f"rewriting-agent/{run.backbone}"), run) for run in runs)


def _experiment(client: "MlflowClient", name: str) -> str:
    from mlflow.exceptions import MlflowException

    found = client.get_experiment_by_name(name)
    if found is None:
        try:
            return str(client.create_experiment(name))
        except MlflowException:  # another run was quicker
            found = client.get_experiment_by_name(name)
            if found is None:
                raise
    return str(found.experiment_id)


def _feed(client: "MlflowClient", experiment: str, run: SinkRun) -> bool:
    from mlflow.entities import Metric, Param

    known = client.search_runs([experiment], filter_string=f"tags.`{ID}` = '{run.id}'")
    whole = [one for one in known if ROWS in one.data.tags]
    for half in known if not whole else ():
        client.delete_run(half.info.run_id)
    if whole and whole[0].data.tags[ROWS] == run.digest:
        return False
    now = int(run.ended * 1000)
    if whole:
        number = whole[0].info.run_id
        old, set_before = whole[0].data.metrics, whole[0].data.params
        now = max(now, int(whole[0].info.end_time or 0)) + 1  # of two values of a step MLflow shows the later one
        metrics = [Metric(name, value, now, 0) for name, value in run.figures.items() if old.get(name) != value]
    else:
        tags = {ID: run.id, "method": run.method} | {f"rewriting_agent.{name}": text for name, text in run.tags.items()}
        made = client.create_run(experiment, int(run.started * 1000), tags, run.name)
        number, set_before = made.info.run_id, {}
        metrics = [Metric(name, value, now, 0) for name, value in run.figures.items()]
        metrics += [Metric(name, value, now, step) for name, points in run.curves.items() for step, value in points]
    params = [
        Param(name, text) for name, text in run.params.items() if name not in set_before
    ]  # they cannot be changed
    for some in _in_batches(params, PARAMS):
        client.log_batch(number, params=some)
    for some in _in_batches(metrics, METRICS):
        client.log_batch(number, metrics=some)
    client.set_terminated(number, end_time=now)
    client.set_tag(number, ROWS, run.digest)
    return True


def _in_batches(all_of_them: Sequence[Any], most: int) -> Iterator[Sequence[Any]]:
    for start in range(0, len(all_of_them), most):
        yield all_of_them[start : start + most]
