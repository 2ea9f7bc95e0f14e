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

from tasks.backbone import package
from tasks.backbone.config import OTHER_FORMAT, BackboneConfig
from tasks.backbone.spec import CheckSpec, GgufSpec
from tasks.rows.precision import parameter_count, parameters
from tasks.rows.source import SourceError, download, local_path
from tasks.runtime.engines.engine import run
from tasks.runtime.engines.spec import read_metrics
from tasks.runtime.progress.progress import report
from tasks.runtime.settings import settings
from tasks.runtime.stage import Metrics, stage
from tasks.runtime.store.store import Store

PINNED_DATE = "26 Jul 2024"  # the date that Llama-3.2's template falls back to
LFS_POINTER = b"version https://git-lfs"
BOM = b"\xef\xbb\xbf"
TODAY = re.compile(r"strftime_now\([^)]*\)")


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
    if lacking := config.lacks(folder):
        raise SourceError(f"{config.model}: {lacking}")
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
