"""What the UI shows of a trained agent: its curves, and where it began and ended.

| | first steps | last steps |
| pass rate | 0.41 | 0.89 |
"""

from collections.abc import Mapping

from tasks.runtime.show import picture, table
from tasks.runtime.store.store import Manifest, Store
from tasks.train_agent.step_log import MOST

FIGURES = {
    "pass_rate": "pass rate of the rewrites",
    "nll": "NLL of passing rewrites under the backbone, nats/token",
    "diversity": "D(S+)",
    "length_passing": "length of passing rewrites, tokens",
    "kl": "KL to the backbone, nats",
    "groups_without_signal": "groups whose rewards are all equal, share",
}
ADVICE = (
    "At first most groups taught nothing: of a row's rewrites none passed, or all passed alike. Where few pass: a "
    "lower `train_agent.temperature`, more `train_agent.candidates` or easier rows (docs/reading_curves.md)."
)


def view(built: Mapping[str, Manifest], home: Store) -> str:
    """The curves of GRPO, and the means of the first and of the last three steps."""
    [manifest] = built.values()
    said = manifest.metrics
    rows = [(words, said.get(f"{name}_first"), said.get(f"{name}_last")) for name, words in FIGURES.items()]
    figures = table(("", "first three steps", "last three steps"), rows)
    steps = f"{said['steps']} steps on {said['kept']} rows, {said['seconds']:.0f} s."
    if said.get("groups_without_signal_first", 0.0) > MOST:
        steps += f" {ADVICE}"
    return f"{figures}\n\n{steps}\n\n{picture('curves', manifest.key, 'reward and its parts over the steps')}"
