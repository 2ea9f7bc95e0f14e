"""prefect.yaml: a deployment a backbone, valid before any server sees it."""

import importlib
from typing import Any

import pytest
import yaml
from prefect.cli.deploy._models import PrefectYamlModel
from prefect.flows import Flow

from flows.experiment import (
    BACKBONES,
    METHODS,
    PRESETS,
    Experiment,
    backbone_names,
    load_experiment,
    merged,
    preset_names,
)
from infra.deployments import synced
from tests.conftest import ROOT

TEXT = (ROOT / "prefect.yaml").read_text()
DEPLOYMENTS = yaml.safe_load(TEXT)["deployments"]
PIPELINES = {one["name"]: one for one in DEPLOYMENTS if "pipeline" in one["entrypoint"]}
STUDIES = {one["name"]: one for one in DEPLOYMENTS if "study" in one["entrypoint"]}


def name_of(deployment: dict[str, Any]) -> str:
    return f"{deployment['entrypoint'].partition(':')[2]}/{deployment['name']}"


def flow_of(deployment: dict[str, Any]) -> Flow[Any, Any]:
    path, name = deployment["entrypoint"].split(":")
    found = getattr(importlib.import_module(path.removesuffix(".py").replace("/", ".")), name)
    assert isinstance(found, Flow)
    return found


def filled(schema: dict[str, Any], value: Any, definitions: dict[str, Any]) -> Any:
    """What the UI's run form sends (seen on 3.8.8): every field that it shows, with the value given, else the
    schema's default; without either nothing, but an empty JSON field as a mark without a value."""
    if "$ref" in schema:
        schema = definitions[schema["$ref"].rpartition("/")[2]]
    if "properties" in schema:
        value = value or {}
        fields = {
            name: filled(field, value.get(name, field.get("default")), definitions)
            for name, field in schema["properties"].items()
            if name in value or "default" in field or "$ref" in field or field.get("type") == "object"
        }
        return value | fields
    if schema.get("type") == "object":
        return value or {"__prefect_kind": "json"}
    if schema.get("type") == "array" and value:
        return [filled(schema["items"], one, definitions) for one in value]
    return value


@pytest.mark.parametrize("name", sorted(PIPELINES))
def test_the_run_form_sent_as_it_opens_runs_what_the_backbones_file_says(name: str) -> None:
    flow = flow_of(PIPELINES[name])
    schema = flow.parameters.model_dump()
    sent = filled(schema, PIPELINES[name]["parameters"], schema["definitions"])
    assert sent["experiment"]["sample"]["seed"] == 0, "the form fills in what the file leaves out"
    assert flow.validate_parameters(sent)["experiment"] == load_experiment(*told(name))


def test_the_run_form_shows_nothing_that_the_flow_itself_decides() -> None:
    shown = flow_of(PIPELINES["nano"]).parameters.model_dump()["definitions"]
    decided = {
        "BackboneConfig": {"tokenizer_only"},
        "SplitConfig": {"part"},
        "RewriteConfig": {"shard"},
        "FinetuneConfig": {"loss"},
        "TrainAgentConfig": {"gate"},
        "MeasureConfig": {"gate"},
    }
    assert {model: fields & set(shown[model]["properties"]) for model, fields in decided.items()} == {
        model: set() for model in decided
    }


def test_prefect_reads_the_file() -> None:
    model = PrefectYamlModel.model_validate(yaml.safe_load((ROOT / "prefect.yaml").read_text()))
    assert len(model.deployments) == len(DEPLOYMENTS)


def told(name: str) -> tuple[str, None, list[str]]:
    """The backbone and the preset that a deployment is named for, as `load_experiment` takes them."""
    for preset in preset_names():
        backbone = name.removesuffix(f"-{preset.replace('_', '-')}")
        if backbone != name:
            return backbone, None, [preset]
    return name, None, []


def test_every_backbone_has_a_pipeline_deployment_and_the_large_ones_one_a_machine_of_another_size() -> None:
    large = [name for name in backbone_names() if load_experiment(name).train_agent.engine == "verl"]
    sizes = {f"{name}-{size}" for name in large for size in ("one-gpu", "several-machines")}
    assert set(PIPELINES) == {*backbone_names(), *sizes}


@pytest.mark.parametrize("name", sorted(PIPELINES))
def test_a_deployment_says_what_the_files_say(name: str) -> None:
    parameters = PIPELINES[name]["parameters"]
    backbone, _, presets = told(name)
    said = yaml.safe_load((BACKBONES / f"{backbone}.yaml").read_text())
    for preset in presets:
        said = merged(said, yaml.safe_load((PRESETS / f"{preset}.yaml").read_text()))
    assert parameters["experiment"] == said, "run `python -m infra.deployments`"
    assert Experiment.model_validate(parameters["experiment"]).backbone.name == backbone


def test_copying_the_backbones_files_repairs_and_leaves_the_rest() -> None:
    """`python -m infra.deployments` on a file whose blocks are stale gives the file as it is."""
    stale = TEXT.replace("          model:", "          forgotten: true\n          model:").replace("7.0e-6", "1.0")
    assert stale != TEXT
    assert synced(stale) == TEXT, "run `python -m infra.deployments`"
    assert "forgotten" not in synced(stale)


def test_the_study_compares_all_methods_on_nano() -> None:
    parameters = STUDIES["nano"]["parameters"]
    assert parameters["experiments"] == [PIPELINES["nano"]["parameters"]["experiment"]]
    assert set(parameters["methods"]) == set(METHODS)


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=name_of)
def test_a_deployments_entrypoint_takes_its_parameters(deployment: dict[str, Any]) -> None:
    flow = flow_of(deployment)
    flow.validate_parameters(deployment["parameters"])
    assert set(flow.parameters.properties) >= set(deployment["parameters"])


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=name_of)
def test_schedules_are_written_and_inactive(deployment: dict[str, Any]) -> None:
    assert deployment["schedules"]
    assert all(schedule["cron"] and schedule["active"] is False for schedule in deployment["schedules"])
    assert deployment["work_pool"]["name"] == "local"
    assert deployment["concurrency_limit"]["limit"] == 1
    assert deployment["tags"]
