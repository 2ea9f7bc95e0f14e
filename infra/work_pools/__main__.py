"""`python -m infra.work_pools`: make the work pools that runs and stages go to, and serve one on this machine."""

import json
import os
from typing import Annotated, Any

import httpx
import typer

from infra.api import client as client_of
from infra.login import basic_auth, login
from infra.up_state import address
from infra.work_pools.pool import register
from infra.work_pools.template import KINDS, Kind, TemplateError, template
from tasks.runtime.files.yaml_text import YamlError, parsed

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Work pools: where runs and stages are computed.\n\n"
    "A run's placement sends stages to a pool: `--set placement.train_agent.pool=gpu`. A pool says what is started for "
    "a run (a process, a container, a pod); a worker that serves it starts it. See docs/work_pools.md.",
)


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="What the pool is called, say gpu.")],
    kind: Annotated[
        str,
        typer.Option(
            "--type",
            help="process: beside its worker, on a GPU host or in a Slurm job. docker: a container on the worker's "
            "host. kubernetes: a Job of one pod.",
        ),
    ] = "process",
    gpus: Annotated[
        int,
        typer.Option(min=0, help="GPUs of one run, of the host, container or pod; a stage that needs more is refused."),
    ] = 1,
    runs: Annotated[
        int,
        typer.Option(
            min=0,
            help="Runs of the pool that go on at once: as many as there are sets of GPUs, one a host. 0: no limit, for "
            "a cluster that queues pods by itself.",
        ),
    ] = 1,
    store: Annotated[
        str | None,
        typer.Option(
            help="What holds the artifact store: s3://bucket/prefix; a folder or volume of the host (docker); a "
            "PersistentVolumeClaim (kubernetes); a folder (process). Every machine of a study names the same."
        ),
    ] = None,
    values: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="VARIABLE=VALUE",
            help="Another variable of the pool's template: --set image=registry/rewriting-agent:gpu, "
            "--set memory=200Gi, --set 'node_selector={pool: a100}'. Repeatable.",
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what Prefect would get; ask no server.")] = False,
) -> None:
    """Make a work pool, its queues high, default and low, and the deployment stage/NAME; again to change it.

    python -m infra.work_pools create gpu --gpus 4

    python -m infra.work_pools create gpu --type docker --gpus 4 --store /data/store

    python -m infra.work_pools create gpu --type kubernetes --gpus 8 --runs 0 --store s3://bucket/prefix
    """
    if kind not in KINDS:
        raise typer.BadParameter(f"--type {kind}: one of {', '.join(KINDS)}")
    chosen: Kind = kind  # type: ignore[assignment]
    try:
        made = template(chosen, gpus=gpus, store=store, values=dict(_pair(one) for one in values or []))
    except TemplateError as error:
        raise typer.BadParameter(str(error)) from None
    limit = runs or None
    if dry_run:
        print(json.dumps({"name": name, "type": kind, "concurrency_limit": limit, "base_job_template": made}, indent=2))
        return
    with client() as api:
        try:
            verb = register(api, name, chosen, made, limit)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None
    print(f"work pool {name} ({kind}, {gpus} GPUs a run, {runs or 'any number of'} runs at once): {verb}")
    how = f"python -m infra.work_pools serve {name}" if kind == "process" else f"prefect worker start --pool {name}"
    more = "" if kind == "process" else " (after `make setup-workers`)"
    print(f"nothing runs there until a worker serves it: {how}{more}")


@app.command()
def serve(
    name: Annotated[str, typer.Argument(help="A pool of type process.")],
    runs: Annotated[int, typer.Option(min=1, help="Runs that this worker has going on at once.")] = 1,
    grace: Annotated[
        float,
        typer.Option(min=0, help="Seconds after SIGUSR1 until runs that go on are ended and put back."),
    ] = 0,
    queue: Annotated[
        list[str] | None, typer.Option("--queue", help="Take runs of this queue only; repeatable.")
    ] = None,
) -> None:
    """Serve a pool of type process on this machine until it is told to end.

    SIGUSR1: take no further runs, end when those that go on have ended, or after --grace seconds. SIGTERM, Ctrl-C: end
    now. A run that is ended so goes back into its queue; whoever takes it goes on from the engines' last checkpoints.
    """
    from infra.work_pools.worker import WorkerError, serve_pool

    with client() as api:
        pool = api.get(f"/work_pools/{name}")
        if pool.status_code == httpx.codes.NOT_FOUND:
            raise typer.BadParameter(f"there is no work pool {name!r}: python -m infra.work_pools create {name}")
        said = pool.raise_for_status().json()
    try:
        serve_pool(name, said, runs=runs, grace=grace, queues=queue)
    except WorkerError as error:
        raise typer.BadParameter(str(error)) from None


def client() -> httpx.Client:
    """A client of the server that PREFECT_API_URL names, else of the one that `make up` started here."""
    api = os.environ.get("PREFECT_API_URL") or address()
    if not api:
        raise typer.BadParameter(
            "no Prefect server: `make up` starts one; PREFECT_API_URL=http://HOST:4200/api names one"
        )
    os.environ |= {"PREFECT_API_URL": api} | login()
    return client_of(api, basic_auth())


def _pair(given: str) -> tuple[str, Any]:
    name, equals, value = given.partition("=")
    if not equals:
        raise typer.BadParameter(f"--set {given}: is not VARIABLE=VALUE, as in --set memory=200Gi")
    try:
        return name, parsed(value)
    except YamlError:
        raise typer.BadParameter(f"--set {given}: {value!r} is no YAML") from None


if __name__ == "__main__":
    app()
