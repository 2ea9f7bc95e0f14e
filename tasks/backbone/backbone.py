"""Imports a backbone: a transformers folder, a hub id at a pinned commit, a GGUF file, or one inside Python packages.

In:  BackboneConfig(name="nano", model="infra/nano/model")
Out: config.json  model.safetensors  tokenizer.json  tokenizer_config.json  chat_template.jinja

A GGUF file is converted once to such a folder. Before a model is published it is tried: it must read plain text and
end its answers. docs/backbones.md tells how to bring one.

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

from tasks.backbone import package
from tasks.backbone.spec import CheckSpec, GgufSpec
from tasks.rows.precision import parameter_count, parameters
from tasks.rows.source import SourceError, download, local_path, source_identity
from tasks.runtime.digest import digest_entries, digest_file
from tasks.runtime.engine import run
from tasks.runtime.known_digests import known_digests, known_file_digest
from tasks.runtime.progress import report
from tasks.runtime.settings import ROOT, settings
from tasks.runtime.spec import read_metrics
from tasks.runtime.stage import Metrics, stage
from tasks.runtime.store import Store

FILES = ["*.json", "*.safetensors", "*.model", "*.jinja", "*.txt"]
# Mistral's own format beside the same weights in transformers': vLLM would prefer it, and fine-tuned models lack it.
OTHER_FORMAT = ["consolidated*", "params.json"]
NEVER = re.compile(r"(training_args|optimizer|.*\.(bin|pt|pth|pkl|pickle|py|gguf|onnx))$")
PINNED_DATE = "26 Jul 2024"  # the date that Llama-3.2's template falls back to
CONVERSION = 1  # raised whenever a GGUF file is converted otherwise than before
GGUF_LOCK = ROOT / "infra" / "environments" / "gguf.txt"
LFS_POINTER = b"version https://git-lfs"
BOM = b"\xef\xbb\xbf"
TODAY = re.compile(r"strftime_now\([^)]*\)")


class BackboneConfig(BaseModel):
    """A backbone pi_0."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(description="What reports call it.", json_schema_extra={"key": False})
    model: str = Field(
        description="Folder of the model, its id on the hub, a GGUF file, or package:NAME==VERSION:FILE, a GGUF file "
        "in a Python package (several, with blanks between: its parts, joined).",
        json_schema_extra={"key": False},
    )
    revision: str | None = Field(
        None, description="Commit on the hub, 40 hex digits.", json_schema_extra={"key": False}
    )
    sha256: str | None = Field(
        None,
        pattern="^[0-9a-f]{64}$",
        description="SHA-256 of the whole GGUF file, 64 hex digits; a package needs it.",
        json_schema_extra={"key": False},
    )
    chat_template: str | None = Field(
        None,
        description="File with a chat template (Jinja) that takes the place of the model's own, or stands where it has "
        "none.",
        json_schema_extra={"key": False},
    )
    max_plain_nll: float | None = Field(
        4.0,
        gt=0,
        description="The import fails where the NLL of a plain English paragraph is higher, nats a token; None: the "
        "model reads no English.",
        json_schema_extra={"key": False},
    )
    answers_end: bool = Field(
        True,
        description="The import fails where no greedy answer to a plain question ends by itself.",
        json_schema_extra={"key": False},
    )
    tokenizer_only: SkipJsonSchema[bool] = Field(False, description="Import the tokenizer without the weights.")

    def is_gguf(self) -> bool:
        """Whether the model is a GGUF file, which has to be converted."""
        return self.model.startswith(package.PREFIX) or self.model.lower().endswith(".gguf")

    def is_tried(self) -> bool:
        """Whether the model is tried before it is published."""
        return not self.tokenizer_only and (self.max_plain_nll is not None or self.answers_end)

    def source(self) -> object:
        """What the key holds of the model: its content, or its pinned commit, and a chat template that was given."""
        if self.is_gguf():
            source: object = {
                "gguf": self._gguf_digest(),
                "conversion": CONVERSION,
                "gguf_lock": digest_file(GGUF_LOCK),
            }
        else:
            if self.sha256 is not None:
                raise SourceError(f"{self.model}: `sha256` is for a GGUF file; `revision` pins a model on the hub")
            folder = local_path(self.model)
            if folder is not None and folder.is_dir():
                files = self.imported(folder)
                digests = zip(files, known_digests(files, folder), strict=True)
                source = digest_entries((path.name, path.stat().st_size, digest) for path, digest in digests)
            else:
                source = source_identity(self.model, self.revision)
        template = self.template()
        return source if template is None else {"model": source, "chat_template": template}

    def imported(self, folder: Path) -> list[Path]:
        """The files of a model's folder that are read, and make its key: others that lie beside them are of no matter.

        The hub's cache keeps links; what they lead to is read.
        """
        patterns = self.patterns()
        other = {path for pattern in OTHER_FORMAT for path in folder.glob(pattern)}
        found = {path for pattern in patterns for path in folder.glob(pattern) if not NEVER.match(path.name)}
        return sorted(path for path in found - other if path.is_file() and not path.name.startswith("."))

    def patterns(self) -> list[str]:
        """Names of the files that are read."""
        return [pattern for pattern in FILES if not (self.tokenizer_only and pattern == "*.safetensors")]

    def template(self) -> str | None:
        """The chat template that was given. Raises SourceError where it cannot be read."""
        if self.chat_template is None:
            return None
        path = local_path(self.chat_template)
        if path is None or not path.is_file():
            raise SourceError(f"backbone.chat_template: {self.chat_template} is no file")
        return path.read_text(encoding="utf-8")

    def _gguf_digest(self) -> str:
        if self.model.startswith(package.PREFIX):
            package.parts_of(self.model)
            if self.sha256 is None:
                raise SourceError(f"{self.model}: give `sha256`, that of the whole GGUF file (64 hex digits)")
            return self.sha256
        path = local_path(self.model)
        if path is None:
            raise SourceError(f"{self.model}: no such file")
        digest = known_file_digest(path)
        if self.sha256 not in (None, digest):
            raise SourceError(f"{self.model} has SHA-256 {digest}, not {self.sha256} as `sha256` says: another file")
        return digest


@stage(
    version=2,
    environment=lambda config: "inference" if config.is_gguf() else "core",
    gpus=lambda config: int(config.is_tried()),
    identity=BackboneConfig.source,
)
def backbone(config: BackboneConfig, out: Path) -> Metrics:
    """Import a backbone's files and try the model; weights are hard-linked where the file systems allow it.

    Returns:
        files, parameters, chat_template_pinned; of a GGUF file tensors, tied_again, kl_of_tying, kl_of_folder (nats a
        token); of a model that was tried plain_nll (nats a token), answer_tokens.

    Raises:
        SourceError: a file is missing, the weights are not safetensors, a digest is not the one that was named, a GGUF
            file cannot be converted, or the model fails a check.
    """
    figures = _convert(config, out) if config.is_gguf() else _copy(config, out)
    pinned = _pin_chat_template(out, config)
    figures |= {"parameters": parameters(out), "chat_template_pinned": pinned}
    if config.is_tried():
        spec = CheckSpec(
            folder=out,
            max_plain_nll=config.max_plain_nll,
            answers_end=config.answers_end,
            out=out,
            cuda=settings().cuda(),
        )
        run("inference", "tasks.backbone.check_engine", spec, out)
        figures |= _accepted(config, read_metrics(out))
    return figures


def _copy(config: BackboneConfig, out: Path) -> Metrics:
    """Place the files of a folder, or of the hub, in `out`."""
    folder = download(config.model, config.revision, "model", config.patterns(), OTHER_FORMAT)
    files = config.imported(folder)
    names = {path.name for path in files}
    missing = {"config.json", "tokenizer.json", "tokenizer_config.json"} - names
    if missing:
        raise SourceError(f"{config.model}: {', '.join(sorted(missing))} missing; is it a transformers model folder?")
    if not config.tokenizer_only and not any(name.endswith(".safetensors") for name in names):
        raise SourceError(f"{config.model}: no *.safetensors; convert the weights first (pickled weights are not read)")
    for done, path in enumerate(files, 1):
        if path.suffix == ".safetensors":
            _check_weights(path)
        _place(path.resolve(), out / path.name)
        report(done, len(files), "files")
    return {"files": len(files)}


def _check_weights(path: Path) -> None:
    """Raises SourceError where a file holds no safetensors."""
    with path.open("rb") as file:
        begin = file.read(len(LFS_POINTER))
    if begin == LFS_POINTER:
        raise SourceError(f"{path} is a Git LFS pointer, not the weights: run `git lfs pull` in its repository")
    try:
        parameter_count(path)
    except (ValueError, MemoryError, OverflowError, KeyError, TypeError, AttributeError) as error:
        size = path.stat().st_size
        raise SourceError(f"{path}: its {size} bytes are no whole safetensors file: copy it again ({error})") from None


def _convert(config: BackboneConfig, out: Path) -> Metrics:
    """Make a folder of a GGUF file, by an engine: the core has no torch."""
    source = local_path(config.model) or _downloaded(config, out / "scratch")
    # A folder of its own: transformers would read a config.json beside the file.
    alone = out / "scratch" / "gguf" / "model.gguf"
    alone.parent.mkdir(parents=True, exist_ok=True)
    alone.unlink(missing_ok=True)
    alone.symlink_to(source)
    spec = GgufSpec(gguf=alone, chat_template=config.template(), weights=not config.tokenizer_only, out=out)
    run("inference", "tasks.backbone.gguf_engine", spec, out)
    return _accepted(config, read_metrics(out)) | {"files": sum(path.is_file() for path in out.iterdir())}


def _downloaded(config: BackboneConfig, scratch: Path) -> Path:
    """The GGUF file out of its packages. It stays in the store's downloads/: the tokenizer and the whole model are two
    artifacts, and both are made of it."""
    assert config.sha256 is not None  # `source` has asked for it
    home = Store(settings().store)
    file = home.root / "downloads" / f"{config.sha256}.gguf"
    with home.lock(f"download-{config.sha256}"):
        if not file.exists():
            package.fetch(config.model, config.sha256, file, scratch / "wheels")
    return file


def _accepted(config: BackboneConfig, figures: Metrics) -> Metrics:
    """An engine's figures. Raises SourceError with its reason where it refused the model."""
    if "refused" in figures:
        raise SourceError(f"backbone {config.name} ({config.model}): {figures['refused']}")
    return figures


def _place(source: Path, target: Path) -> None:
    target.unlink(missing_ok=True)
    if source.suffix == ".safetensors" and source.stat().st_size > 64 * 2**20:
        try:
            os.link(source, target)
            return
        except OSError:
            pass  # another file system
    content = source.read_bytes() if source.suffix == ".json" else b""
    if content.startswith(BOM):  # JSON with a byte order mark: transformers does not read it
        target.write_bytes(content.removeprefix(BOM))
    else:
        shutil.copyfile(source, target)


def _pin_chat_template(folder: Path, config: BackboneConfig) -> bool:
    """Write the chat template to its own file with the date pinned; returns whether there was a date to pin."""
    tokenizer_config = folder / "tokenizer_config.json"
    settings = json.loads(tokenizer_config.read_text(encoding="utf-8"))
    file = folder / "chat_template.jinja"
    own = file.read_text(encoding="utf-8") if file.exists() else settings.get("chat_template")
    if isinstance(own, list):  # several by name; a plain chat is rendered with the one called default
        own = next((one.get("template") for one in own if one.get("name") == "default"), None)
    template = config.template() or own
    if not isinstance(template, str):
        raise SourceError(
            f"{config.model}: has no chat template; an instruction-tuned model is needed as pi_0. Where its template "
            "was lost, name a file with it: backbone.chat_template=template.jinja"
        )
    pinned = TODAY.sub(lambda _: f'"{PINNED_DATE}"', template)
    pinned = pinned.replace("strftime_now is defined", "false")
    file.write_text(pinned, encoding="utf-8")
    if settings.pop("chat_template", None) is not None:
        tokenizer_config.write_text(json.dumps(settings, indent=1, ensure_ascii=False), encoding="utf-8")
    return pinned != template
