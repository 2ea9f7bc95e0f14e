"""What the UI shows of a trained agent: its curves, and where it began and ended.

| | first steps | last steps |
| pass rate | 0.41 | 0.89 |
"""

from collections.abc import Mapping

from tasks.runtime.show import picture, table
from tasks.runtime.store import Manifest, Store

FIGURES = {
    "pass_rate": "pass rate of the rewrites",
    "nll": "NLL of passing rewrites under the backbone, nats/token",
    "diversity": "D(S+)",
    "length_passing": "length of passing rewrites, tokens",
    "kl": "KL to the backbone, nats",
}


def view(built: Mapping[str, Manifest], home: Store) -> str:
    """The curves of GRPO, and the means of the first and of the last three steps."""
    [manifest] = built.values()
    said = manifest.metrics
    rows = [(words, said.get(f"{name}_first"), said.get(f"{name}_last")) for name, words in FIGURES.items()]
    figures = table(("", "first three steps", "last three steps"), rows)
    steps = f"{said['steps']} steps on {said['kept']} rows, {said['seconds']:.0f} s."
    return f"{figures}\n\n{steps}\n\n{picture('curves', manifest.key, 'reward and its parts over the steps')}"
