"""The walls: run as a program of its own, which shuts itself in and then becomes the runner (runner.py).

In:  python -I -S namespaces.py '{"channels": [5, 6], "memory": 536870912, "seconds": 10, …}'
Out: the runner in its place, which says "ready" on the outward channel; or there one line of what could not be had

New namespaces of mounts, network, processes, IPC and host name; a root of its own in memory that holds Python's library
read-only and /tmp; a user without rights; limits of the kernel. Root makes the mounts itself and becomes a user that
nobody is; anyone else makes them in a user namespace. Standard library alone: nothing of the project is imported.
"""

import ctypes
import json
import os
import platform
import resource
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

NEWNS, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET = 0x20000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000
READONLY, NOSUID, NODEV, REMOUNT, BIND, RECURSIVE, PRIVATE = 1, 2, 4, 32, 4096, 16384, 1 << 18
DETACH = 2  # umount2
PARENT_DEATH_SIGNAL, NO_NEW_PRIVILEGES = 1, 38  # prctl
PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
KEPT = {8: 8, 1024: 1024, 2048: 2048, 4096: 1 << 21}  # statvfs's noexec, noatime, nodiratime, relatime → mount's flags
LIBRARIES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib")
DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom")
# User ids of which no account is; each sandbox takes one by chance, for the kernel counts processes by them.
NOBODY, USERS = 1_900_000_000, 1_000_000
ROOT = "/tmp"  # where the new root is mounted: any folder that is there

_libc = ctypes.CDLL(None, use_errno=True)


def main() -> None:
    told = json.loads(sys.argv[1])
    inward, outward = told["channels"]
    runner = Path(told["runner"]).read_text(encoding="utf-8")
    try:
        python = os.path.realpath(sys.executable)
        _shut_in(told["disk"], python)
        child = os.fork()  # the first of the new process namespace
        if child == 0:
            _become_nobody()
            _limit(told)
            _first(
                lambda: os.execve(
                    python,
                    ["python", "-I", "-S", "-c", runner, str(inward), str(outward)],
                    {"HOME": "/tmp", "LANG": "C.UTF-8", "PATH": "/nowhere"},
                ),
                (inward, outward),
            )
    except (OSError, KeyError, ValueError) as error:
        os.write(outward, f"{type(error).__name__}: {error}\n".encode())
        os._exit(1)
    os.close(outward)
    os._exit(_ended(child))


def _first(runner: Callable[[], object], channels: tuple[int, int]) -> None:
    """Be the first process of the namespace, which no signal of a limit ends, with the runner as its child; all that
    the runner started ends with it."""
    child = os.fork()
    if child == 0:
        runner()
    for one in channels:
        os.close(one)
    os._exit(_ended(child))


def _ended(child: int) -> int:
    """Wait for a child: its exit code, 256 less the signal where one ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) & 0xFF


def _shut_in(disk: int, python: str) -> None:
    """Namespaces, and a root in memory of `disk` bytes. Raises OSError where the kernel refuses."""
    user, group, root = os.getuid(), os.getgid(), os.geteuid() == 0
    apart = NEWNS | NEWUTS | NEWIPC | NEWPID | NEWNET
    _call("unshare", _libc.unshare(apart if root else apart | NEWUSER))
    if not root:
        for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
            Path(f"/proc/self/{name}").write_text(text)
    stdlib = sysconfig.get_path("stdlib")
    shared = [one for one in (*LIBRARIES, stdlib, f"{sys.base_prefix}/lib") if Path(one).is_dir()]
    _mount(None, "/", None, RECURSIVE | PRIVATE)
    # The mounts are made from what is below "/" now; the new root then covers a folder, so sources are opened before.
    sources = {path: os.open(path, os.O_PATH) for path in (*dict.fromkeys(shared), python, *DEVICES)}
    _mount("tmpfs", ROOT, "tmpfs", NOSUID | NODEV, f"size={disk},mode=755")
    for path, opened in sources.items():
        _bind(f"/proc/self/fd/{opened}", ROOT + path, folder=path in shared, device=path in DEVICES)
        os.close(opened)
    for name in ("tmp", "old"):
        Path(ROOT, name).mkdir()
    _mount("tmpfs", f"{ROOT}/tmp", "tmpfs", NOSUID | NODEV, f"size={disk},mode=1777")
    _call("pivot_root", _libc.syscall(PIVOT_ROOT[platform.machine()], ROOT.encode(), f"{ROOT}/old".encode()))
    os.chdir("/")
    _call("umount", _libc.umount2(b"/old", DETACH))
    Path("/old").rmdir()
    _mount(None, "/", None, REMOUNT | BIND | READONLY | NOSUID | NODEV)
    os.chdir("/tmp")


def _bind(source: str, target: str, folder: bool, device: bool) -> None:
    """Show a folder or file below the new root, read-only."""
    if os.path.lexists(target):  # within a folder that is shown already
        return
    (Path(target) if folder else Path(target).parent).mkdir(parents=True, exist_ok=True)
    if not folder:
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o644))
    _mount(source, target, None, BIND | (RECURSIVE if folder else 0))
    had = os.statvfs(target).f_flag
    kept = sum(mount for flag, mount in KEPT.items() if had & flag)  # in a user namespace they may not be taken away
    _mount(None, target, None, REMOUNT | BIND | READONLY | NOSUID | (0 if device else NODEV) | kept)


def _become_nobody() -> None:
    """Give every right up, for good; end when the process outside does."""
    if os.geteuid() == 0:
        nobody = NOBODY + int.from_bytes(os.urandom(4), "big") % USERS
        os.setgroups([])
        os.setresgid(nobody, nobody, nobody)
        os.setresuid(nobody, nobody, nobody)
    _call("prctl", _libc.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0))
    _call("prctl", _libc.prctl(PARENT_DEATH_SIGNAL, 9, 0, 0, 0))


def _limit(told: dict[str, int]) -> None:
    seconds = int(told["seconds"])
    for what, most in (
        (resource.RLIMIT_AS, told["memory"]),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_NPROC, told["processes"]),
        (resource.RLIMIT_FSIZE, told["disk"]),
        (resource.RLIMIT_NOFILE, 64),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (most, most))


def _mount(source: str | None, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    texts = [None if one is None else one.encode() for one in (source, target, kind, data)]
    _call(f"mount {target}", _libc.mount(texts[0], texts[1], texts[2], ctypes.c_ulong(flags), texts[3]))


def _call(what: str, result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


if __name__ == "__main__":
    main()
