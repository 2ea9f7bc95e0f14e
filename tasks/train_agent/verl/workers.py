"""What verl's workers import by their configuration's `external_lib`: our loss and attention register themselves."""

from tasks.train_agent.verl import one_update, packed

__all__ = ["one_update", "packed"]
