"""What holds a secret never reaches the server, by any request that has parameters; all else reaches it as it was."""

from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient

from infra.no_secrets import NoSecrets

KEY = "hf_AbCdEfGhIjKlMnOpQrStUvWx"
HELD = "4f0c1d5a9e27b3"  # has no shape: known because a variable holds it
HOLDING: dict[str, dict[str, Any]] = {
    "changes.1.gate.judge.extra_body.api_key": {
        "parameters": {"changes": ["sample.rows=5\ngate.judge.extra_body.api_key=k"]}
    },
    "changes.0.gate.judge.extra_body.token": {"parameters": {"changes": ["gate.judge.extra_body={token: k}"]}},
    "changes.0": {"parameters": {"changes": [f"gate.judge.url=https://me:{KEY[3:]}@judge/v1: ["]}},
    "experiment.gate.judge.api_key": {"parameters": {"experiment": {"gate": {"judge": {"api_key": "k"}}}}},
    "backbone": {"parameters": {"backbone": HELD}},
    "experiments.0.corpora.0.path": {"parameters": {"experiments": [{"corpora": [{"path": f"https://u:{KEY}@h/a"}]}]}},
    "seeds": {"schedules": [{"active": True, "parameters": {"seeds": KEY}}]},
    "note": {"actions": [{"type": "run-deployment", "parameters": {"note": f"the key is {KEY}"}}]},
    "env.HF_TOKEN": {"job_variables": {"env": {"HF_TOKEN": "k"}}},
}
ASKED = "/api/deployments/7"


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> TestClient:
    async def echo(request: Request) -> Response:
        return Response(await request.body())

    monkeypatch.setenv("REWRITING_AGENT_JUDGE_API_KEY", HELD)
    return TestClient(NoSecrets(Starlette(routes=[Route(ASKED, echo, methods=["GET", "POST", "PATCH"])])))


@pytest.mark.parametrize("field", HOLDING)
@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_a_secret_is_refused_by_its_fields_name(field: str, method: str, client: TestClient) -> None:
    answer = client.request(method, ASKED, json=HOLDING[field])
    assert answer.status_code == 409
    said = answer.json()["detail"]
    assert field in said.partition(": looks like a secret")[0] and "environment variable" in said
    assert KEY not in said and HELD not in said


@pytest.mark.parametrize(
    "body",
    [
        b'{"parameters": {"changes": ["sample.rows=500", "gate.judge.api_key_env=OPENAI_API_KEY"], "seeds": [1]}}',
        b'{"job_variables": {"env": {"HF_TOKEN": "{{ prefect.blocks.secret.hub }}"}}}',
        b'{"block_type": "secret", "data": {"value": "hf_AbCdEfGhIjKlMnOpQrStUvWx"}}',
        b'{"parameters": ',
        b'{"parameters": null, "job_variables": 3}',
        b"[" * 100_000 + b'"parameters"',
        b"\xff\xfe parameters",
        b"",
    ],
)
def test_what_holds_none_reaches_the_server_as_it_was(body: bytes, client: TestClient) -> None:
    assert client.post(ASKED, content=body).content == body


def test_reading_is_never_refused(client: TestClient) -> None:
    assert client.get(ASKED).status_code == 200
