"""Every stage that runs is told of in OpenLineage's words, once, and a sink that fails costs one warning."""

import json
import logging
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openlineage.client.serde import Serde

from tasks.runtime.settings import settings
from tasks.runtime.sinks import openlineage_sink, sinks
from tasks.runtime.sinks.lineage_events import events_of, run_event
from tasks.runtime.store.store import Artifact, Manifest, Store
from tests.tasks.runtime.sinks.openlineage_server import openlineage_server
from tests.tasks.runtime.stages_for_tests import CountConfig, count_and_double

LOG = logging.getLogger("test")
FLOW_RUN = "0199b2a4-1111-7222-8333-444455556666"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setenv("REWRITING_AGENT_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("STARTS", str(tmp_path / "starts"))
    turn_on(monkeypatch, str(tmp_path / "events" / "openlineage.jsonl"))
    yield Store(tmp_path / "store")
    settings.cache_clear()


def turn_on(monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    monkeypatch.setenv("REWRITING_AGENT_OPENLINEAGE", where)
    settings.cache_clear()
    openlineage_sink.client.cache_clear()
    sinks._failures.clear()


def events(tmp_path: Path) -> list[dict[str, Any]]:
    path = tmp_path / "events" / "openlineage.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def planned(key: str, inputs: dict[str, Artifact] | None = None) -> Manifest:
    run = {"task_run": "finetune nll (sft/0)", "flow_run_id": FLOW_RUN, "flow": "pipeline", "commit": "33cf1d6a0b21"}
    return Manifest(kind="finetune", key=key, inputs=inputs or {}, run=run, seeds={"seed": 42, "asked": 0})


def build(home: Store, manifest: Manifest, fails: BaseException | None = None) -> None:
    """What a stage does between beginning and end."""
    with openlineage_sink.told({"finetune": manifest}, home, LOG) as begin:
        home.partial(manifest.key).mkdir(parents=True, exist_ok=True)
        (home.partial(manifest.key) / "rows.jsonl").write_text('{"id": "a", "nll": 0.5, "passed": true}\n' * 3)
        started = time.time()
        begin(started)
        if fails:
            raise fails
        manifest.metrics, manifest.timings = {"rows": 3}, {"started": started, "seconds": 1.5}
        home.publish(manifest)


def test_a_stage_that_runs_is_told_of_with_what_it_was_made_from_and_what_it_made(home: Store, tmp_path: Path) -> None:
    build(home, planned("aa" * 16))
    build(home, planned("bb" * 16, {"dataset": home.manifest("aa" * 16).artifact()}))
    *_, started, completed = events(tmp_path)
    assert [started["eventType"], completed["eventType"]] == ["START", "COMPLETE"]
    assert started["run"]["runId"] == completed["run"]["runId"] != events(tmp_path)[0]["run"]["runId"]
    assert completed["job"]["namespace"] == "rewriting-agent"
    assert completed["job"]["name"] == "finetune"
    assert completed["job"]["facets"]["sourceCodeLocation"]["version"] == "33cf1d6a0b21"
    assert completed["run"]["facets"]["parent"]["run"]["runId"] == FLOW_RUN
    assert completed["run"]["facets"]["parent"]["job"]["name"] == "pipeline"
    (given,), (made,) = completed["inputs"], completed["outputs"]
    assert given["name"] == f"finetune/{'aa' * 16}"
    assert given["facets"]["version"]["datasetVersion"] == home.manifest("aa" * 16).digest
    assert given["facets"]["documentation"]["description"] == "finetune/sft-seed0/aaaaaaaa"
    assert made["name"] == f"finetune/{'bb' * 16}"
    (table,) = made["facets"]["schema"]["fields"]
    fields = {field["name"]: field["type"] for field in table["fields"]}
    assert fields == {"id": "string", "nll": "number", "passed": "boolean"}
    assert made["outputFacets"]["outputStatistics"]["rowCount"] == 3
    assert started["outputs"] == []


def test_a_failure_is_told_without_secrets_and_leaves_no_dataset(
    home: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUDGE_API_KEY", "sk-verysecret")
    error = ConnectionError("https://me:hunter2pass@host/v1?api_key=abcdef refused Bearer qwertz and sk-verysecret")
    with pytest.raises(ConnectionError):
        build(home, planned("aa" * 16), error)
    _, failed = events(tmp_path)
    said = failed["run"]["facets"]["errorMessage"]["message"]
    assert failed["eventType"] == "FAIL"
    assert "ConnectionError" in said
    assert "host/v1" in said
    assert not [secret for secret in ("hunter2pass", "abcdef", "qwertz", "sk-verysecret") if secret in said]
    assert failed["outputs"] == []
    with pytest.raises(KeyboardInterrupt):
        build(home, planned("aa" * 16), KeyboardInterrupt())
    assert events(tmp_path)[-1]["eventType"] == "ABORT"
    assert events(tmp_path)[-1]["run"]["runId"] != failed["run"]["runId"]  # another attempt is another run


def test_what_is_exported_later_is_what_was_told_and_a_file_gets_it_once(home: Store, tmp_path: Path) -> None:
    build(home, planned("aa" * 16))
    told = events(tmp_path)
    assert openlineage_sink.export([home.manifest("aa" * 16)], home) == 0
    assert events(tmp_path) == told
    (tmp_path / "events" / "openlineage.jsonl").unlink()
    assert openlineage_sink.export([home.manifest("aa" * 16)], home) == 2
    assert events(tmp_path) == told


def test_events_go_over_http_with_the_key_that_the_environment_gives(
    home: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENLINEAGE_API_KEY", "sk-verysecret")
    with openlineage_server() as received:
        turn_on(monkeypatch, received.url)
        build(home, planned("aa" * 16))
    assert [event["eventType"] for event in received.events] == ["START", "COMPLETE"]
    assert set(received.paths) == {"/api/v1/lineage"}
    assert set(received.logins) == {"Bearer sk-verysecret"}


def test_a_server_that_refuses_or_is_gone_costs_one_warning_and_no_stage(
    home: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with openlineage_server() as received:
        received.status = 500
        turn_on(monkeypatch, received.url.replace("//", "//me:hunter2pass@"))
        build(home, planned("aa" * 16))
        assert len(received.events) == 1  # rests after a failure
        sinks._failures["openlineage"].last = None
        build(home, planned("bb" * 16))
    assert home.manifest("bb" * 16).digest
    (warning,) = caplog.records
    assert "REWRITING_AGENT_OPENLINEAGE" in warning.message
    assert "rewriting-agent export REPORT --to openlineage" in warning.message
    assert "hunter2pass" not in warning.message
    turn_on(monkeypatch, received.url)
    started = time.monotonic()
    build(home, planned("cc" * 16))  # nobody listens there any more
    assert time.monotonic() - started < openlineage_sink.TIMEOUT
    assert len(caplog.records) == 2


def test_lines_of_many_threads_stay_whole(home: Store, tmp_path: Path) -> None:
    inputs = {f"part{n}": Artifact(kind="rewrite", key=f"{n:032}", digest="0" * 64) for n in range(100)}
    event = run_event("START", planned("aa" * 16, inputs), 1.0, home)
    threads = [threading.Thread(target=lambda: openlineage_sink.emit([event] * 8)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(events(tmp_path)) == 64
    assert len(json.dumps(events(tmp_path)[0])) > 2 * 8192


@pytest.mark.usefixtures("prefect_server")
def test_a_run_tells_of_the_stages_that_it_builds_and_not_of_those_that_it_finds(home: Store, tmp_path: Path) -> None:
    made = count_and_double(CountConfig())
    told = [(event["job"]["name"], event["eventType"]) for event in events(tmp_path)]
    assert told == [("count", "START"), ("count", "COMPLETE"), ("double", "START"), ("double", "COMPLETE")]
    parent = events(tmp_path)[-1]["run"]["facets"]["parent"]
    assert parent["job"]["name"] == "count-and-double"
    assert events(tmp_path)[2:] == [
        json.loads(Serde.to_json(tagged(e))) for e in events_of(home.manifest(made.key), home)
    ]
    count_and_double(CountConfig())
    assert len(events(tmp_path)) == 4
    with pytest.raises(ValueError, match="is empty"):
        count_and_double(CountConfig(upto=6, cut="row"))
    assert [event["eventType"] for event in events(tmp_path)[4:]] == ["START", "FAIL"]


def tagged(event: Any) -> Any:
    """With the tag that the client adds when it sends."""
    return openlineage_sink.client(settings().openlineage or "").update_event_tags_facets(event)


def test_events_are_valid_by_the_published_schemas(home: Store, tmp_path: Path, data_folder: Path) -> None:
    spec = data_folder / "openlineage"
    if not spec.is_dir():
        pytest.skip(f"{spec} does not hold OpenLineage's spec/OpenLineage.json and spec/facets/")
    from jsonschema import Draft202012Validator
    from referencing import Registry, Resource

    schemas = [json.loads(path.read_text()) for path in spec.rglob("*.json")]
    registry: Any = Registry().with_resources([(one["$id"], Resource.from_contents(one)) for one in schemas])
    known = {one["$id"] for one in schemas}
    build(home, planned("aa" * 16))
    build(home, planned("bb" * 16, {"dataset": home.manifest("aa" * 16).artifact()}))
    with pytest.raises(OSError, match="full"):
        build(home, planned("cc" * 16), OSError("the disk is full"))
    checked = 0
    for event in events(tmp_path):
        for part in parts(event):
            url = part.get("schemaURL") or part["_schemaURL"]
            assert url.partition("#")[0] in known, url
            Draft202012Validator({"$ref": url}, registry=registry).validate(part)
            checked += 1
    assert checked > 30


def parts(event: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The event, and each of its facets."""
    yield event
    for holder in (event["run"], event["job"], *event["inputs"], *event["outputs"]):
        for name in ("facets", "inputFacets", "outputFacets"):
            yield from (holder.get(name) or {}).values()
