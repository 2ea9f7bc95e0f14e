"""OpenLineage events of the stages that run here, to a file or over HTTP: REWRITING_AGENT_OPENLINEAGE.

    with told(missing, home, log) as begin:      # in tasks/runtime/stage.py, around the building of what is missing
        begin(time.time())                       # START; then COMPLETE of what is published, else FAIL or ABORT

What is only looked up is not told: nothing ran, and the run that built it told of it. A stage that is killed outright
(kill -9, a power cut) leaves its START open; the attempt after it is another run.
"""

import fcntl
import json
import logging
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.runtime.sinks import lineage_events, sinks
from tasks.runtime.stopping import Stopped
from tasks.runtime.store.store import Manifest, Store

if TYPE_CHECKING:
    from openlineage.client import OpenLineageClient

TIMEOUT = 5.0  # seconds for an answer to one event
Log = logging.Logger | logging.LoggerAdapter[logging.Logger]


@contextmanager
def told(manifests: Mapping[str, Manifest], home: Store, log: Log) -> Iterator[Callable[[float], None]]:
    """Tell of the building of `manifests`; yields what is called when it begins, with that moment.

    What the block raises goes on its way; what the sink raises does not.
    """
    begun: list[float] = []

    def tell(how: lineage_events.How, manifest: Manifest, error: BaseException | None = None) -> None:
        if sinks.target("openlineage") is None or sinks.resting("openlineage"):
            return
        with sinks.harmless("openlineage", log):
            if how == "COMPLETE":
                emit(lineage_events.events_of(home.manifest(manifest.key), home)[1:])
                return
            at = None if error is None else time.time()
            emit([lineage_events.run_event(how, manifest, begun[0], home, error, at)])

    def begin(started: float) -> None:
        begun.append(started)
        for manifest in manifests.values():
            tell("START", manifest)

    try:
        yield begin
    except BaseException as error:
        ended: lineage_events.How = (
            "FAIL" if isinstance(error, Exception) and not isinstance(error, Stopped) else "ABORT"
        )
        for manifest in manifests.values() if begun else ():
            tell(ended, manifest, error)
        raise
    for manifest in manifests.values():
        tell("COMPLETE", manifest)


def emit(events: Iterable[Any]) -> None:
    """Send events to where the setting says. Raises what the transport raises."""
    where = sinks.target("openlineage")
    assert where is not None
    for event in events:
        with _alone(where):
            client(where).emit(event)


def export(manifests: Iterable[Manifest], home: Store) -> int:
    """Send the events of published artifacts, inputs first; returns how many.

    A file gets those that it lacks. A server gets all: the ids are those of the first time, so it has each run once.
    """
    where = sinks.target("openlineage")
    assert where is not None
    there = _in_file(Path(where)) if not is_address(where) else set()
    sent = 0
    for manifest in manifests:
        lacking = [
            event
            for event in lineage_events.events_of(manifest, home)
            if (event.run.runId, event.eventType.value if event.eventType else "") not in there
        ]
        emit(lacking)
        sent += len(lacking)
    return sent


def is_address(where: str) -> bool:
    """Whether events go over HTTP; else into a file."""
    return where.startswith(("http://", "https://"))


@cache
def client(where: str) -> "OpenLineageClient":
    """The client for a file or an address; to an address OPENLINEAGE_API_KEY goes along, where it is given."""
    sinks.check(["openlineage"])
    from openlineage.client import OpenLineageClient
    from openlineage.client.transport.file import FileConfig, FileTransport
    from openlineage.client.transport.http import ApiKeyTokenProvider, HttpConfig, HttpTransport, TokenProvider
    from openlineage.client.transport.transport import Transport

    transport: Transport
    if is_address(where):
        key = os.environ.get("OPENLINEAGE_API_KEY")
        auth = ApiKeyTokenProvider({"apiKey": key}) if key else TokenProvider({})
        # Once: the stage waits for it, and what was missed can be exported.
        transport = HttpTransport(HttpConfig(url=where, timeout=TIMEOUT, auth=auth, retry={"total": 0}))
    else:
        Path(where).parent.mkdir(parents=True, exist_ok=True)
        transport = FileTransport(FileConfig(log_file_path=where, append=True))
    return OpenLineageClient(transport=transport)


@contextmanager
def _alone(where: str) -> Iterator[None]:
    """Lines of several threads and runs stay whole: an event of a report is longer than what one write takes."""
    if is_address(where):
        yield
        return
    client(where)  # makes the folder
    descriptor = os.open(where, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _in_file(path: Path) -> set[tuple[str, str]]:
    """Run id and type of every event in the file."""
    if not path.exists():
        return set()
    with path.open(encoding="utf-8") as lines:
        events = [json.loads(line) for line in lines if line.strip()]
    return {(event["run"]["runId"], event["eventType"]) for event in events}
