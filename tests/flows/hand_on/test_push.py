"""What `push` sends, told by a server that speaks the hub's protocol: create, preupload, LFS, commit. Xet is off."""

import base64
import hashlib
import json
import logging
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from flows.cli import app
from flows.hand_on.dataset import DATA, write_dataset
from flows.hand_on.provenance import HandOnError
from flows.hand_on.push import files_of, push
from tests.flows.hand_on.made import training_set

TOKEN = "hf_" + "s3cret" * 5


class Hub(ThreadingHTTPServer):
    """Repositories by name, as the hub would hold them; Parquet goes by LFS, the rest in the commit."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.repositories: dict[str, dict[str, Any]] = {}
        self.objects: dict[str, bytes] = {}
        self.requests: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Hub

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path = self.path.split("?")[0]
        self.server.requests.append(f"POST {path}")
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self._answer({"error": "no"}, 401)
        if path == "/api/repos/create":
            asked = json.loads(body)
            name = f"{asked['organization']}/{asked['name']}"
            if name in self.server.repositories:
                return self._answer({"error": "You already created this repo"}, 409)
            self.server.repositories[name] = {"asked": asked, "files": {}}
            return self._answer({"url": f"{self.server.url}/{asked['type']}s/{name}", "id": "1"})
        if path == "/api/validate-yaml":
            return self._answer({"errors": [], "warnings": []})
        if "/preupload/" in path:
            files = [
                {"path": one["path"], "shouldIgnore": False, "oid": None}
                | {"uploadMode": "lfs" if one["path"].endswith((".parquet", ".safetensors")) else "regular"}
                for one in json.loads(body)["files"]
            ]
            return self._answer({"files": files})
        if path.endswith("/info/lfs/objects/batch"):
            objects = [
                one | {"actions": {"upload": {"href": f"{self.server.url}/lfs/{one['oid']}"}}}
                for one in json.loads(body)["objects"]
            ]
            return self._answer({"transfer": "basic", "objects": objects})
        if "/commit/" in path:
            name = "/".join(path.split("/")[3:5])
            if name not in self.server.repositories:
                return self._answer({"error": "Repository not found"}, 404)
            files = self.server.repositories[name]["files"]
            for line in map(json.loads, body.splitlines()):
                said = line["value"]
                if line["key"] == "file":
                    files[said["path"]] = base64.b64decode(said["content"])
                elif line["key"] == "lfsFile":
                    files[said["path"]] = self.server.objects[said["oid"]]
            return self._answer({"commitUrl": f"{self.server.url}/{name}/commit/1", "commitOid": "1" * 40})
        return self._answer({"error": path}, 404)

    def do_PUT(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests.append("PUT lfs")
        oid = self.path.rpartition("/")[2]
        assert hashlib.sha256(content).hexdigest() == oid
        self.server.objects[oid] = content
        self._answer({})

    def _answer(self, value: Any, status: int = 200) -> None:
        content = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    server = Hub()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("HF_ENDPOINT", server.url)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)  # read from the environment at import
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    home, made = training_set(tmp_path / "store")
    write_dataset(home, made, tmp_path / "out")
    return tmp_path / "out"


def test_every_file_arrives_in_a_private_repository_and_no_second_time(hub: Hub, folder: Path) -> None:
    assert push(folder, "me/rewritten").endswith("/commit/1")
    made = hub.repositories["me/rewritten"]
    assert (made["asked"]["visibility"], made["asked"]["type"]) == ("private", "dataset")
    assert made["files"] == {name: (folder / name).read_bytes() for name in files_of(folder)}
    assert DATA in made["files"] and "PUT lfs" in hub.requests
    with pytest.raises(HandOnError, match="there already: --update"):
        push(folder, "me/rewritten")
    (folder / "README.md").write_text("changed", encoding="utf-8")
    push(folder, "me/rewritten", update=True)
    assert made["files"]["README.md"] == b"changed"


def test_a_dry_run_lists_and_sends_nothing_and_the_token_is_never_shown(
    hub: Hub, folder: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    dry = CliRunner().invoke(app, ["push", str(folder), "me/rewritten", "--dry-run"])
    assert dry.exit_code == 0 and hub.requests == []
    assert all(name in dry.output for name in files_of(folder)) and "private" in dry.output
    refused = CliRunner().invoke(app, ["push", str(folder), "me/unknown", "--update"])
    assert refused.exit_code == 1 and "no such repository" in refused.output
    sent = CliRunner().invoke(app, ["push", str(folder), "me/rewritten", "--public"])
    assert sent.exit_code == 0 and hub.repositories["me/rewritten"]["asked"]["visibility"] == "public"
    assert TOKEN not in dry.output + refused.output + sent.output + caplog.text
    monkeypatch.setenv("HF_TOKEN", "hf_other")
    wrong = CliRunner().invoke(app, ["push", str(folder), "me/third"])
    assert wrong.exit_code == 1 and "not valid (HTTP 401)" in wrong.output and "hf_other" not in wrong.output


def test_links_and_other_folders_are_refused_and_pi_0_stays(folder: Path, tmp_path: Path) -> None:
    (folder / "sft" / "backbone").mkdir(parents=True)
    (folder / "sft" / "backbone" / "model.safetensors").write_bytes(b"x")
    (folder / ".env").write_text("secret")
    assert not any("backbone" in name or ".env" in name for name in files_of(folder))
    (folder / "leak.txt").symlink_to("/etc/hostname")
    with pytest.raises(HandOnError, match="symbolic link"):
        files_of(folder)
    with pytest.raises(HandOnError, match="is no folder that"):
        push(tmp_path / "store", "me/store")
