"""`json_schema`: the text holds JSON that fits the user's schema, with the named fields as in the reference.

In:  schema {"required": ["intent"], …}, same_fields [intent], gold '{"intent": "refund"}',
     solution 'The customer wants money back.\\n```json\\n{"intent": "refund", "urgent": true}\\n```'       Out: correct
"""

import json
import re
from typing import Any

from tasks.verify.types import AnswerVerdict, Candidate
from tasks.verify.verifiers.one_by_one import OneByOne
from tasks.verify.verifiers.options import VerifierOptions

_FENCE = re.compile(r"```(?:json)?[ \t]*\n(.*?)```", re.DOTALL | re.IGNORECASE)
_MISSING = object()


class JsonVerifier(OneByOne):
    """Validates the last JSON object or array of a text."""

    def __init__(self, options: VerifierOptions) -> None:
        """Raises ValueError: no schema is given, or the file holds none."""
        from jsonschema import SchemaError
        from jsonschema.validators import validator_for

        if options.schema_file is None:
            raise ValueError(
                "gate.verifier=json_schema: name the schema's file, gate.options.schema_file=answer.schema.json"
            )
        try:
            schema = json.loads(options.schema_file.read_text(encoding="utf-8"))
            kind = validator_for(schema)
            kind.check_schema(schema)
        except (ValueError, SchemaError) as error:
            raise ValueError(f"{options.schema_file} holds no JSON schema: {str(error).splitlines()[0]}") from None
        self.options, self.validator = options, kind(schema)

    def verifiable(self, gold: str) -> tuple[bool, str]:
        """Whether the reference itself fits the schema and has the fields that are compared."""
        value = last_json(gold)
        if value is _MISSING:
            return False, "it holds no JSON"
        if problem := self._problem(value):
            return False, problem
        missing = [name for name in self.options.same_fields if _at(value, name) is _MISSING]
        return (False, f"it has no field {missing[0]}") if missing else (True, "")

    def compare(self, candidate: Candidate) -> AnswerVerdict:
        """Whether the text's JSON fits, and its fields are those of the reference."""
        value, reference = last_json(candidate.solution), last_json(candidate.gold)
        wanted = json.dumps(reference, ensure_ascii=False)
        if value is _MISSING:
            return AnswerVerdict("no_answer", "no JSON object or array in it", None, wanted)
        got = json.dumps(value, ensure_ascii=False)
        if problem := self._problem(value):
            return AnswerVerdict("wrong", problem, got, wanted)
        for name in self.options.same_fields:
            if not _same(_at(value, name), _at(reference, name)):
                return AnswerVerdict("wrong", f"another {name} than the reference's", got, wanted)
        return AnswerVerdict("correct", "fits the schema", got, wanted)

    def _problem(self, value: Any) -> str | None:
        error = next(iter(sorted(self.validator.iter_errors(value), key=lambda one: list(map(str, one.path)))), None)
        if error is None:
            return None
        return f"does not fit the schema at {'.'.join(map(str, error.path)) or 'its top'}: {error.message[:200]}"


def last_json(text: str) -> Any:
    """The last JSON object or array of a text: of its last fenced block, else from its first bracket that parses."""
    fenced = _FENCE.findall(text)
    body, decoder = fenced[-1] if fenced else text, json.JSONDecoder()
    value, at, tried = _MISSING, 0, 0
    while (opening := re.compile(r"[{\[]").search(body, at)) and tried < 1000:
        tried += 1
        try:
            value, at = decoder.raw_decode(body, opening.start())
        except (ValueError, RecursionError):
            at = opening.start() + 1
    return value


def _at(value: Any, field: str) -> Any:
    for name in field.split("."):
        if not isinstance(value, dict) or name not in value:
            return _MISSING
        value = value[name]
    return value


def _same(one: Any, other: Any) -> bool:
    """As JSON: true is not 1."""
    return (
        one is not _MISSING
        and other is not _MISSING
        and json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    )
