"""How much of a training is gone when the tuned model is read in bfloat16.

In:  pi_0's weight 0.1001, tuned 0.1003: bfloat16 goes from 0.1001 to 0.1006 there, so both are 0.1001
Out: 0.91      of the weights that training moved, the share that are pi_0's again

Weights are trained and kept in float32; an engine with `dtype: auto` reads them in bfloat16 on a GPU, and a light
training moves most by less than half of bfloat16's steps.
"""

from pathlib import Path

import torch
from safetensors import safe_open

from tasks.rows.tensors import places


def rounded_back(base: Path, tuned: Path) -> float | None:
    """Of the weights of `tuned` that differ from pi_0's, the share that do not in bfloat16; None where none differ.

    A tensor that one of the two folders lacks (a tied head that is written twice) is left out; one of each model is in
    memory at a time.
    """
    ours, theirs = places(base), places(tuned)
    moved = back = 0
    for name in sorted(ours.keys() & theirs.keys()):
        with safe_open(ours[name], framework="pt") as before, safe_open(theirs[name], framework="pt") as after:
            old, new = before.get_tensor(name), after.get_tensor(name)
        differ = old != new
        moved += int(differ.sum())
        back += int((differ & (old.to(torch.bfloat16) == new.to(torch.bfloat16))).sum())
    return back / moved if moved else None
