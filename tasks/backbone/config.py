"""A backbone as a file under infra/backbones names it, and what the key holds of it: its content, never its name.

In:  BackboneConfig(name="nano", model="infra/nano/model")
Out: source() "51ab…", the digest of the files that are read; of the hub a pinned commit, of a GGUF file its SHA-256
"""

import re
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

from tasks.backbone import package
from tasks.rows.source import SourceError, local_path, source_identity
from tasks.runtime.files.digest import digest_entries, digest_file
from tasks.runtime.files.known_digests import known_digests, known_file_digest
from tasks.runtime.settings import ROOT

FILES = ["*.json", "*.safetensors", "*.model", "*.jinja", "*.txt"]
NEEDED = {"config.json", "tokenizer.json", "tokenizer_config.json"}
# Mistral's own format beside the same weights in transformers': vLLM would prefer it, and fine-tuned models lack it.
OTHER_FORMAT = ["consolidated*", "params.json"]
NEVER = re.compile(r"(training_args|optimizer|.*\.(bin|pt|pth|pkl|pickle|py|gguf|onnx))$")
CONVERSION = 1  # raised whenever a GGUF file is converted otherwise than before
GGUF_LOCK = ROOT / "infra" / "environments" / "gguf.txt"


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

    def lacks(self, folder: Path) -> str:
        """What a model's folder lacks to be one, with what to do; "" where it lacks nothing."""
        names = {path.name for path in self.imported(folder)}
        if missing := sorted(NEEDED - names):
            return f"{', '.join(missing)} missing; is it a transformers model folder?"
        if not self.tokenizer_only and not any(name.endswith(".safetensors") for name in names):
            return "no *.safetensors; convert the weights first (pickled weights are not read)"
        return ""

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
