"""The base job template of a work pool: what Prefect's worker starts for a run, and the variables that a run may set.

In:  "kubernetes", gpus=4, store="s3://bucket/prefix", {"memory": "200Gi"}
Out: {"job_configuration": {…, "job_manifest": {…}},
      "variables": {"properties": {"gpus": {"default": 4, "maximum": 4}, …}}}

kubernetes.yaml, docker.yaml and process.yaml beside this file hold the templates; what is given becomes a variable's
default.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args

import yaml

from tasks.runtime.files.meant import meant

Kind = Literal["process", "docker", "kubernetes"]
KINDS: tuple[Kind, ...] = get_args(Kind)
HERE = Path(__file__).parent
SHARED_STORE = "REWRITING_AGENT_SHARED_STORE"

Template = dict[str, Any]


class TemplateError(ValueError):
    """A variable that the template does not have, or a value that does not fit it; says what would."""


def template(kind: Kind, *, gpus: int, store: str | None = None, values: Mapping[str, Any] | None = None) -> Template:
    """A pool's base job template.

    Args:
        gpus: of one run, at most; also what a run gets that does not say.
        store: a bucket's URL; else what holds the store: a host's folder or a volume (Docker), a claim (Kubernetes).
        values: defaults of other variables, by name.

    Raises:
        TemplateError: a variable that does not exist, or a value that does not fit.
    """
    from jsonschema import Draft202012Validator  # takes a tenth of a second, which `make up` and commands do not need

    made: Template = yaml.safe_load((HERE / f"{kind}.yaml").read_text(encoding="utf-8"))
    variables = made["variables"]["properties"]
    given = {"gpus": gpus} | _store(kind, store) | dict(values or {})
    if given["gpus"] < variables["gpus"]["minimum"]:
        raise TemplateError(f"gpus: a pool of type {kind} has at least {variables['gpus']['minimum']}")
    variables["gpus"]["maximum"] = given["gpus"]
    for name, value in given.items():
        if name not in variables:
            raise TemplateError(f"{kind} has no variable {name!r}: {meant(name, sorted(variables))}")
        wrong = next(iter(Draft202012Validator(variables[name]).iter_errors(value)), None)
        if wrong:
            raise TemplateError(f"{name}={value!r}: {wrong.message}. {variables[name].get('description', '')}".strip())
        default = variables[name].get("default")
        both = isinstance(default or {}, dict) and name == "env"
        variables[name]["default"] = {**(default or {}), **value} if both else value
    return made


def gpus_of(made: Template) -> int | None:
    """GPUs that a run of a pool may have at most; None where its template does not say (a pool made otherwise)."""
    said = made.get("variables", {}).get("properties", {}).get("gpus", {}).get("maximum")
    return None if said is None else int(said)


def _store(kind: Kind, store: str | None) -> dict[str, Any]:
    if store is None:
        return {}
    if "://" in store:
        folder = {"name": "store", "emptyDir": {}}  # in front of the bucket; it lives as long as the pod
        return {"env": {SHARED_STORE: store}} | ({"store": folder} if kind == "kubernetes" else {})
    if kind == "process":
        return {"env": {"REWRITING_AGENT_STORE": store}}
    if kind == "docker":
        return {"store": store}
    return {"store": {"name": "store", "persistentVolumeClaim": {"claimName": store}}}
