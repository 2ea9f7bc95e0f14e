"""What the UI shows of a fine-tuned model: its loss."""

from collections.abc import Mapping

from tasks.runtime.show import picture, table
from tasks.runtime.store.store import Manifest, Store


def view(built: Mapping[str, Manifest], home: Store) -> str:
    """The loss over the steps, where it began and ended, what was left out, and what bfloat16 rounds away."""
    [manifest] = built.values()
    said = manifest.metrics
    names = {"first_loss": "first loss, nats/token", "final_loss": "final loss", "steps": "steps", "kept": "rows"}
    left_out = {"bad": "unusable rows left out", "overlong": "rows longer than the limit left out"}
    rows = [(words, said.get(name)) for name, words in (names | left_out).items()]
    if (back := said.get("rounded_back")) is not None:
        rows.append(("moved weights that are pi_0's again in bfloat16", f"{100 * back:.0f} %"))
    return f"{table(('', ''), rows)}\n\n{picture('curves', manifest.key, 'loss over the steps')}"
