"""prefect.yaml: a deployment a backbone, valid before any server sees it."""

import importlib
from typing import Any

import pytest
import yaml
from prefect.cli.deploy._models import PrefectYamlModel
from prefect.flows import Flow

from flows.experiment import load_experiment
from flows.experiment_files import backbone_names
from flows.form import QUESTIONS, experiments_of, name_of, tags_of
from tasks.methods.method import methods
from tests.conftest import ROOT

DEPLOYMENTS = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]
KINDS = ("pipeline", "study", "ablation")
ASKING = [one for one in DEPLOYMENTS if one["entrypoint"].partition(":")[2] in KINDS]


def name_of_deployment(deployment: dict[str, Any]) -> str:
    return str(deployment["name"])


def kind(deployment: dict[str, Any]) -> str:
    return str(deployment["entrypoint"].partition(":")[2])


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


@pytest.mark.parametrize("deployment", ASKING, ids=name_of_deployment)
def test_the_run_form_sent_as_it_opens_runs_what_the_backbones_file_says(deployment: dict[str, Any]) -> None:
    flow = flow_of(deployment)
    schema = flow.parameters.model_dump()
    opened = {name: field["default"] for name, field in schema["properties"].items() if "default" in field}
    sent = filled(schema, opened | deployment["parameters"], schema["definitions"])
    taken = flow.validate_parameters(sent)
    assert (taken.get("experiment"), taken.get("experiments")) == (None, None)
    (backbone,) = taken.get("backbones") or [taken["backbone"]]
    assert experiments_of(sent) == [load_experiment(backbone)]
    assert list(taken["seeds"]) == [0]
    assert deployment["name"] == backbone + {"pipeline": ""}.get(kind(deployment), f"-{kind(deployment)}")


def test_a_whole_experiment_of_the_forms_advanced_field_is_the_one_that_was_filled_in() -> None:
    flow = flow_of(ASKING[0])
    schema = flow.parameters.model_dump()
    experiment = load_experiment("nano").model_dump(mode="json", exclude_unset=True)
    sent = filled(schema["definitions"]["Experiment"], experiment, schema["definitions"])
    assert sent["sample"]["seed"] == 0, "the form fills in what the file leaves out"
    assert flow.validate_parameters({"experiment": sent})["experiment"] == load_experiment("nano")


def test_the_form_asks_first_for_method_seeds_preset_and_changes_and_explains_every_question() -> None:
    for deployment in ASKING:
        asked = sorted(flow_of(deployment).parameters.properties.items(), key=lambda one: one[1]["position"])
        assert all(field["description"] == QUESTIONS[name] for name, field in asked)
    first = [name for name, _ in sorted(flow_of(ASKING[0]).parameters.properties.items(),
             key=lambda one: one[1]["position"])]  # fmt: skip
    assert first == ["method", "seeds", "preset", "changes", "backbone", "experiment"]
    told = QUESTIONS["method"]
    assert all((one.name if one.variant else f"{one.name}: {one.said}") in told for one in methods().values())


def test_the_run_form_shows_nothing_that_the_flow_itself_decides() -> None:
    shown = flow_of(ASKING[0]).parameters.model_dump()["definitions"]
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


def test_every_backbone_has_a_pipeline_a_study_and_an_ablation_and_no_two_deployments_share_a_name() -> None:
    assert {(one["parameters"].get("backbone") or one["parameters"]["backbones"][0], kind(one)) for one in ASKING} == {
        (backbone, flow) for backbone in backbone_names() for flow in KINDS
    }
    assert len({one["name"] for one in DEPLOYMENTS}) == len(DEPLOYMENTS)


@pytest.mark.parametrize("deployment", ASKING, ids=name_of_deployment)
def test_its_tags_are_those_that_its_runs_get(deployment: dict[str, Any]) -> None:
    parameters = deployment["parameters"]
    of_runs = tags_of(kind(deployment), parameters, experiments_of(parameters))
    assert set(deployment["tags"]) == {tag for tag in of_runs if not tag.startswith("method:")}


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=name_of_deployment)
def test_a_deployments_entrypoint_takes_its_parameters(deployment: dict[str, Any]) -> None:
    flow = flow_of(deployment)
    missing = {"reports": ["nano-sft-seed-0"]} if kind(deployment) == "report_of" else {}
    flow.validate_parameters(missing | deployment.get("parameters", {}))
    assert set(flow.parameters.properties) >= set(deployment.get("parameters", {}))
    for schedule in deployment.get("schedules", []):
        flow.validate_parameters(deployment.get("parameters", {}) | schedule["parameters"])


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=name_of_deployment)
def test_schedules_are_written_and_inactive(deployment: dict[str, Any]) -> None:
    # A report is asked for by name, a plan before a run.
    assert deployment.get("schedules") or kind(deployment) in ("report_of", "plan")
    assert all(schedule["cron"] and schedule["active"] is False for schedule in deployment.get("schedules", []))
    needs_gpus = any(tag.startswith("gpu:") for tag in deployment["tags"])
    assert deployment["work_pool"]["name"] == ("gpu" if needs_gpus else "local")
    assert deployment["concurrency_limit"]["limit"] == 1
    assert deployment["tags"]


@pytest.mark.parametrize(
    ("flow", "parameters", "name"),
    [
        ("pipeline", {}, "nano-rewriting_agent-seed-0"),
        ("pipeline", {"method": "sft", "seeds": "next"}, "nano-sft-seed-next"),
        ("pipeline", {"backbone": "my/mine.v0.3.yaml", "method": "dft", "seeds": [1, 4]}, "mine.v0.3-dft-seeds-1-4"),
        ("study", {"backbones": ["nano", "mine"], "preset": ["smoke"]}, "nano-mine-smoke-study-seed-0"),
        ("ablation", {"experiment": {"backbone": {"name": "own"}}, "seeds": [2]}, "own-ablation-seed-2"),
    ],
)
def test_a_run_is_called_by_backbone_method_and_seed(flow: str, parameters: dict[str, Any], name: str) -> None:
    assert name_of(flow, parameters) == name


def test_tags_tell_kind_backbone_method_and_gpus() -> None:
    parameters = {"backbone": "Llama-3.2-1B-Instruct", "method": "sdft", "preset": ["one_gpu"]}
    tags = tags_of("pipeline", parameters, experiments_of(parameters))
    assert tags == ["backbone:Llama-3.2-1B-Instruct", "gpu:1", "kind:pipeline", "method:sdft"]
