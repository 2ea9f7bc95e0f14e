"""No process of an engine outlives it, or the stage that asked for it."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from pydantic import BaseModel

from tasks.runtime import stopping
from tasks.runtime.engines import engine
from tasks.runtime.progress.progress import Progress, handled_by
from tests.conftest import ROOT


class Behaviour(BaseModel):
    """What the engine below does."""

    say: str = ""
    fork: bool = False
    sleep: float = 0
    status: int = 0
    mark: str


# Stands for any engine: it may start a grandchild in a session of its own that ignores SIGTERM, as ranks and Ray do.
ENGINE = """
import os, signal, subprocess, sys, time
from tasks.runtime.progress.progress import report
from tasks.runtime.engines.spec import read_spec
from tests.tasks.runtime.engines.test_supervisor import Behaviour
CHILD = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(90)"
def main():
    spec = read_spec(Behaviour)
    print(spec.say, flush=True)
    report(1, 2, "rows", loss=0.5)
    if spec.fork:
        line = [sys.executable, "-c", CHILD, spec.mark]
        child = subprocess.Popen(line, start_new_session=True, stdout=subprocess.PIPE)
        child.stdout.readline()
        print("forked", flush=True)
    time.sleep(spec.sleep)
    sys.exit(spec.status)
if __name__ == "__main__":
    main()
"""


def marked(mark: str) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        if mark in " ".join(process.info["cmdline"] or []) and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(process)
    return [process for process in found if process.pid != os.getpid()]


def all_gone(mark: str, seconds: float = 15) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not marked(mark):
            return True
        time.sleep(0.1)
    return False


@pytest.fixture(params=["started", "forked"])
def environment(request: pytest.FixtureRequest) -> str:
    """An environment whose engines are started as processes of their own, and one whose engines are forked."""
    return {"started": "core", "forked": "inference"}[request.param]


@pytest.fixture
def fake_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Environments `core` and `inference` with this interpreter, and an importable module `probe_engine`."""
    modules = tmp_path / "modules"
    modules.mkdir()
    (modules / "probe_engine.py").write_text(ENGINE)
    for name in ("core", "inference"):
        script = tmp_path / "environments" / name / "bin" / "python"
        script.parent.mkdir(parents=True)
        script.write_text(f'#!/bin/sh\nPYTHONPATH="{modules}:{ROOT}" exec "{sys.executable}" "$@"\n')
        script.chmod(0o755)
    monkeypatch.setenv("REWRITING_AGENT_ENVIRONMENTS", str(tmp_path / "environments"))
    engine.settings.cache_clear()
    yield tmp_path
    engine.settings.cache_clear()


def test_output_and_progress_reach_the_stage(environment: str, fake_environment: Path) -> None:
    seen: list[Progress] = []
    with handled_by(seen.append):
        engine.run(environment, "probe_engine", Behaviour(say="hello", mark="m"), fake_environment / "out")
    assert (seen[0].done, seen[0].total, seen[0].values) == (1, 2, {"loss": 0.5})
    assert (fake_environment / "out" / "scratch" / "probe_engine.log").read_text() == "hello\n"


def test_the_memory_of_the_largest_of_its_processes_is_known(environment: str, fake_environment: Path) -> None:
    (fake_environment / "modules" / "large_child.py").write_text("held = bytearray(96 * 2**20)")
    (fake_environment / "modules" / "probe_engine.py").write_text(
        "import os, subprocess, sys\n"
        "LARGE = os.path.join(os.path.dirname(__file__), 'large_child.py')\n"
        "def main(): subprocess.run([sys.executable, LARGE], check=True)\n"
        "if __name__ == '__main__': main()\n"
    )
    timings: list[dict[str, float | str]] = []
    with engine.attempt(timings, None):
        engine.run(environment, "probe_engine", Behaviour(mark="m"), fake_environment / "out")
    peak = int(timings[0]["peak_bytes"])
    assert 96 * 2**20 < peak < 160 * 2**20
    assert (fake_environment / "out" / "scratch" / "probe_engine.log").read_text() == "", "what the supervisor says"


def test_a_failed_engine_is_an_error_that_quotes_its_output(environment: str, fake_environment: Path) -> None:
    with pytest.raises(engine.EngineError, match=r"exit status 7[^$]*out of memory"):
        engine.run(
            environment, "probe_engine", Behaviour(say="out of memory", status=7, mark="m"), fake_environment / "out"
        )


def test_its_first_line_tells_what_was_raised(environment: str, fake_environment: Path) -> None:
    says = "[rank0]: Traceback\n[rank0]: torch.OutOfMemoryError: CUDA out of memory. Tried 2 GiB\n[rank0]:W1128 freed"
    with pytest.raises(engine.EngineError) as raised:
        engine.run(environment, "probe_engine", Behaviour(say=says, status=1, mark="m"), fake_environment / "out")
    first, where = str(raised.value).splitlines()[:2]
    assert first == "probe_engine: exit status 1: torch.OutOfMemoryError: CUDA out of memory. Tried 2 GiB"
    assert where.startswith("whole output in ")


def test_a_secret_of_the_environment_is_masked(
    environment: str, fake_environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_abcdefgh12345")
    engine.run(environment, "probe_engine", Behaviour(say="token hf_abcdefgh12345", mark="m"), fake_environment / "out")
    log = (fake_environment / "out" / "scratch" / "probe_engine.log").read_text()
    assert log == "token <HF_TOKEN>\n"


def test_an_engine_writes_its_bytecode_where_its_caller_writes_none(
    environment: str, fake_environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    (fake_environment / "modules" / "probe_engine.py").write_text("import helper_of_the_probe\ndef main(): 0")
    (fake_environment / "modules" / "helper_of_the_probe.py").write_text("")
    engine.run(environment, "probe_engine", Behaviour(mark="m"), fake_environment / "out")
    written = (fake_environment / "modules" / "__pycache__").iterdir()
    assert "helper_of_the_probe" in {path.name.partition(".")[0] for path in written}


def test_a_missing_environment_says_how_to_install_it(fake_environment: Path) -> None:
    with pytest.raises(engine.EnvironmentMissing, match="make setup-sft"):
        engine.run("sft", "probe_engine", Behaviour(mark="m"), fake_environment / "out")


def test_what_an_engine_leaves_behind_is_killed_when_it_ends(environment: str, fake_environment: Path) -> None:
    mark = f"left-behind-{os.getpid()}"
    engine.run(environment, "probe_engine", Behaviour(fork=True, mark=mark), fake_environment / "out")
    assert not marked(mark)


def test_an_exception_in_the_stage_kills_the_engine(environment: str, fake_environment: Path) -> None:
    mark = f"cancelled-{os.getpid()}"

    def cancel(_: Progress) -> None:
        time.sleep(1.5)  # until the grandchild is there
        raise KeyboardInterrupt

    with handled_by(cancel), pytest.raises(KeyboardInterrupt):
        spec = Behaviour(fork=True, sleep=90, mark=mark)
        engine.run(environment, "probe_engine", spec, fake_environment / "out")
    assert all_gone(mark)


def test_an_engine_is_killed_at_the_stages_deadline(environment: str, fake_environment: Path) -> None:
    mark = f"late-{os.getpid()}"
    timings: list[dict[str, float | str]] = []
    with engine.attempt(timings, 4), pytest.raises(engine.EngineTimeout, match="time limit"):
        engine.run(environment, "probe_engine", Behaviour(fork=True, sleep=90, mark=mark), fake_environment / "out")
    assert all_gone(mark)


def test_an_engine_is_killed_when_the_run_is_ended_and_none_is_started_any_more(
    environment: str, fake_environment: Path
) -> None:
    """The stage runs in a thread, which no signal reaches."""
    mark = f"stopped-{os.getpid()}"
    spec = Behaviour(fork=True, sleep=90, mark=mark)
    with ThreadPoolExecutor(1) as threads:
        stage = threads.submit(engine.run, environment, "probe_engine", spec, fake_environment / "out")
        try:
            deadline = time.monotonic() + 30
            while not marked(mark):
                assert time.monotonic() < deadline, "the engine did not start"
                time.sleep(0.1)
            stopping.stop()
            with pytest.raises(stopping.Stopped, match="killed"):
                stage.result(timeout=5)
            with pytest.raises(stopping.Stopped, match="not started"):
                engine.run(environment, "probe_engine", spec, fake_environment / "out")
        finally:
            stopping.begin()
    assert all_gone(mark)


def start_stage(environment: str, folder: Path, mark: str) -> subprocess.Popen[bytes]:
    """A process that runs an engine as a stage does; returns once the engine's grandchild is up."""
    code = "import os, sys\nfrom pathlib import Path\nfrom tasks.runtime.engines import engine\n"
    code += "from tests.tasks.runtime.engines.test_supervisor import Behaviour\n"
    code += "spec = Behaviour(fork=True, sleep=90, mark=os.environ['MARK'])\n"
    code += "engine.run(os.environ['NAMED'], 'probe_engine', spec, Path(sys.argv[1]))\n"
    command = [sys.executable, "-c", code, str(folder / "out")]
    stage = subprocess.Popen(
        command, cwd=ROOT, start_new_session=True, env=os.environ | {"MARK": mark, "NAMED": environment}
    )
    deadline = time.monotonic() + 30
    while not marked(mark):
        assert time.monotonic() < deadline, "the engine did not start"
        time.sleep(0.1)
    return stage


def test_kill_9_of_the_stage_kills_every_process_of_the_engine(environment: str, fake_environment: Path) -> None:
    mark = f"orphaned-{os.getpid()}"
    stage = start_stage(environment, fake_environment, mark)
    engines = psutil.Process(stage.pid).children(recursive=True)
    os.killpg(stage.pid, signal.SIGKILL)
    stage.wait()
    assert all_gone(mark)
    psutil.wait_procs(engines, timeout=5)
    assert not [process for process in engines if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]


def test_kill_9_of_the_engine_fails_the_stage_and_kills_its_children(environment: str, fake_environment: Path) -> None:
    mark = f"engine-killed-{os.getpid()}"
    stage = start_stage(environment, fake_environment, mark)
    below = psutil.Process(stage.pid).children(recursive=True)
    supervisor = next(process for process in below if "supervisor.py" in " ".join(process.cmdline()))
    supervisor.children()[0].kill()
    assert stage.wait(timeout=20) == 1
    assert all_gone(mark)
