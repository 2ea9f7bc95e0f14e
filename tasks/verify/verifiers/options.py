"""What the verifiers can be told, and what their verdicts depend on besides it: the content of the user's own files.

In:  VerifierOptions(tolerance=0.5)                            --set gate.options.tolerance=0.5
Out: options.identity(): {"tolerance": 0.5}                    only what was set; a file by the digest of its content
"""

import re
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from tasks.runtime.files.digest import digest_file


class VerifierOptions(BaseModel):
    """Options of the verifiers other than `math`; each belongs to the verifiers that its description names."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    pattern: str | None = Field(
        default=None,
        description="exact, numeric, multiple_choice: regular expression whose first group is the answer, say "
        "'Diagnosis: (.+)'; the last match counts. Empty: a box, an answer tag, 'Answer: …' or the last line.",
    )
    ignore_case: bool = Field(default=True, description="exact: capital and small letters are the same.")
    tolerance: float = Field(
        default=0.0, ge=0, allow_inf_nan=False, description="numeric: difference that is still right."
    )
    relative_tolerance: float = Field(
        default=0.0, ge=0, lt=1, description="numeric: difference that is still right, as a share of the reference."
    )
    schema_file: Path | None = Field(default=None, description="json_schema: file that holds the JSON schema.")
    same_fields: tuple[str, ...] = Field(
        default=(),
        description="json_schema: dotted fields that must be as in the reference, say [intent, order.id].",
    )
    function: str | None = Field(
        default=None,
        pattern=r"\.py:[A-Za-z_][A-Za-z0-9_]*$",
        description="python: the function that decides, as path/to/file.py:function.",
    )
    code_sandbox: bool = Field(
        default=False, description="code: allow what a model wrote to be run, in a sandbox of this machine's kernel."
    )
    code_seconds: float = Field(default=10.0, ge=1, le=600, description="code: CPU seconds of one solution's tests.")
    code_memory_mib: int = Field(default=512, ge=64, le=65536, description="code: memory of each of its processes.")
    more: dict[str, Any] = Field(default_factory=dict, description="What a verifier of another package is told.")

    @field_validator("pattern")
    @classmethod
    def _pattern_is_one(cls, pattern: str | None) -> str | None:
        try:
            re.compile(pattern or "")
        except (re.error, RecursionError, OverflowError) as error:
            raise ValueError(f"{pattern!r} is no regular expression: {error}") from None
        return pattern

    @field_validator("schema_file")
    @classmethod
    def _file_is_there(cls, path: Path | None) -> Path | None:
        if path is not None and not path.is_file():
            raise ValueError(f"{path} is no file")
        return None if path is None else path.resolve()

    @field_validator("function")
    @classmethod
    def _function_file_is_there(cls, function: str | None) -> str | None:
        if function is None:
            return None
        path, _, name = function.rpartition(":")
        if not Path(path).is_file():
            raise ValueError(f"{path} is no file")
        return f"{Path(path).resolve()}:{name}"

    def given(self) -> set[str]:
        """The options that differ from their defaults."""
        return {name for name in type(self).model_fields if getattr(self, name) != getattr(DEFAULTS, name)}

    def identity(self) -> dict[str, Any]:
        """What the verdicts depend on; of files their content, wherever they lie."""
        values = self.model_dump(mode="json", include=self.given())
        if self.schema_file is not None:
            values["schema_file"] = digest_file(self.schema_file)
        if self.function is not None:
            path, _, name = self.function.rpartition(":")
            values["function"] = f"{name}@{digest_file(Path(path))}"
        return values


DEFAULTS = VerifierOptions()
