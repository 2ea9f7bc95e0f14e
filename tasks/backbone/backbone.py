"""Imports a backbone: a transformers model folder, from a path or from the hub at a pinned commit.

In:  BackboneConfig(name="nano", model="infra/nano/model")
Out: config.json  model.safetensors  tokenizer.json  tokenizer_config.json  chat_template.jinja

A chat template that prints today's date (Llama-3.2's do) would give another prompt every day: its date is pinned,
and the pinned template is saved with the tokenizer, so it is part of the backbone's digest.
"""

import json
import os
import re
import shutil
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

from tasks.rows.precision import parameters
from tasks.rows.source import SourceError, download, source_identity
from tasks.runtime.progress import report
from tasks.runtime.stage import Metrics, stage

FILES = ["*.json", "*.safetensors", "*.model", "*.jinja", "*.txt"]
# Mistral's own format beside the same weights in transformers': vLLM would prefer it, and fine-tuned models lack it.
OTHER_FORMAT = ["consolidated*", "params.json"]
NEVER = re.compile(r"(training_args|optimizer|.*\.(bin|pt|pth|pkl|pickle|py|gguf|onnx))$")
PINNED_DATE = "26 Jul 2024"  # the date that Llama-3.2's template falls back to
TODAY = re.compile(r"strftime_now\([^)]*\)")


class BackboneConfig(BaseModel):
    """A backbone pi_0."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(description="What reports call it.", json_schema_extra={"key": False})
    model: str = Field(
        description="Folder of the model, or its id on the hub.",
        json_schema_extra={"key": False},
    )
    revision: str | None = Field(
        None, description="Commit on the hub, 40 hex digits.", json_schema_extra={"key": False}
    )
    tokenizer_only: SkipJsonSchema[bool] = Field(False, description="Import the tokenizer without the weights.")

    def source(self) -> object:
        """What the key holds of the model: its content, or its pinned commit."""
        return source_identity(self.model, self.revision)


@stage(version=2, identity=BackboneConfig.source)
def backbone(config: BackboneConfig, out: Path) -> Metrics:
    """Import a backbone's files; weights are hard-linked where the file systems allow it.

    Raises:
        SourceError: a file is missing, or the weights are not safetensors.
    """
    patterns = [pattern for pattern in FILES if not (config.tokenizer_only and pattern == "*.safetensors")]
    folder = download(config.model, config.revision, "model", patterns, OTHER_FORMAT)
    other = {path for pattern in OTHER_FORMAT for path in folder.glob(pattern)}
    found = {path for pattern in patterns for path in folder.glob(pattern) if not NEVER.match(path.name)}
    files = sorted(found - other)
    names = {path.name for path in files}
    missing = {"config.json", "tokenizer.json", "tokenizer_config.json"} - names
    if missing:
        raise SourceError(f"{config.model}: {', '.join(sorted(missing))} missing; is it a transformers model folder?")
    if not config.tokenizer_only and not any(name.endswith(".safetensors") for name in names):
        raise SourceError(f"{config.model}: no *.safetensors; convert the weights first (pickled weights are not read)")
    for done, path in enumerate(files, 1):
        _place(path.resolve(), out / path.name)
        report(done, len(files), "files")
    pinned = _pin_chat_template(out, config.model)
    return {"files": len(files), "parameters": parameters(out), "chat_template_pinned": pinned}


def _place(source: Path, target: Path) -> None:
    target.unlink(missing_ok=True)
    if source.suffix == ".safetensors" and source.stat().st_size > 64 * 2**20:
        try:
            os.link(source, target)
            return
        except OSError:
            pass  # another file system
    shutil.copyfile(source, target)


def _pin_chat_template(folder: Path, model: str) -> bool:
    """Write the chat template to its own file with the date pinned; returns whether there was a date to pin."""
    tokenizer_config = folder / "tokenizer_config.json"
    settings = json.loads(tokenizer_config.read_text(encoding="utf-8"))
    file = folder / "chat_template.jinja"
    template = file.read_text(encoding="utf-8") if file.exists() else settings.get("chat_template")
    if not isinstance(template, str):
        raise SourceError(f"{model}: has no chat template; an instruction-tuned model is needed as pi_0")
    pinned = TODAY.sub(lambda _: f'"{PINNED_DATE}"', template)
    pinned = pinned.replace("strftime_now is defined", "false")
    file.write_text(pinned, encoding="utf-8")
    if settings.pop("chat_template", None) is not None:
        tokenizer_config.write_text(json.dumps(settings, indent=1, ensure_ascii=False), encoding="utf-8")
    return pinned != template
