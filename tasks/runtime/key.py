"""The key of an artifact: what it is made from, not who asked.

    key = H(stage, version, config without paths, identity, digests of the inputs, digest of the environment's lock)

A config field marked `json_schema_extra={"key": False}` does not change the result and is left out of the key. One
marked {"key": "unless default"} is in the key where it has another value than its default, so that artifacts made
without the field are found. A nested config that has an `identity()` is represented by it.
"""

from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from tasks.runtime.files.digest import digest_file, digest_value
from tasks.runtime.settings import ROOT, settings
from tasks.runtime.store.store import Artifact, Manifest

Inputs = dict[str, Artifact]


def stage_key(
    name: str, version: int, environment: str, config: BaseModel, identity: Any, inputs: Inputs
) -> tuple[str, dict[str, Any]]:
    """The key of an artifact and the config that went into it."""
    in_key = config_for_key(config)
    return _key(name, version, in_key, identity, inputs, lock_digest(environment)), in_key


def twin(manifest: Manifest, inputs: Inputs) -> str:
    """The key of what the same stage and config make of other inputs: of a model's scores, those of its backbone."""
    lock = manifest.environment["lock"]
    return _key(manifest.kind, manifest.stage_version, manifest.config, manifest.identity, inputs, lock)


def _key(stage: str, version: int, config: dict[str, Any], identity: Any, inputs: Inputs, lock: str) -> str:
    parts = {
        "stage": stage,
        "version": version,
        "config": config,
        "identity": identity,
        "inputs": {name: artifact.digest for name, artifact in sorted(inputs.items())},
        "environment": lock,
    }
    return digest_value(parts)[:32]


def config_for_key(config: BaseModel) -> dict[str, Any]:
    """The config without what does not change the result."""
    kept: dict[str, Any] = {}
    for name, field in type(config).model_fields.items():
        extra = field.json_schema_extra
        if isinstance(extra, dict) and extra.get("key") is False:
            continue
        value = getattr(config, name)
        if (
            isinstance(extra, dict)
            and extra.get("key") == "unless default"
            and value == field.get_default(call_default_factory=True)
        ):
            continue
        if isinstance(value, BaseModel):
            kept[name] = value.identity() if hasattr(value, "identity") else config_for_key(value)
        else:
            kept[name] = config.model_dump(mode="json", include={name})[name]
    return kept


def lock_file(environment: str) -> Path:
    """The lock that `environment` is installed from on this machine's kind of device."""
    folder = ROOT / "infra" / "environments"
    if environment == "core":
        return folder / "core.txt"
    return folder / f"{environment}.{'cuda' if settings().cuda() else 'cpu'}.txt"


def lock_digest(environment: str) -> str:
    """Digest of the environment's lock."""
    return _digest_of(lock_file(environment))


_digest_of = cache(digest_file)  # of files that change with the checkout alone


def flatten(inputs: dict[str, Any], prefix: str = "") -> Inputs:
    """Inputs by name; a dict of artifacts as `name.key`, an input that was not given left out."""
    flat: Inputs = {}
    for name, value in inputs.items():
        if isinstance(value, dict):
            flat |= flatten(value, f"{prefix}{name}.")
        elif isinstance(value, Artifact):
            flat[prefix + name] = value
        elif value is not None:
            raise TypeError(f"input {prefix}{name} is a {type(value).__name__}, not an Artifact")
    return flat
