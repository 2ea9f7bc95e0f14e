"""Machines share artifacts through S3: what one built the others find, and nothing half there is ever taken.

The S3 is moto's server on loopback: the real protocol, spoken by s3fs as to AWS. A "machine" is a store folder.
"""

import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import fsspec
import pytest
from prefect import flow
from prefect.states import State

from tasks.runtime.futures import finish
from tasks.runtime.settings import settings
from tasks.runtime.stage import store
from tasks.runtime.store import lease
from tasks.runtime.store.shared_store import SharedStore, SharedStoreError
from tasks.runtime.store.store import Artifact, Manifest
from tests.conftest import ROOT
from tests.tasks.runtime.stages_for_tests import CountConfig, count, count_and_double, double

moto_server = pytest.importorskip("moto.server", reason="the S3 server is in dev: run `make setup-dev`")

KEY = "0123456789abcdef0123456789abcdef"
SECRETS = {
    "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMIbPxRfiCYEXAMPLEKEY",
    "AWS_SESSION_TOKEN": "FwoGZXIvYXdzEXAMPLETOKEN",
}
FILES = {"rows.jsonl": b'{"id": "a"}\n', "below/weights #1?.bin": bytes(range(256)) * 4000, "empty": b"", "d": b"d"}

# A machine in a process of its own: builds KEY under its lock unless it is there. argv: folder, url, what to do, lease.
MACHINE = """
import os, signal, sys, time
from pathlib import Path
from tasks.runtime.store.shared_store import SharedStore
from tasks.runtime.store.store import Manifest
root, url, what = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
store = SharedStore(root, url, float(sys.argv[4]))
with store.lock("KEY"):
    print("locked", flush=True)
    found = store.find("KEY")
    if found is None:
        out = store.partial("KEY")
        out.mkdir(parents=True, exist_ok=True)
        with (root.parent / "starts").open("a") as file:
            file.write("built" + chr(10))
        (out / "who").write_text(root.name if what == "own" else "anyone")
        for name in ("b", "c"):
            (out / name).write_text(name)
        if what.startswith("sleep"):
            time.sleep(float(what[5:]))
        if what == "own":
            sys.stdin.readline()
        if what.startswith("kill"):
            opened = 0
            def kill(event, arguments):  # kill -9 as the given file is opened for its upload
                global opened
                if event == "open" and str(store.path("KEY")) in str(arguments[0]):
                    opened += 1
                    # The manifest is opened first, to be read, and fifth, to be sent; between them the three files.
                    if opened == int(what[4:]):
                        time.sleep(0.3)  # those before it arrive
                        os.kill(os.getpid(), signal.SIGKILL)
            sys.addaudithook(kill)
        found = store.publish(Manifest(kind="test", key="KEY"))
    print(found.digest, flush=True)
""".replace("KEY", KEY)


class S3:
    """moto's application behind a server that can fail and whose conditional writes are atomic, as S3's are."""

    def __init__(self) -> None:
        from werkzeug.serving import make_server

        logging.getLogger("werkzeug").setLevel(logging.WARNING)
        self.application = moto_server.DomainDispatcherApplication(moto_server.create_backend_app)
        self.faults = self.cuts = 0  # answers yet to fail, downloads yet to be cut off
        self.conditional = threading.Lock()
        self.server = make_server("127.0.0.1", 0, self.answer, threaded=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def answer(self, environ: dict[str, Any], start: Callable[..., Any]) -> Any:
        if self.faults > 0:
            self.faults -= 1
            environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            start("503 Service Unavailable", [("Content-Length", "0")])
            return [b""]
        if "HTTP_IF_NONE_MATCH" in environ:
            with self.conditional:
                return self.application(environ, start)
        answered = self.application(environ, start)
        if self.cuts > 0 and environ["REQUEST_METHOD"] == "GET":
            body = b"".join(answered)
            self.cuts -= len(body) > 100_000
            return [body[: len(body) // 2]] if len(body) > 100_000 else [body]
        return answered


@pytest.fixture(scope="module")
def server() -> Iterator[S3]:
    made = S3()
    yield made
    made.server.shutdown()


@pytest.fixture
def s3(server: S3, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3]:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in (SECRETS | {"AWS_ENDPOINT_URL": server.url, "AWS_DEFAULT_REGION": "us-east-1"}).items():
        monkeypatch.setenv(name, value)
    yield server
    server.faults = server.cuts = 0


@pytest.fixture
def url(s3: S3) -> str:
    bucket = f"bucket-{uuid4().hex}"
    fsspec.filesystem("s3", use_listings_cache=False).mkdir(bucket)
    return f"s3://{bucket}/team/store"


def remote(url: str) -> tuple[fsspec.AbstractFileSystem, str]:
    return fsspec.url_to_fs(url, use_listings_cache=False)


def objects(url: str) -> dict[str, bytes]:
    files, root = remote(url)
    return {path.removeprefix(f"{root}/"): files.cat_file(path) for path in files.find(root)}


def build(store: SharedStore, contents: dict[str, bytes] = FILES) -> tuple[Artifact, bool]:
    """As @stage does: look up, else build, under the lock; and whether it was built."""
    with store.lock(KEY):
        if found := store.find(KEY):
            return found, False
        for name, content in contents.items():
            path = store.partial(KEY) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return store.publish(Manifest(kind="test", key=KEY)), True


def start(folder: Path, url: str, what: str, seconds: float = 60) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", MACHINE, str(folder), url, what, str(seconds)]
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


# What the store says outside of a flow reaches the terminal; Prefect remarks that it cannot send it to the UI.
pytestmark = pytest.mark.filterwarnings("ignore:Logger .* attempted to send logs to the API without a flow run id")


def test_what_one_machine_published_another_finds_without_building(tmp_path: Path, url: str) -> None:
    made, built = build(SharedStore(tmp_path / "a", url, 60))
    assert built
    other = SharedStore(tmp_path / "b", url, 60)
    assert other.manifest(KEY).artifact() == made, "lineage reads what is not on this machine"
    assert not other.path(KEY).exists()
    assert build(other) == (made, False)
    assert {name: (other.path(KEY) / name).read_bytes() for name in FILES} == FILES
    assert other.verify(KEY) is None
    holder = json.loads(objects(url)[f"locks/{KEY}/1"])
    assert holder["free"], "the builder's lock was not freed"
    assert f"locks/{KEY}/2" not in objects(url), "a look-up that finds takes no lock between machines"


def test_what_was_built_before_the_store_was_shared_is_shared_at_its_next_look_up(tmp_path: Path, url: str) -> None:
    alone = SharedStore(tmp_path / "a", f"{url}/another", 60)
    made, _ = build(alone)
    assert build(SharedStore(tmp_path / "a", url, 60)) == (made, False)
    assert build(SharedStore(tmp_path / "b", url, 60)) == (made, False)


@pytest.mark.parametrize("fatal", ["kill3", "kill5"])
def test_kill_9_during_an_upload_leaves_nothing_that_anyone_takes_and_a_rerun_completes_it(
    tmp_path: Path, url: str, fatal: str
) -> None:
    with start(tmp_path / "a", url, fatal) as killed:
        assert killed.wait(timeout=30) == -signal.SIGKILL
    there = [name for name in objects(url) if name.startswith("artifacts/")]
    assert f"artifacts/{KEY}/manifest.json" not in there
    assert len(there) <= 3
    other = SharedStore(tmp_path / "b", url, 2.0)
    assert other.find(KEY) is None
    rerun = SharedStore(tmp_path / "a", url, 2.0)
    with rerun.lock(KEY):
        made = rerun.find(KEY)
    assert made is not None
    with other.lock(KEY):
        assert other.find(KEY) == made
    assert (tmp_path / "starts").read_text() == "built\n"


@pytest.mark.parametrize("how", ["bit flipped", "truncated", "deleted", "manifest cut", "manifest forged"])
def test_a_damaged_shared_artifact_is_told_and_built_again(
    tmp_path: Path, url: str, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    made, _ = build(SharedStore(tmp_path / "a", url, 60))
    files, root = remote(url)
    manifest = f"{root}/artifacts/{KEY}/manifest.json"
    weights = f"{root}/artifacts/{KEY}/{made.digest}/below/weights #1?.bin"
    content = bytearray(files.cat_file(weights))
    if how == "bit flipped":
        content[1234] ^= 4
        files.pipe_file(weights, bytes(content))
    elif how == "truncated":
        files.pipe_file(weights, bytes(content[:-1]))
    elif how == "deleted":
        files.rm_file(weights)
    elif how == "manifest cut":
        files.pipe_file(manifest, files.cat_file(manifest)[:100])
    else:
        files.pipe_file(manifest, files.cat_file(manifest).replace(b"rows.jsonl", b"../../rows"))
    again, built = build(SharedStore(tmp_path / "b", url, 60))
    assert built
    assert again == made
    assert "is damaged and is taken away" in caplog.text
    assert KEY in caplog.text
    assert build(SharedStore(tmp_path / "c", url, 60)) == (made, False)


def test_two_machines_at_once_build_once(tmp_path: Path, url: str) -> None:
    machines = [start(tmp_path / name, url, "sleep1") for name in "ab"]
    told = [machine.communicate(timeout=60)[0].split() for machine in machines]
    assert [machine.returncode for machine in machines] == [0, 0]
    assert told[0] == told[1]
    assert (tmp_path / "starts").read_text() == "built\n"


def test_a_holder_that_was_stopped_is_succeeded_and_takes_its_successors_artifact(tmp_path: Path, url: str) -> None:
    with start(tmp_path / "sleeper", url, "own", 2) as sleeper:
        assert sleeper.stdout is not None
        assert sleeper.stdout.readline() == "locked\n"
        while not (tmp_path / "starts").exists():
            time.sleep(0.02)
        sleeper.send_signal(signal.SIGSTOP)
        successor = SharedStore(tmp_path / "successor", url, 2.0)
        started = time.monotonic()
        made, built = build(successor)
        assert built
        assert 1.9 <= time.monotonic() - started < 30, "taken over before or long after the lease ran out"
        sleeper.send_signal(signal.SIGCONT)
        out, _ = sleeper.communicate("go on\n", timeout=30)
    assert out.split() == [made.digest]
    names = {name.split("/")[2] for name in objects(url) if name.startswith("artifacts/")}
    assert names == {"manifest.json", made.digest}, "what nobody refers to was left there"


def test_a_dead_holders_lock_is_taken_over(tmp_path: Path, url: str, caplog: pytest.LogCaptureFixture) -> None:
    with start(tmp_path / "a", url, "sleep60", 3) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "locked\n"
        waited: list[float] = []
        killed: list[float] = []

        def waiting(seconds: float) -> None:
            waited.append(seconds)
            if seconds > 4 and not killed:  # it has outlived its lease by its heartbeats
                killed.append(time.monotonic())
                holder.kill()

        with SharedStore(tmp_path / "b", url, 2.0).lock(KEY, waiting):
            assert killed
            assert 2 <= time.monotonic() - killed[0] < 30
    assert "took over the lock of" in caplog.text


def test_an_unreadable_lock_lapses_like_a_dead_holders(tmp_path: Path, url: str) -> None:
    files, root = remote(url)
    files.pipe_file(f"{root}/locks/{KEY}/7", b"\x00 not a lock")
    assert build(SharedStore(tmp_path / "a", url, 0.5))[1]


def test_a_conditional_write_whose_answer_was_lost_is_known_as_ones_own(url: str) -> None:
    files, root = remote(url)
    holder = lease.Holder(owner="me", seconds=60)
    files.pipe_file(f"{root}/locks/{KEY}/1", holder.json_bytes())
    assert lease._take(files, f"{root}/locks/{KEY}", holder, lambda _: None) == 1


def test_a_passing_fault_of_the_bucket_is_waited_out(tmp_path: Path, url: str, s3: S3) -> None:
    home = SharedStore(tmp_path / "a", url, 60)
    s3.faults = 2
    made, _ = build(home)
    s3.faults, s3.cuts = 2, 1
    assert build(SharedStore(tmp_path / "b", url, 60)) == (made, False)
    assert (s3.faults, s3.cuts) == (0, 0)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize("fault", ["no server", "no bucket", "no credentials"])
def test_a_bucket_that_cannot_be_used_is_a_clear_error_without_secrets(
    tmp_path: Path, url: str, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    if fault == "no server":
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    elif fault == "no bucket":
        url = "s3://nobody-made-this/store"
    else:
        for name in SECRETS:
            monkeypatch.delenv(name)
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
        monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises(SharedStoreError, match="Check that the bucket is there") as caught:
        build(SharedStore(tmp_path / "a", url, 60))
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    said = str(caught.value)
    assert url in said
    assert caught.value.__suppress_context__
    causes = {
        "no server": "Could not connect",
        "no bucket": "bucket does not exist",
        "no credentials": "Unable to locate",
    }
    assert causes[fault] in said
    assert not any(secret in said for secret in SECRETS.values())


def test_a_password_in_an_endpoint_is_not_repeated(tmp_path: Path) -> None:
    with (
        pytest.raises(SharedStoreError, match="http://proxy:81/x") as caught,
        SharedStore(tmp_path, "s3://b", 60)._reaching(),
    ):
        raise ConnectionError("cannot connect to http://me:hush@proxy:81/x")
    assert "hush" not in str(caught.value)


def test_credentials_in_the_url_are_refused_and_not_repeated(tmp_path: Path) -> None:
    with pytest.raises(SharedStoreError, match="holds no credentials") as caught:
        SharedStore(tmp_path, "s3://AKIA:hush@bucket/store", 60)
    assert "hush" not in str(caught.value)


@pytest.fixture
def on_machine(
    tmp_path: Path, url: str, prefect_server: None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str], None]]:
    monkeypatch.setenv("STARTS", str(tmp_path / "starts"))
    monkeypatch.setenv("REWRITING_AGENT_SHARED_STORE", url)

    def move(name: str) -> None:
        monkeypatch.setenv("REWRITING_AGENT_STORE", str(tmp_path / name))
        settings.cache_clear()

    yield move
    settings.cache_clear()


def test_stages_share_artifacts_and_secrets_appear_nowhere(
    tmp_path: Path, url: str, on_machine: Callable[[str], None], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    on_machine("a")
    made = count_and_double(CountConfig())
    on_machine("b")

    @flow
    def both() -> list[State]:
        numbers = count(CountConfig(), return_state=True)
        return [numbers, double(CountConfig(), numbers=numbers, more={"again": numbers}, return_state=True)]

    assert [state.name for state in both()] == ["Cached", "Cached"]
    assert store().find(made.key) == made
    assert (tmp_path / "starts").read_text() == "count\n"
    written = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    everything = b"\n".join([*written, *objects(url).values(), *map(str.encode, objects(url)), caplog.text.encode()])
    assert b'"kind": "double"' in everything
    assert f"double {made.key[:12]}: uploaded to {url}" in caplog.text
    assert f"double {made.key[:12]}: fetched from {url}" in caplog.text
    assert not [name for name, secret in SECRETS.items() if secret.encode() in everything]


def test_an_input_that_is_only_in_the_shared_store_is_fetched(
    tmp_path: Path, on_machine: Callable[[str], None]
) -> None:
    @flow
    def one(config: CountConfig) -> Artifact:
        return finish(count.submit(config))

    @flow
    def two(numbers: Artifact) -> Artifact:
        return finish(double.submit(CountConfig(seed=1), numbers=numbers))

    on_machine("a")
    numbers = one(CountConfig())
    on_machine("b")
    made = two(numbers)
    assert (store().path(made.key) / "numbers").read_text().split() == ["0", "2", "4", "6", "8"]
    assert store().path(numbers.key).exists()
    with pytest.raises(Exception, match=f"has another content .* for count {numbers.key}"):
        two(numbers.model_copy(update={"digest": "0" * 64}))
