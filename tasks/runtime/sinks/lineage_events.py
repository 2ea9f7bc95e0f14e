"""A stage's run as OpenLineage tells it: what began, what it was made from, what it made, how it ended.

In:  a manifest: {"kind": "finetune", "key": "5f0c…", "inputs": {"dataset": …}, "timings": {"started": 1.79e9, …}, …}
Out: RunEvent(eventType=COMPLETE, job=rewriting-agent/finetune, run=0199…, inputs=[assemble/a74f…],
     outputs=[finetune/5f0c…])

A job is a stage; a run is one attempt to build one artifact, its id made of the artifact's key and the moment at which
it began: told live or exported later from the manifest, an event is the same. A dataset is an artifact, `kind/key`, in
one namespace on every machine: a key says what it was made from, not where it lies. The package is in the environment
`sinks` alone: it is imported where an event is made.
"""

import datetime
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from tasks.runtime.files.secret import without_secrets
from tasks.runtime.revision import repository
from tasks.runtime.store.store import Artifact, Manifest, Store, StoreError

if TYPE_CHECKING:
    from openlineage.client.event_v2 import RunEvent

NAMESPACE = "rewriting-agent"
PRODUCER = "urn:rewriting-agent"
LONGEST = 4000  # characters of an error that an event holds
MAX_LINE = 2**20  # bytes of a row that are read for its fields

How = Literal["START", "COMPLETE", "FAIL", "ABORT"]
_TYPES = {str: "string", bool: "boolean", int: "integer", float: "number", list: "array", dict: "object"}


def run_event(how: How, manifest: Manifest, started: float, home: Store, error: BaseException | None = None, at: float
              | None = None) -> "RunEvent":  # fmt: skip
    """The event of a stage's run.

    Args:
        manifest: what is built; of COMPLETE the published one.
        started: when this attempt began, seconds since 1970; with the key it is the run's identity.
        error: why it failed.
        at: when the event happened; the attempt's beginning by default.
    """
    from openlineage.client.event_v2 import Job, OutputDataset, Run, RunEvent, RunState
    from openlineage.client.uuid import generate_static_uuid

    begun = datetime.datetime.fromtimestamp(started, datetime.UTC)
    happened = begun if at is None else datetime.datetime.fromtimestamp(at, datetime.UTC)
    name = _name(manifest.kind, manifest.key)
    outputs = []
    if how == "COMPLETE":  # what fails leaves no dataset
        outputs = [OutputDataset(NAMESPACE, name, facets=_output(manifest, home), outputFacets=_statistics(manifest))]
    return RunEvent(
        eventType=RunState[how],
        eventTime=happened.isoformat(timespec="microseconds"),
        run=Run(str(generate_static_uuid(begun, manifest.key.encode())), _run(manifest, home, error)),
        job=Job(NAMESPACE, manifest.kind, _job(manifest)),
        inputs=_inputs(manifest, home),
        outputs=outputs,
        producer=PRODUCER,
    )


def events_of(manifest: Manifest, home: Store) -> list["RunEvent"]:
    """START and COMPLETE of what was published, as they were told when it was built."""
    started = float(manifest.timings["started"])
    ended = started + float(manifest.timings.get("seconds") or 0.0)
    return [
        run_event("START", manifest, started, home),
        run_event("COMPLETE", manifest, started, home, at=ended),
    ]


def _name(kind: str, key: str) -> str:
    return f"{kind}/{key}"


def _inputs(manifest: Manifest, home: Store) -> list[Any]:
    """The artifacts that it is made from, each once."""
    from openlineage.client.event_v2 import InputDataset

    by_key = {artifact.key: artifact for artifact in manifest.inputs.values()}
    return [InputDataset(NAMESPACE, _name(one.kind, key), facets=_input(one, home)) for key, one in by_key.items()]


def _input(artifact: Artifact, home: Store) -> dict[str, Any]:
    try:
        return _said_of(home.manifest(artifact.key), artifact.digest, home)
    except (StoreError, OSError, ValueError):  # gone from the store: its key and digest are known all the same
        return _said_of(None, artifact.digest, home)


def _output(manifest: Manifest, home: Store) -> dict[str, Any]:
    from openlineage.client.facet_v2 import datasource_dataset as source
    from openlineage.client.facet_v2 import schema_dataset as schema

    folder = home.path(manifest.key)
    said = _said_of(manifest, manifest.digest, home)
    said["dataSource"] = source.DatasourceDatasetFacet(name="store", uri=folder.as_uri(), producer=PRODUCER)
    rows = [(entry.path, fields) for entry in manifest.files if (fields := _fields(folder / entry.path))]
    if rows:
        tables = [
            schema.SchemaDatasetFacetFields(
                name=path, type="rows", fields=[schema.SchemaDatasetFacetFields(name, kind) for name, kind in fields]
            )
            for path, fields in rows
        ]
        said["schema"] = schema.SchemaDatasetFacet(fields=tables, producer=PRODUCER)
    return said


def _said_of(manifest: Manifest | None, digest: str, home: Store) -> dict[str, Any]:
    """Version and readable name of an artifact."""
    from openlineage.client.facet_v2 import dataset_version_dataset as version
    from openlineage.client.facet_v2 import documentation_dataset as documentation

    said: dict[str, Any] = {"version": version.DatasetVersionDatasetFacet(digest, producer=PRODUCER)}
    if manifest is not None:
        said["documentation"] = documentation.DocumentationDatasetFacet(home.name(manifest), producer=PRODUCER)
    return said


def _fields(file: Path) -> list[tuple[str, str]]:
    """Names and types of a row file's fields, by its first row; none of another file, or of an empty one."""
    if file.suffix != ".jsonl":
        return []
    with file.open("rb") as lines:
        first = lines.readline(MAX_LINE)
    try:
        row = json.loads(first)
    except ValueError:
        return []
    return [(name, _TYPES.get(type(value), "null")) for name, value in row.items()] if isinstance(row, dict) else []


def _statistics(manifest: Manifest) -> dict[str, Any]:
    from openlineage.client.facet_v2 import output_statistics_output_dataset as statistics

    rows, size = manifest.metrics.get("rows"), sum(entry.bytes for entry in manifest.files)
    counted = rows if isinstance(rows, int) else None
    found = statistics.OutputStatisticsOutputDatasetFacet(counted, size, len(manifest.files), producer=PRODUCER)
    return {"outputStatistics": found}


def _job(manifest: Manifest) -> dict[str, Any]:
    from openlineage.client.facet_v2 import job_type_job, source_code_location_job

    kind = job_type_job.JobTypeJobFacet("BATCH", "PREFECT", "TASK", producer=PRODUCER)
    code = source_code_location_job.SourceCodeLocationJobFacet(
        type="git",
        url=repository(),
        repoUrl=repository(),
        version=manifest.run.get("commit") or None,
        producer=PRODUCER,
    )
    return {"jobType": kind, "sourceCodeLocation": code}


def _run(manifest: Manifest, home: Store, error: BaseException | None) -> dict[str, Any]:
    from openlineage.client.facet_v2 import error_message_run, parent_run, tags_run

    said = {"key": manifest.key, "name": home.name(manifest), "host": manifest.run.get("host", "")}
    said |= {name: str(seed) for name, seed in manifest.seeds.items()}
    tags = [tags_run.TagsRunFacetFields(name, value, "INTEGRATION") for name, value in said.items() if value]
    facets: dict[str, Any] = {"tags": tags_run.TagsRunFacet(tags, producer=PRODUCER)}
    if flow_run := manifest.run.get("flow_run_id"):
        facets["parent"] = parent_run.ParentRunFacet(
            parent_run.Run(flow_run),
            parent_run.Job(NAMESPACE, manifest.run.get("flow") or "flow"),
            producer=PRODUCER,
        )
    if error is not None:
        message = without_secrets(f"{type(error).__name__}: {error}")[:LONGEST]
        facets["errorMessage"] = error_message_run.ErrorMessageRunFacet(message, "PYTHON", producer=PRODUCER)
    return facets
