"""A bar in the Prefect UI that moves: a progress artifact of the run around. Outside of a run there is none."""

from typing import Any
from uuid import UUID

import httpx
from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.context import FlowRunContext, TaskRunContext
from prefect.exceptions import PrefectHTTPStatusError


class ProgressArtifact:
    """Belongs to the run in which it is first published. A server that died is no reason to lose a run's work."""

    def __init__(self, name: str, log: Any) -> None:
        self.name, self.log = name, log
        self.id: UUID | None = None
        self.unreachable = False

    def publish(self, percent: float) -> None:
        """Show `percent`, 0 to 100."""
        if self.unreachable or (TaskRunContext.get() is None and FlowRunContext.get() is None):
            return
        try:
            if self.id is None:
                created = create_progress_artifact(progress=percent, description=self.name)
                self.id = created if isinstance(created, UUID) else None
            else:
                update_progress_artifact(artifact_id=self.id, progress=percent)
        except (httpx.TransportError, PrefectHTTPStatusError) as error:
            self.unreachable = True
            self.log.warning("%s: its progress is no longer shown in the UI: %s", self.name, error)
