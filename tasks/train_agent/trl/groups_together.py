"""The rewrites of a prompt lie beside each other in the micro-batches of an update, so that it is read once for them.

In:  micro-batches of an update of rows [b, a], [a, b], as TRL has shuffled them
Out: [b, b], [a, a]

TRL shuffles a step's rows, and a prompt is read again in each micro-batch that has a rewrite of it. An update has the
rows that it had, so it is the same but for rounding.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch

Batch = Mapping[str, Any]  # tensors with a row a rewrite ("prompt_ids", "prompt_mask", …), scalars, None


def together(batches: Sequence[Batch], per_update: int) -> list[Batch]:
    """The micro-batches of a step, `per_update` of them an update, with the same rows in another order.

    An update that is one micro-batch is left as it is.
    """
    if per_update == 1:
        return list(batches)
    found: list[Batch] = []
    for start in range(0, len(batches), per_update):
        found += _regrouped(batches[start : start + per_update])
    return found


def _regrouped(batches: Sequence[Batch]) -> list[Batch]:
    prompts = [tuple(row.tolist()) for batch in batches for row in batch["prompt_ids"]]
    first = {prompt: place for place, prompt in reversed(list(enumerate(prompts)))}
    order = torch.tensor(sorted(range(len(prompts)), key=lambda row: first[prompts[row]]))
    sizes = [len(batch["prompt_ids"]) for batch in batches]
    columns = {name: _in_order([batch[name] for batch in batches], order, sizes) for name in batches[0]}
    return [{name: parts[at] for name, parts in columns.items()} for at in range(len(batches))]


def _in_order(parts: list[Any], order: torch.Tensor, sizes: list[int]) -> Sequence[Any]:
    """A column's parts after its rows were put in this order; what has no rows is left where it was."""
    if not isinstance(parts[0], torch.Tensor) or parts[0].ndim == 0:
        return parts
    return torch.cat(parts)[order.to(parts[0].device)].split(sizes)
