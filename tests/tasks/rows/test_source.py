"""What goes wrong with the hub is said with what to do about it."""

from pathlib import Path

import httpx2
import pytest
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from tasks.rows.source import SourceError, download, source_identity

MODEL, COMMIT = "meta-llama/Llama-3.2-1B-Instruct", "9213176726f574b556790deb65791e0c5aa438b6"


def answered(error: type[HfHubHTTPError], status: int) -> HfHubHTTPError:
    request = httpx2.Request("GET", f"https://huggingface.co/api/models/{MODEL}")
    return error(f"{status} Client Error", response=httpx2.Response(status, request=request))


def message_of(error: Exception, monkeypatch: pytest.MonkeyPatch) -> str:
    def fails(*_: object, **__: object) -> str:
        raise error

    monkeypatch.setattr("huggingface_hub.snapshot_download", fails)
    with pytest.raises(SourceError) as raised:
        download(MODEL, COMMIT, "model", ["*.json"])
    assert raised.value.__cause__ is error and MODEL in str(raised.value)
    return str(raised.value)


def test_a_gated_repository_asks_for_its_licence_and_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    message = message_of(answered(GatedRepoError, 403), monkeypatch)
    assert "is gated: accept its licence" in message and "HF_TOKEN" in message


def test_what_is_private_or_unknown_asks_for_the_name_or_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    message = message_of(answered(RepositoryNotFoundError, 401), monkeypatch)
    assert "no such model: mend the name" in message and "HF_TOKEN" in message


@pytest.mark.parametrize("status", [401, 403])
def test_a_token_that_the_hub_refuses_is_named(status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    assert f"refuses HF_TOKEN ({status})" in message_of(answered(HfHubHTTPError, status), monkeypatch)


def test_an_unknown_commit_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert f"no commit {COMMIT}" in message_of(answered(RevisionNotFoundError, 404), monkeypatch)


@pytest.mark.parametrize(
    "error",
    [
        LocalEntryNotFoundError("Got: ConnectError: no route to host"),
        httpx2.ProxyError("no route to host"),
        ConnectionResetError("no route to host"),
        answered(HfHubHTTPError, 503),
    ],
    ids=lambda error: type(error).__name__,
)
def test_no_connection_is_no_question_of_tokens(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    message = message_of(error, monkeypatch)
    assert "check the connection" in message and "name their folder" in message and str(error) in message
    assert "HF_TOKEN" not in message


def test_a_real_download_without_a_connection(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(SourceError, match="check the connection"):
        download(MODEL, COMMIT, "model", ["*.json"])


def test_what_lies_here_is_not_fetched(tmp_path: Path) -> None:
    assert download(str(tmp_path), None, "model", ["*.json"]) == tmp_path


@pytest.mark.parametrize("revision", [None, "main", COMMIT[:12]])
def test_a_repository_without_a_full_commit_is_refused(revision: str | None) -> None:
    for refused in (lambda: source_identity(MODEL, revision), lambda: download(MODEL, revision, "model", ["*.json"])):
        with pytest.raises(SourceError, match="full commit"):
            refused()
