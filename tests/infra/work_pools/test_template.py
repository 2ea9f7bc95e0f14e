"""The base job templates: what Prefect's own workers make of them fits Docker's and Kubernetes' published schemas."""

import asyncio
import importlib
import json
from typing import Any
from uuid import uuid4

import kubernetes_validate
import pytest
from docker.models.containers import _create_container_args
from jsonschema import Draft202012Validator
from prefect.client.schemas.objects import FlowRun
from prefect.flows import Flow
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.workers.base import BaseWorker
from prefect.workers.process import ProcessWorker
from prefect_docker.worker import DockerWorker
from prefect_kubernetes.worker import KubernetesWorker
from typer.testing import CliRunner

from infra.work_pools.__main__ import app
from infra.work_pools.pool import PLACED
from infra.work_pools.template import KINDS, Kind, TemplateError, gpus_of, template
from infra.work_pools.worker import WorkerError, serve_pool
from tasks.runtime.settings import settings

WORKERS: dict[Kind, type[BaseWorker[Any, Any, Any]]] = {
    "process": ProcessWorker,
    "docker": DockerWorker,
    "kubernetes": KubernetesWorker,
}
KUBERNETES = ("1.29", "1.33", "1.37")


def configured(kind: Kind, made: dict[str, Any], variables: dict[str, Any]) -> Any:
    """What the worker would start for a run that sets `variables`."""
    run = FlowRun(id=uuid4(), flow_id=uuid4(), name="nano-sft-seed-0")
    of = WORKERS[kind].job_configuration
    with temporary_settings({PREFECT_API_URL: "http://192.0.2.1:4200/api"}):  # no server is asked: there are no blocks
        found = asyncio.run(of.from_template_and_values(made, variables))
        found.prepare_for_flow_run(run)
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_a_template_is_what_its_worker_takes(kind: Kind) -> None:
    made, theirs = template(kind, gpus=4), WORKERS[kind].get_default_base_job_template()
    needless = {"cluster_config", "registry_credentials", "memswap_limit"}  # logins and limits of the worker's own host
    assert theirs["job_configuration"].keys() - made["job_configuration"].keys() <= needless
    assert made["job_configuration"].keys() <= theirs["job_configuration"].keys()
    Draft202012Validator.check_schema(made["variables"])
    defaults = {name: one["default"] for name, one in made["variables"]["properties"].items() if "default" in one}
    Draft202012Validator(made["variables"]).validate(defaults)
    assert gpus_of(made) == 4


@pytest.mark.parametrize("version", KUBERNETES)
@pytest.mark.parametrize("store", ["claim", "s3://bucket/prefix"])
def test_a_kubernetes_job_fits_the_published_schema(store: str, version: str) -> None:
    made = template("kubernetes", gpus=4, store=store, values={"node_selector": {"pool": "a100"}})
    job = configured("kubernetes", made, {"gpus": 2, "memory": "200Gi", "env": {"OWN": "1"}}).job_manifest
    pod = job["spec"]["template"]["spec"]
    for where in ("parallelism", "completions"):
        del pod[where]  # prefect-kubernetes asks for them here; the API server drops them
    kubernetes_validate.validate(job, version, strict=True)
    container = pod["containers"][0]
    assert container["resources"]["limits"] == {"memory": "200Gi", "nvidia.com/gpu": 2}
    assert pod["nodeSelector"] == {"pool": "a100"}
    assert pod["tolerations"][0]["key"] == "nvidia.com/gpu"
    assert container["envFrom"] == [{"secretRef": {"name": "rewriting-agent", "optional": True}}]
    assert container["args"] == ["prefect", "flow-run", "execute"]
    variables = {one["name"]: one["value"] for one in container["env"]}
    assert variables["OWN"] == "1"
    assert variables["PREFECT_FLOW_RUN_EXECUTE_SIGTERM_BEHAVIOR"] == "reschedule"
    volumes = {one.pop("name"): one for one in pod["volumes"]}
    assert volumes["shared-memory"] == {"emptyDir": {"medium": "Memory", "sizeLimit": "16Gi"}}
    if store == "claim":
        assert volumes["store"] == {"persistentVolumeClaim": {"claimName": "claim"}}
    else:
        assert volumes["store"] == {"emptyDir": {}}
        assert variables.get("REWRITING_AGENT_SHARED_STORE") == store
    assert {one["name"] for one in container["volumeMounts"]} == volumes.keys()


def test_the_published_schema_finds_a_wrong_job() -> None:
    made = template("kubernetes", gpus=1)
    made["job_configuration"]["job_manifest"]["spec"]["template"]["spec"]["tolerations"] = [{"operater": "Exists"}]
    job = configured("kubernetes", made, {}).job_manifest
    with pytest.raises(kubernetes_validate.ValidationError, match="operater"):
        kubernetes_validate.validate(job, "1.33", strict=True)


def test_a_docker_container_gets_gpus_shared_memory_and_its_folders() -> None:
    made = template("docker", gpus=4, store="/data/store")
    configuration = configured("docker", made, {"gpus": 2, "memory": "200g"})
    worker = object.__new__(DockerWorker)
    settings = worker._build_container_settings(_Docker(), configuration)  # type: ignore[arg-type]
    sent = _create_container_args({**settings, "version": "1.44"})
    host = sent["host_config"]
    assert host["DeviceRequests"] == [
        {"Driver": "nvidia", "Count": 2, "DeviceIDs": [], "Capabilities": [["gpu"]], "Options": {}}
    ]
    assert host["ShmSize"] == 16 * 1024**3
    assert host["Memory"] == 200 * 1024**3
    assert host["Init"] is True
    assert host["Binds"] == ["/data/store:/store", "rewriting-agent-cache:/cache"]
    assert sent["image"] == "rewriting-agent:gpu"


class _Docker:
    """The one thing that Prefect asks Docker's daemon here."""

    def version(self) -> dict[str, str]:
        return {"Version": "28.2.2"}


def test_a_wrong_variable_or_value_is_told_with_what_fits() -> None:
    with pytest.raises(TemplateError, match="no variable 'imag': did you mean image"):
        template("docker", gpus=1, values={"imag": "x"})
    with pytest.raises(TemplateError, match=r"memory='200 GB'.*Memory of the pod"):
        template("kubernetes", gpus=1, values={"memory": "200 GB"})
    with pytest.raises(TemplateError, match="docker has at least 1"):
        template("docker", gpus=0)


def test_a_dry_run_prints_the_pool_and_asks_no_server() -> None:
    done = CliRunner().invoke(app, ["create", "gpu", "--type", "kubernetes", "--gpus", "8", "--runs", "0", "--dry-run"])
    said = json.loads(done.stdout)
    assert (said["name"], said["type"], said["concurrency_limit"]) == ("gpu", "kubernetes", None)
    assert said["base_job_template"] == template("kubernetes", gpus=8)


def test_a_machine_with_fewer_gpus_than_the_pool_promises_does_not_serve_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REWRITING_AGENT_DEVICE", "cuda")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    settings.cache_clear()
    pool = {"type": "process", "base_job_template": template("process", gpus=4)}
    try:
        with pytest.raises(WorkerError, match=r"promises 4 GPUs, this machine has 1 .*create gpu-1 --gpus 1"):
            serve_pool("gpu", pool, runs=1, grace=0)
    finally:
        settings.cache_clear()
    with pytest.raises(WorkerError, match="of type docker: prefect worker start --pool gpu"):
        serve_pool("gpu", {"type": "docker"}, runs=1, grace=0)


def test_stages_sent_to_a_pool_have_an_entrypoint_that_can_be_imported() -> None:
    module, _, name = PLACED.rpartition(".")
    assert isinstance(getattr(importlib.import_module(module), name), Flow)
