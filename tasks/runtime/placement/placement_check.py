"""Whether a run's table of places can hold, before anything is made: pools, GPUs, workers.

In:  {"train_agent": Place(pool="gpus")}, {"train_agent": 4}
Out: nothing, or PlacementError "placement.train_agent.pool=gpus: train_agent needs 4 GPUs, there a run has at most 2"
"""

from collections.abc import Mapping
from typing import Any

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.exceptions import ObjectNotFound

from tasks.runtime.files.meant import meant
from tasks.runtime.placement.placement import Place, PlacementError, Table
from tasks.runtime.placement.work_pool import bounds_of, no_worker, own_run, runs_this_run, workers_of
from tasks.runtime.settings import settings

FEWER = "fewer by a preset (--preset one_gpu), or send it to a work pool that has them (docs/work_pools.md)"


def check(table: Table, gpus: Mapping[str, int | None]) -> None:
    """Whether every pool of the table is there, has the GPUs, and a worker; and whether this run has GPUs for the rest.

    Args:
        gpus: of each stage: how many it computes on; None: as many as there are.

    Raises:
        PlacementError: a sentence for each that is not, with what to type.
    """
    wrong = []
    own = getattr(own_run(), "work_pool_name", None)
    here = len(settings().gpu_names()) if settings().cuda() else 0
    if table or own:
        with get_client(sync_client=True) as client:
            wrong = [said for stage, place in table.items() if (said := _wrong(client, stage, place, gpus.get(stage)))]
            if own and settings().cuda():
                here = bounds_of(client.read_work_pool(own))[1] or here
    if here and (said := lacking(table, gpus, here, f"a run of {own}" if own else "this machine")):
        wrong.append(said)
    if wrong:
        raise PlacementError("\n".join(wrong))


def lacking(
    table: Mapping[Any, Any], gpus: Mapping[Any, int | None], here: int, where: str = "this machine"
) -> str | None:
    """A sentence where a stage that `table` sends nowhere computes on more GPUs than there are `here`."""
    most, stage = max(((needed or 0, stage) for stage, needed in gpus.items() if stage not in table), default=(0, ""))
    return f"{stage} computes on {most} GPUs, {where} has {here}: {FEWER}" if most > here else None


def _wrong(client: SyncPrefectClient, stage: str, place: Place, needed: int | None) -> str | None:
    try:
        pool = client.read_work_pool(place.pool)
    except ObjectNotFound:
        names = [one.name for one in client.read_work_pools()]
        return (
            f"placement.{stage}.pool={place.pool}: there is no such work pool: {meant(place.pool, sorted(names))}; "
            f"python -m infra.work_pools create {place.pool} makes it"
        )
    if runs_this_run(pool):
        return None
    if place.gpus is not None and needed and place.gpus < needed:
        return f"placement.{stage}.gpus={place.gpus}: {stage} computes on {needed}: set it to {needed}, or leave it out"
    most, wanted = bounds_of(pool)[1], place.gpus or needed or 0
    if most is not None and wanted > most:
        return (
            f"placement.{stage}.pool={place.pool}: {stage} needs {wanted} GPUs, there a run has at most {most}: "
            "another pool, or fewer by a preset (--preset one_gpu)"
        )
    try:
        client.read_deployment_by_name(f"stage/{place.pool}")
    except ObjectNotFound:
        return (
            f"placement.{stage}.pool={place.pool}: there is no deployment stage/{place.pool} that stages go to: "
            f"python -m infra.work_pools create {place.pool} --type {pool.type} makes it"
        )
    if not workers_of(client, place.pool):
        return f"placement.{stage}.pool={place.pool}: {no_worker(pool)}"
    return None
