"""A stand-in for the hub that speaks its protocol: create, preupload, LFS, commit; dataset info, tree, files by range.

hub = Hub(); hub.repositories["me/exam"] = {"files": {"train.jsonl": b"…"}}     # at the commit `COMMIT`
HF_ENDPOINT=hub.url
"""

import base64
import hashlib
import json
import re
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

TOKEN = "hf_" + "s3cret" * 5
COMMIT = "1" * 40
BRANCH = "main"


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
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.server.requests.append(f"{self.command} {self.path}")
        path = unquote(urlsplit(self.path).path)
        if found := re.fullmatch(r"/api/datasets/([^/]+/[^/]+?)(?:/(revision|tree)/([^/]+)(?:/(.*))?)?", path):
            return self._dataset(*found.groups())
        if found := re.fullmatch(r"/datasets/([^/]+/[^/]+)/resolve/([^/]+)/(.*)", path):
            return self._file(*found.groups())
        return self._answer({"error": path}, 404)

    do_HEAD = do_GET

    def _dataset(self, name: str, asked: str | None, revision: str | None, folder: str | None) -> None:
        files = self._files(name, revision or BRANCH)
        if files is None:
            return None
        if asked != "tree":
            siblings = [{"rfilename": one} for one in files]
            return self._answer({"id": name, "sha": COMMIT, "private": False, "siblings": siblings, "tags": []})
        deep = parse_qs(urlsplit(self.path).query).get("recursive", ["false"])[0].lower() in ("true", "1")
        return self._answer(_tree(files, (folder or "").strip("/"), deep))

    def _files(self, name: str, revision: str) -> dict[str, bytes] | None:
        if name not in self.server.repositories:
            self._answer({"error": "Repository not found"}, 404, {"X-Error-Code": "RepoNotFound"})
            return None
        if revision not in (COMMIT, BRANCH):
            self._answer({"error": "Revision not found"}, 404, {"X-Error-Code": "RevisionNotFound"})
            return None
        return dict(self.server.repositories[name]["files"])

    def _file(self, name: str, revision: str, path: str) -> None:
        files = self._files(name, revision)
        if files is None:
            return None
        if path not in files:
            return self._answer({"error": "Entry not found"}, 404, {"X-Error-Code": "EntryNotFound"})
        content = files[path]
        headers = {"X-Repo-Commit": COMMIT, "ETag": f'"{_digest(content)}"', "Accept-Ranges": "bytes"}
        if asked := re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", "")):
            begin, end = int(asked[1]), min(int(asked[2] or len(content)), len(content) - 1)
            headers["Content-Range"] = f"bytes {begin}-{end}/{len(content)}"
            return self._send(content[begin : end + 1], 206, headers)
        return self._send(content, 200, headers)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path = self.path.split("?")[0]
        self.server.requests.append(f"POST {path}")
        if found := re.fullmatch(r"/api/datasets/([^/]+/[^/]+)/paths-info/([^/]+)", unquote(path)):
            files = self._files(*found.groups())
            if files is not None:
                asked = parse_qs(body.decode()).get("paths") or json.loads(body or b"{}").get("paths", [])
                self._answer([one for one in _tree(files, "", True) if one["path"] in asked])
            return None
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
            return self._answer({"commitUrl": f"{self.server.url}/{name}/commit/1", "commitOid": COMMIT})
        return self._answer({"error": path}, 404)

    def do_PUT(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests.append("PUT lfs")
        oid = self.path.rpartition("/")[2]
        assert hashlib.sha256(content).hexdigest() == oid
        self.server.objects[oid] = content
        self._answer({})

    def _answer(self, value: Any, status: int = 200, headers: dict[str, str] | None = None) -> None:
        self._send(json.dumps(value).encode(), status, {"Content-Type": "application/json"} | (headers or {}))

    def _send(self, content: bytes, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        pass


def _tree(files: dict[str, bytes], folder: str, deep: bool) -> list[dict[str, Any]]:
    """The entries of a folder, as the hub lists them."""
    before = f"{folder}/" if folder else ""
    found: dict[str, dict[str, Any]] = {}
    for name, content in files.items():
        if not name.startswith(before):
            continue
        steps = name.removeprefix(before).split("/")
        for depth in range(1, len(steps)):
            below = before + "/".join(steps[:depth])
            if deep or depth == 1:
                found[below] = {"type": "directory", "oid": _digest(below.encode()), "size": 0, "path": below}
        if deep or len(steps) == 1:
            found[name] = {"type": "file", "oid": _digest(content), "size": len(content), "path": name}
    return list(found.values())


def _digest(content: bytes) -> str:
    return hashlib.sha1(content).hexdigest()
