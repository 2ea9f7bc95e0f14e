"""Installs the environments from their locks, without resolving: `python3 install.py core inference gguf sft`.

Standard library only: this runs before anything is installed. Each environment is a virtual environment under .envs/,
nothing is installed elsewhere. A stamp written last says what it was installed from, so an interrupted set-up is
repeated and a finished one takes no time. uv installs; it reads none of pip's configuration, so pip's sources
(index, extra indexes, find-links, certificate) are handed over to it.
"""

import ast
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
ENVIRONMENTS = Path(os.environ.get("REWRITING_AGENT_ENVIRONMENTS", ROOT / ".envs"))
UV_VERSION = "0.13.8"
TORCH_CPU_INDEX = "https://download.pytorch.org/whl/cpu"
DRIVER = 580  # of NVIDIA: the oldest that the CUDA 13 of the CUDA locks runs on
DEVICE_FILE = ENVIRONMENTS / "device"  # what the environments are installed for; the project reads it

# What is installed beside the lock: stubs that stand in for packages which have no CPU build.
STUBS = {("inference", "cpu"): ["vllm"], ("sft", "cpu"): ["torchaudio"], ("verl", "cpu"): ["vllm-0.27"]}
# What is installed on top of another environment, and is part of no other key than its own.
ADDS_TO = {"dev": "core", "workers": "core", "sinks": "core", "gguf": "inference"}
SIZES = {
    "core": "0.8 GB",
    "dev": "0.6 GB",
    "workers": "0.1 GB",
    "sinks": "0.1 GB",
    "gguf": "1 MB",
    "inference": "3.3 GB",
    "sft": "1.3 GB",
    "verl": "9 GB (4 GB on CPU)",
}

# What the commands, the server, the worker and its runs import: imported once at install, so that its bytecode is there
# also where PYTHONDONTWRITEBYTECODE is set. The server imports its migrations and their libraries only while it starts.
# Compiling all of core instead takes three times as long and 300 MB instead of 60.
STARTS = """
import compileall, importlib.util
import flows.ablation, flows.cli, flows.pipeline, flows.study
import prefect.cli, prefect.engine, prefect.flow_engine, prefect.server.api.server, prefect.workers.process
for name in ("alembic", "aiosqlite", "docket", "graphviz", "mako", "prefect.server", "uvicorn"):
    compileall.compile_dir(importlib.util.find_spec(name).submodule_search_locations[0], quiet=1)
flows.cli.app(["--help"])
"""

PIP_TO_UV = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "cert": "SSL_CERT_FILE",
    "trusted-host": "UV_INSECURE_HOST",
    "timeout": "UV_HTTP_TIMEOUT",
    "default-timeout": "UV_HTTP_TIMEOUT",
    "no-index": "UV_NO_INDEX",
}


def device() -> str:
    """`cpu` or `cuda`: as REWRITING_AGENT_DEVICE says, else as last time, else the CPU."""
    said = os.environ.get("REWRITING_AGENT_DEVICE", "auto")
    if said in ("cpu", "cuda"):
        return said
    return DEVICE_FILE.read_text().strip() if DEVICE_FILE.exists() else "cpu"


def say(text: str) -> None:
    print(f"[setup] {text}", flush=True)


def pip_sources() -> dict[str, str]:
    """pip's configuration, its environment variables included, as uv's environment variables."""
    listing = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
    ).stdout
    found: dict[str, str] = {}
    # Least specific first, so that the more specific overwrites it.
    for section in ("global", "user", "site", "install", ":env:"):
        for line in listing.splitlines():
            name, _, value = line.partition("=")
            scope, _, option = name.rpartition(".")
            if scope == section and option in PIP_TO_UV:
                text = ast.literal_eval(value) if value[:1] in "'\"" else value
                found[PIP_TO_UV[option]] = " ".join(str(text).split())
    if "UV_INDEX" in found:
        found["UV_INDEX_STRATEGY"] = "unsafe-best-match"  # as pip does: the best version over all indexes
    return {name: value for name, value in found.items() if name not in os.environ}


def uv(environment: dict[str, str], *arguments: str, quiet: bool = False) -> None:
    """Run uv. Raises subprocess.CalledProcessError with uv's own message printed."""
    command = [str(ENVIRONMENTS / "tools" / "bin" / "uv"), *arguments]
    subprocess.run(
        command,
        check=True,
        env=os.environ | environment,
        stdout=subprocess.DEVNULL if quiet else None,
        stderr=subprocess.DEVNULL if quiet else None,
    )


def lock_of(name: str) -> Path:
    if name in ("core", *ADDS_TO):
        return HERE / f"{name}.txt"
    return HERE / f"{name}.{device()}.txt"


def wanted_stamp(name: str) -> str:
    """Digest of everything an environment is installed from."""
    parts = [lock_of(name).read_bytes(), sys.version.encode(), str(ENVIRONMENTS).encode()]
    for stub in STUBS.get((name, device()), []):
        parts += [path.read_bytes() for path in sorted((HERE / "stubs" / stub).glob("*.*")) if path.is_file()]
    if name == "core":
        parts.append((ROOT / "pyproject.toml").read_bytes())
    if name in ADDS_TO:
        parts.append(wanted_stamp(ADDS_TO[name]).encode())
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def torch_sources(name: str, environment: dict[str, str]) -> list[str]:
    """Options that find the CPU build of torch: pip's own sources where they have it, else PyTorch's CPU index."""
    lines = lock_of(name).read_text().splitlines()
    pinned = [line for line in lines if line.startswith("torch==") and "+cpu" in line]
    if not pinned:
        return []
    python = str(ENVIRONMENTS / name / "bin" / "python")
    try:
        uv(environment, "pip", "install", "--dry-run", "--no-deps", "--python", python, pinned[0], quiet=True)
    except subprocess.CalledProcessError:
        say(f"{pinned[0]} is not in pip's configured sources: taking it from {TORCH_CPU_INDEX}")
        return ["--index", TORCH_CPU_INDEX, "--index-strategy", "unsafe-best-match"]
    return []


def install(name: str, environment: dict[str, str]) -> None:
    """Install one environment from its lock; `dev`, `workers` and `sinks` add to core, `gguf` to inference."""
    folder = ENVIRONMENTS / ADDS_TO.get(name, name)
    stamp = folder / f".installed-{name}"
    wanted = wanted_stamp(name)
    if stamp.exists() and stamp.read_text() == wanted:
        return
    lock = lock_of(name)
    if not lock.exists():
        sys.exit(f"[setup] there is no {lock.name}: the environment {name!r} does not exist for this device")
    packages = sum(1 for line in lock.read_text().splitlines() if line and not line.startswith("#"))
    say(
        f"{name}: {packages} packages, {SIZES.get(name, 'some GB')}; seconds from a warm cache, minutes from a cold one"
    )
    started = time.monotonic()
    if name not in ADDS_TO:
        shutil.rmtree(folder, ignore_errors=True)
        uv(environment, "venv", "--quiet", "--python", sys.executable, str(folder))
    python = str(folder / "bin" / "python")
    options = ["--quiet", "--no-deps", "--python", python, *torch_sources(name, environment)]
    stubs = [str(HERE / "stubs" / stub) for stub in STUBS.get((name, device()), [])]
    uv(environment, "pip", "install", *options, "-r", str(lock), *stubs)
    if name == "core":
        uv(environment, "pip", "install", "--quiet", "--no-deps", "--python", python, "-e", str(ROOT))
        compile_starts(python)
    stamp.write_text(wanted)
    say(f"{name}: done in {time.monotonic() - started:.0f} s")


def compile_starts(python: str) -> None:
    """Write the bytecode of what a start of the core imports; without it a start takes twice the processor time."""
    environment = os.environ | {"PREFECT_HOME": str(ENVIRONMENTS / "prefect"), "DO_NOT_TRACK": "1"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [python, "-c", STARTS]
    if subprocess.run(command, check=False, env=environment, cwd=ROOT, stdout=subprocess.DEVNULL).returncode:
        say("the project could not be imported (see above): its bytecode is not written, each start will be slower")


def tell_old_driver(said: Path = Path("/proc/driver/nvidia/version")) -> None:
    """Say before gigabytes are installed that the driver is older than the CUDA builds of the locks ask for."""
    found = re.search(r"Kernel Module.*?  (\d+)\.[\d.]+", said.read_text()) if said.exists() else None
    if found and int(found[1]) < DRIVER:
        say(f"NVIDIA's driver is {found[1]}, and these builds of CUDA 13 need {DRIVER} or newer: update it first")


def main() -> None:
    if not ((3, 11) <= sys.version_info[:2] < (3, 13)):
        sys.exit(
            f"[setup] Python 3.11 or 3.12 is needed, this is {sys.version.split()[0]}: run `make PYTHON=python3.11`"
        )
    if "sft" in sys.argv[1:] and not shutil.which("c++") and not shutil.which("g++"):
        say("no C++ compiler found: DeepSpeed needs one (Debian: apt-get install g++)")
    if device() == "cuda":
        tell_old_driver()
    ENVIRONMENTS.mkdir(parents=True, exist_ok=True)
    DEVICE_FILE.write_text(device() + "\n")
    tools = ENVIRONMENTS / "tools"
    if not (tools / f".uv-{UV_VERSION}").exists():
        say(f"uv {UV_VERSION} goes to {tools}")
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(tools)], check=True)
        subprocess.run([str(tools / "bin" / "python"), "-m", "pip", "install", "-q", f"uv=={UV_VERSION}"], check=True)
        (tools / f".uv-{UV_VERSION}").touch()
    environment = pip_sources()
    for name in sys.argv[1:]:
        install(name, environment)


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as error:
        sys.exit(
            f"[setup] {error.cmd[0]} failed with status {error.returncode}; nothing is half-installed: run it again"
        )
    except KeyboardInterrupt:
        sys.exit("[setup] interrupted; run it again to go on")
