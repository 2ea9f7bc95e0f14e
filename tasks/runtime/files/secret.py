"""Secrets: what of a text is one, the text without it, and the fields of an experiment that hold one.

In:  "no answer from http://me:pa55@judge/v1?api_key=k"          {"gate": {"judge": {"extra_body": {"api_key": "k"}}}}
Out: "no answer from http://<login>@judge/v1?api_key=<secret>"   ["gate.judge.extra_body.api_key"]

A secret comes by an environment variable and is read where it is used. What an experiment says is written down in
manifests, reports, events and Prefect's database; so a secret in it is refused before any of these.
"""

import os
import re
from collections.abc import Iterable, Iterator
from typing import Any

_VARIABLE = re.compile(r"TOKEN|SECRET|PASSWORD|API_KEY|AUTH(?!OR)")
_SHORTEST = 8  # characters; shorter values of such variables ("false") are no secrets
_LOGIN = re.compile(r"(\w://)[^/\s@]+@")
_IN_QUERY = re.compile(r"([?&][\w-]*(?:key|token|secret|password|signature|sig)[\w-]*=)[^&\s]+", re.I)
_HEADER = re.compile(r"((?:Bearer|Basic)\s+)\S+", re.I)
# As the hub, OpenAI and those like it, W&B, GitHub and AWS write them.
_SHAPE = re.compile(
    r"(?<![\w/])(?:hf_[A-Za-z0-9]{20,}|sk-(?=[\w-]*\d)[\w-]{20,}|wandb_v1_\w{20,}|gh[pousr]_\w{20,}|AKIA[0-9A-Z]{16})(?!\w)"
)
_FIELD = re.compile(
    r"(.*[_-])?(secret|password|api[_-]?key|authorization)|((auth|access|api|bearer|hf)[_-]?)?token", re.I
)


def mask(line: str) -> str:
    """The line without the value of any secret that the environment holds."""
    for name, value in _known().items():
        line = line.replace(value, f"<{name}>")
    return line


def without_secrets(text: str) -> str:
    """The text without logins in addresses, keys in their queries, bearers, tokens, and values of secret variables."""
    text = _SHAPE.sub("<secret>", _LOGIN.sub(r"\1<login>@", mask(text)))
    return _HEADER.sub(r"\1<secret>", _IN_QUERY.sub(r"\1<secret>", text))


def fields_with_secrets(values: Any) -> Iterator[str]:
    """Dotted fields that hold a secret by what they are called, by its shape, or as a secret variable's value."""
    known = [value for value in _known().values() if not value.startswith("/")]  # a file's path
    for names in _holding(values, (), known):
        yield ".".join(without_secrets(str(name)) for name in names)


def refusal(fields: Iterable[str]) -> str:
    """Why what holds a secret in these fields is refused, and where a secret goes instead."""
    return (
        f"{', '.join(fields)}: looks like a secret, and manifests, reports and Prefect's database would keep it: give "
        "it as an environment variable where the command, `make up` or the worker is started (the judge's key as the "
        "one that gate.judge.api_key_env names, the hub's as HF_TOKEN)"
    )


def _holding(values: Any, names: tuple[Any, ...], known: list[str]) -> Iterator[tuple[Any, ...]]:
    if isinstance(values, dict | list | tuple):
        for name, value in values.items() if isinstance(values, dict) else enumerate(values):
            if isinstance(value, str) and value and _FIELD.fullmatch(str(name)):
                yield (*names, name)
            else:
                yield from _holding(value, (*names, name), known)
    elif isinstance(values, str) and (
        any(secret in values for secret in known)
        or any(pattern.search(values) for pattern in (_LOGIN, _IN_QUERY, _SHAPE))
    ):
        yield names


def _known() -> dict[str, str]:
    named = {name: value for name, value in os.environ.items() if _VARIABLE.search(name)}
    return {name: value for name, value in named.items() if len(value) >= _SHORTEST}
