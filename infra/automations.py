"""What the server does by itself; `make up` registers it.

A run whose process and worker were both killed with -9 has nobody left to say so: it would stay Running for ever,
and hold its deployment's only slot. A run sends a heartbeat every 180 s (PREFECT_FLOWS_HEARTBEAT_FREQUENCY); the
open-source server marks nothing by itself when they stop.
"""

from typing import Any

HEARTBEATS_MISSED = 3
HEARTBEAT_SECONDS = 180  # Prefect's default
ENDS = ("Completed", "Failed", "Cancelled", "Crashed")

MARK_CRASHED: dict[str, Any] = {
    "name": "Mark runs without heartbeats as crashed",
    "description": "Their process is gone, killed with -9 together with the worker.",
    "enabled": True,
    "trigger": {
        "type": "event",
        "posture": "Proactive",
        "match": {"prefect.resource.id": "prefect.flow-run.*"},
        "for_each": ["prefect.resource.id"],
        "after": ["prefect.flow-run.heartbeat"],
        "expect": ["prefect.flow-run.heartbeat", *(f"prefect.flow-run.{end}" for end in ENDS)],
        "threshold": 1,
        "within": HEARTBEATS_MISSED * HEARTBEAT_SECONDS,
    },
    "actions": [
        {
            "type": "change-flow-run-state",
            "state": "CRASHED",
            "message": f"No heartbeat for {HEARTBEATS_MISSED * HEARTBEAT_SECONDS} s: the run's process is gone. "
            "Run it again: it goes on where it was.",
        }
    ],
}

AUTOMATIONS = [MARK_CRASHED]
