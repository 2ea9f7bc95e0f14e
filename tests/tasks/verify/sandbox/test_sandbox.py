"""What foreign code can do and cannot: each escape is tried for real, in the kernel's own namespaces."""

import json
import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from tasks.verify.sandbox import sandbox
from tasks.verify.sandbox.sandbox import Limits, SandboxUnavailable, run
from tests.conftest import ROOT

LIMITS = Limits(seconds=2, memory_mib=256)
NO_FILE = "No such file or directory"


@pytest.fixture(scope="module", autouse=True)
def can_be_had() -> None:
    try:
        run("x = 1", "assert x == 1", LIMITS)
    except SandboxUnavailable as error:
        pytest.skip(str(error))


def test_right_code_passes_and_wrong_code_fails_with_the_line_that_says_so() -> None:
    right, wrong = (f"def add(a, b):\n    return a {sign} b\n" for sign in "+-")
    tests = "import unittest\nassert add(0, 0) == 0\ndef test_more():\n    assert add(1, 2) == 3, 'one and two'\n"
    assert run(right, tests, LIMITS) == sandbox.Ran("passed", "")
    failed = run(wrong, tests, LIMITS)
    assert failed.outcome == "failed"
    assert failed.reason == "AssertionError: assert add(1, 2) == 3, 'one and two': one and two"
    assert "SyntaxError" in run("def add(", tests, LIMITS).reason
    writes, reads = "with open('/tmp/a', 'w') as f: f.write('1')", "assert open('/tmp/a').read() == '1'"
    assert run(writes, reads, LIMITS).outcome == "passed"
    gone = "import os\nassert not os.path.exists('/tmp/a')"
    assert run("x = 1", gone, LIMITS).outcome == "passed", "a folder of its own, each time"
    its_own = "def test_twice(numbers):\n    return len(set(numbers)) < len(numbers)"
    assert run(its_own, "assert test_twice([1, 1])", LIMITS).outcome == "passed", "no test of the tests' own"


@pytest.mark.parametrize(
    ("escape", "says"),
    [
        ("import socket; socket.create_connection(('1.1.1.1', 53), 5)", "Network is unreachable"),
        ("import socket; socket.create_connection(('127.0.0.1', PORT), 5)", "OSError"),
        ("import urllib.request; urllib.request.urlopen('http://pypi.org')", "urlopen error"),
        ("open('/etc/passwd').read()", NO_FILE),
        ("open('HOME/secret').read()", NO_FILE),
        ("open('REPOSITORY/README.md').read()", NO_FILE),
        ("open('/proc/1/environ', 'rb').read()", NO_FILE),
        ("import os; os.listdir('/old')", NO_FILE),
        ("import os; os.chroot('..')", "PermissionError"),
        ("open('/usr/lib/mine', 'w')", "Error"),
        ("open('/mine', 'w')", "Read-only file system"),
        ("open('/dev/sda', 'w')", "Error"),
        ("open('/tmp/large', 'wb').write(b'x' * (17 << 20))", "Error"),
        ("x = bytearray(1 << 40)", "MemoryError"),
        ("x = [0]\nwhile True: x += x", "MemoryError"),
        ("import subprocess; subprocess.run(['/bin/sh', '-c', 'true'], check=True)", NO_FILE),
        ("import ctypes; assert ctypes.CDLL(None).mount(b'none', b'/tmp', b'tmpfs', 0, None) == 0", "AssertionError"),
        ("import os; assert os.environ.get('SECRET')", "AssertionError"),
        ("import os; os.setuid(0)", "PermissionError"),
        ("import sys; sys.exit(0)", "SystemExit"),
    ],
)
def test_what_is_not_its_own_is_out_of_reach(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, escape: str, says: str
) -> None:
    import socket

    (tmp_path / "secret").write_text("s3cret")
    monkeypatch.setenv("SECRET", "s3cret")
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        for name, value in (("HOME", tmp_path), ("REPOSITORY", ROOT), ("PORT", listening.getsockname()[1])):
            escape = escape.replace(name, str(value))
        ran = run(escape, "assert True", LIMITS)
    assert ran.outcome == "failed" and says in ran.reason, ran


@pytest.mark.parametrize(
    "pretence",
    [
        "print('OK'); print('passed')",
        "import os; os._exit(0)",
        "import os; os.kill(os.getpid(), 9)",
        'import os\nfor fd in range(3, 64):\n    try: os.write(fd, b\'{"word": "x"}\\n\')\n    except OSError: pass',
        "import os\nfor fd in range(3, 64):\n    try: os.close(fd)\n    except OSError: pass",
        "import builtins; builtins.exec = lambda *_: None",
        "import json, os; json.loads = lambda _: {'tests': '', 'word': ''}; os.write = print",
        "import atexit, os; atexit.register(os._exit, 0)",
        "import sys; sys.modules['__main__']._main = lambda: None",
    ],
)
def test_a_pass_cannot_be_pretended(pretence: str) -> None:
    for solution in (pretence, f"def answer():\n    {pretence.splitlines()[0]}\n" if "\n" not in pretence else "x = 0"):
        ran = run(solution, "answer() if 'answer' in globals() else None\nassert False", LIMITS)
        assert ran.outcome in ("failed", "ended"), ran


def test_what_does_not_end_is_ended_and_nothing_of_it_stays() -> None:
    began = time.monotonic()
    assert "stopped after 1 s of the CPU" in run("while True: pass", "assert 1", Limits(1, 256)).reason
    assert run("import time; time.sleep(600)", "assert 1", Limits(1, 256)).outcome == "late"
    bomb = "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass"
    assert run(bomb, "assert 1", Limits(1, 256)).outcome in ("ended", "late")
    daemon = "import os, time\nif os.fork() == 0:\n    os.setsid()\n    time.sleep(600)\nx = 1"
    assert run(daemon, "assert x", Limits(1, 256)).outcome == "passed"
    assert time.monotonic() - began < 120
    deadline = time.monotonic() + 10
    while (left := _nobodys()) and time.monotonic() < deadline:  # the kernel ends a namespace's processes by itself
        time.sleep(0.1)
    assert left == []


def _nobodys() -> list[str]:
    """Command lines of processes that still run a solution."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                said = (folder / "cmdline").read_bytes()
            except OSError:
                continue
            if b"Only whoever came to the end" in said or b"only whoever came to the end" in said:
                found.append(folder.name)
    return found


def test_processes_are_limited() -> None:
    count = (
        "import os, time\nmade = 0\ntry:\n    while made < 100:\n        if os.fork() == 0: time.sleep(9)\n"
        "        made += 1\nexcept OSError: pass"
    )
    ran = run(count, f"assert made < {sandbox.PROCESSES}", LIMITS)
    assert ran.outcome == "passed", ran


@pytest.mark.skipif(os.geteuid() != 0, reason="anyone else makes a user namespace in every test above")
def test_it_needs_no_root(tmp_path: Path) -> None:
    """The same as a user without any right, in a user namespace; by the system's Python, which such a user can read."""
    python = "/usr/bin/python3"
    if not Path(python).exists():
        pytest.skip("no Python but root's")
    shutil.copytree(Path(sandbox.__file__).parent, tmp_path / "walls")
    for folder in (tmp_path, *tmp_path.parents):
        if not folder.stat().st_mode & 1:
            folder.chmod(folder.stat().st_mode | 0o011)
    script = (
        "import sys, json; sys.path.insert(0, sys.argv[1]); import sandbox; L = sandbox.Limits(2, 256);"
        "print(json.dumps([vars(sandbox.run(s, 'assert x == 1', L)) for s in json.loads(sys.argv[2])]))"
    )
    solutions = ["x = 1", "x = 2", "open('/etc/passwd')", "import os\nwhile True: os.fork()", "import os; os._exit(0)",
                 "open('/usr/lib/x', 'w')", "import socket; socket.create_connection(('127.0.0.1', 1))"]  # fmt: skip
    command = ["setpriv", "--reuid", "12345", "--regid", "12345", "--clear-groups", python, "-I", "-c", script]
    done = subprocess.run([*command, str(tmp_path / "walls"), json.dumps(solutions)], capture_output=True, text=True)
    if "SandboxUnavailable" in done.stderr:
        pytest.skip(done.stderr.splitlines()[-1])
    assert done.returncode == 0, done.stderr
    passed, *others = json.loads(done.stdout)
    assert passed["outcome"] == "passed" and all(one["outcome"] != "passed" for one in others)
    assert NO_FILE in others[1]["reason"] and "unreachable" in others[5]["reason"], others


def test_without_walls_nothing_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel that refuses: no namespace may be made by a process that holds no right and has none left to make."""
    monkeypatch.setattr(sandbox, "HERE", tmp_path)
    source = (ROOT / "tasks" / "verify" / "sandbox" / "namespaces.py").read_text()
    (tmp_path / "runner.py").write_text((ROOT / "tasks" / "verify" / "sandbox" / "runner.py").read_text())
    refused = "import resource\n_libc.unshare = lambda _: (ctypes.set_errno(1), -1)[1]\n"
    (tmp_path / "namespaces.py").write_text(source.replace('if __name__ == "__main__":', refused + "if True:"))
    ran = tmp_path / "ran"
    with pytest.raises(SandboxUnavailable, match=r"unshare: Operation not permitted.*--cap-add SYS_ADMIN"):
        run(f"open({str(ran)!r}, 'w')", "assert True", LIMITS)
    assert not ran.exists()
