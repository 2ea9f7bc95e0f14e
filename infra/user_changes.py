"""What a user changed of the deployments in the UI, kept over `make up`, which registers prefect.yaml anew.

    prefect.yaml at the last `make up`: the weekly schedule off        (deployed.json in PREFECT_HOME remembers it)
    the server now:                     the weekly schedule on, seed 3 (the user's)
    prefect.yaml now:                   a new description
    after `make up`:                    the weekly schedule on, seed 3, the new description

A field that differs from what was registered is the user's and stays; every other one follows prefect.yaml. The
schedules are one field, and so is each parameter. A deployment that is deleted in the UI comes back as prefect.yaml has
it. Parameters that a flow no longer has are dropped, and named.
"""

import json
from pathlib import Path
from typing import Any

import httpx

from tasks.runtime.files.whole_file import write_json

PLAIN = ("paused", "description", "tags", "job_variables", "concurrency_options", "work_pool_name", "work_queue_name")
SCHEDULE = ("schedule", "active", "max_scheduled_runs", "parameters", "slug")
PARAMETER = "parameters."

Fields = dict[str, Any]  # of a deployment: {"paused": false, "limit": 1, "schedules": […], "parameters.seed": 0, …}


def read_deployments(client: httpx.Client) -> dict[str, Fields]:
    """What a user may change of every deployment, by its id."""
    return {one["id"]: _fields(one) for one in _all(client)}


def set_aside(client: httpx.Client, record: Path) -> None:
    """Write into `record` what the user changed since it was written. Call before prefect.yaml is registered."""
    said = _read(record)
    if "changed" in said:
        return  # an `up` was killed after this: what the server says now is half ours
    registered = said.get("registered", {})
    changed = {}
    for key, now in read_deployments(client).items():
        if key in registered:
            before = registered[key]
            names = sorted(name for name in {*now, *before} if now.get(name) != before.get(name))
            changed[key] = {name: now.get(name) for name in names}
    write_json(record, said | {"changed": changed})


def put_back(client: httpx.Client, record: Path) -> list[str]:
    """Change the deployments again as the user had; what prefect.yaml registered is in `record` afterwards.

    Returns:
        A line for each deployment where something was kept, or no longer fits.
    """
    changed: dict[str, Fields] = _read(record).get("changed", {})
    registered = read_deployments(client)
    lines = []
    for key, deployment in {one["id"]: one for one in _all(client)}.items():
        if mine := changed.get(key):
            flow = client.get(f"/flows/{deployment['flow_id']}").raise_for_status().json()
            title = f"{flow['name']}/{deployment['name']}"
            gone = _drop_unknown(mine, deployment)
            refused = [said for part in _parts(mine, deployment) if (said := _apply(client, key, *part))]
            lines.append(f"{title}: kept as changed in the UI: {', '.join(mine)}")
            lines += [f"{title}: {said}" for said in [*gone, *refused]]
    write_json(record, {"registered": registered})
    return lines


def _drop_unknown(mine: Fields, deployment: Fields) -> list[str]:
    """Take parameters out of `mine` that the flow no longer has: each of its runs would fail at them. Names them."""
    known = deployment["parameter_openapi_schema"].get("properties")
    if known is None:
        return []
    gone = [name for name in mine if name.startswith(PARAMETER) and name.removeprefix(PARAMETER) not in known]
    dropped = {name: mine.pop(name) for name in gone}
    for schedule in mine.get("schedules", []):
        given = schedule["parameters"]
        for name in [name for name in given if name not in known]:
            dropped[f"{schedule['slug'] or 'a schedule'}'s {name}"] = given.pop(name)
    said = "of the UI is dropped: the flow has no such parameter"
    return [f"{name} = {json.dumps(value)[:80]} {said}" for name, value in dropped.items()]


def _parts(mine: Fields, deployment: Fields) -> list[tuple[str, Any]]:
    """What to send for `mine`: apart from each other, so that one that no longer fits does not lose the others."""
    parts: list[tuple[str, Any]] = [(name, mine[name]) for name in PLAIN if name in mine]
    if "limit" in mine:
        parts.append(("concurrency_limit", mine["limit"]))
    parameters = dict(deployment["parameters"])
    for name, value in mine.items():
        if name.startswith(PARAMETER):
            parameters[name.removeprefix(PARAMETER)] = value
    if parameters != deployment["parameters"]:
        parts.append(("parameters", {name: value for name, value in parameters.items() if value is not None}))
    if "schedules" in mine:
        parts.append(("schedules", mine["schedules"]))
    return parts


def _apply(client: httpx.Client, key: str, name: str, value: Any) -> str | None:
    """Change one field; what is wrong with it where the server refuses."""
    path = f"/deployments/{key}"
    if name != "schedules":
        answer = client.patch(path, json={name: value})
    else:
        for one in client.get(f"{path}/schedules").raise_for_status().json():
            client.delete(f"{path}/schedules/{one['id']}").raise_for_status()
        answer = client.post(f"{path}/schedules", json=value)
    if answer.is_client_error:
        return f"{name} = {json.dumps(value)[:200]} of the UI no longer fits: {answer.text[:300]}"
    answer.raise_for_status()
    return None


def _fields(deployment: dict[str, Any]) -> Fields:
    schedules = [{name: one[name] for name in SCHEDULE} for one in deployment["schedules"]]
    limit = deployment["global_concurrency_limit"]
    fields = {name: deployment[name] for name in PLAIN}
    fields["limit"] = None if limit is None else limit["limit"]
    fields["schedules"] = sorted(schedules, key=lambda one: (one["slug"] or "", json.dumps(one, sort_keys=True)))
    return fields | {PARAMETER + name: value for name, value in deployment["parameters"].items()}


def _all(client: httpx.Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while True:
        page = client.post("/deployments/filter", json={"offset": len(found), "limit": 200}).raise_for_status().json()
        found += page
        if len(page) < 200:
            return found


def _read(record: Path) -> dict[str, Any]:
    return dict(json.loads(record.read_text(encoding="utf-8"))) if record.exists() else {}
