"""An experiment as a YAML file with comments: what each part is, in the form's words, and why a value is there.

In:  {"backbone": {"name": "mine", "model": "/models/mine"}, "sample": {"rows": 88}}, {"sample.rows": "all there are"}
Out: # pi_0: the model that rewrites, scores and is fine-tuned.
     backbone:
       name: mine
       model: /models/mine

     # What is drawn from the corpora.
     sample:
       rows: 88  # all there are
"""

import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from flows.experiment import Experiment

WIDTH = 120


def as_yaml(values: Mapping[str, Any], head: str, why: Mapping[str, str]) -> str:
    """The values in the experiment's order.

    Args:
        values: as `Experiment` validates them.
        head: what the file opens with.
        why: a remark by dotted field.
    """
    parts = [_remark(head)]
    for name, field in Experiment.model_fields.items():
        if name in values:
            lines = _lines(name, values[name], name, "", why)
            parts.append("\n".join([_remark(field.description or name), *lines]))
    return "\n\n".join(parts) + "\n"


def _lines(name: str, value: Any, path: str, indent: str, why: Mapping[str, str]) -> Iterator[str]:
    remark = f"  # {why[path]}" if path in why else ""
    if isinstance(value, Mapping) and value:
        yield f"{indent}{name}:{remark}"
        for inner, one in value.items():
            yield from _lines(str(inner), one, f"{path}.{inner}", indent + "  ", why)
    elif isinstance(value, list) and value and all(isinstance(one, Mapping) for one in value):
        yield f"{indent}{name}:{remark}"
        for number, one in enumerate(value):
            for place, (inner, below) in enumerate(one.items()):
                lines = _lines(str(inner), below, f"{path}.{number}.{inner}", indent + "    ", why)
                for line in lines:
                    first = place == 0 and line.startswith(f"{indent}    {inner}:")
                    yield f"{indent}  - {line.lstrip()}" if first else line
    else:
        yield f"{indent}{name}: {_plain(value)}{remark}"


def _plain(value: Any) -> str:
    """A value on one line, as YAML reads it again."""
    text = yaml.safe_dump(value, default_flow_style=True, width=10**9, allow_unicode=True)
    return text.removesuffix("\n").removesuffix("\n...")


def _remark(text: str) -> str:
    return "\n".join(f"# {line}" for part in text.splitlines() for line in textwrap.wrap(part, WIDTH - 2))
