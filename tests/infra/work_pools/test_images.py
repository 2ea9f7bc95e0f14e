"""The Dockerfile and the scripts, as far as they can be held without Docker, Slurm: linted, what they name exists."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT

FOLDER = ROOT / "infra" / "work_pools"
DOCKERFILE = (FOLDER / "Dockerfile").read_text()
IGNORE = (FOLDER / "Dockerfile.dockerignore").read_text().split("\n")
BIN = Path(sys.executable).parent
TARGETS = {"core", "inference", "sft", "verl", "gpu"}


def stages() -> dict[str, tuple[str, str]]:
    """Name → what it is built from and its text."""
    parts = re.split(r"^FROM (\S+) AS (\S+)\n", DOCKERFILE, flags=re.MULTILINE)[1:]
    return {name: (base, text) for base, name, text in zip(parts[::3], parts[1::3], parts[2::3], strict=True)}


def whole(name: str) -> str:
    """A stage's text after those that it is built from."""
    base, text = stages()[name]
    return (whole(base) if base in stages() else "") + text


def test_the_dockerfile_is_linted() -> None:
    done = subprocess.run(
        [BIN / "hadolint", "--format", "json", FOLDER / "Dockerfile"], capture_output=True, check=False
    )
    assert json.loads(done.stdout) == []


def test_what_images_copy_exists_and_is_let_through() -> None:
    sources = [
        word for line in re.findall(r"^COPY (?!--from)(.*) \S+$", DOCKERFILE, re.MULTILINE) for word in line.split()
    ]
    assert len(sources) >= 7
    allowed = {line.removeprefix("!") for line in IGNORE if line.startswith("!")}
    for source in sources:
        assert (ROOT / source).exists()
        assert source.split("/")[0] in allowed
    for stage, folder in re.findall(r"^COPY --from=(\S+) /opt/rewriting-agent/(\S+) ", DOCKERFILE, re.MULTILINE):
        assert stage in stages()
        assert f"install.py {folder.removeprefix('.envs/')}" in stages()[stage][1]


def test_every_environment_has_its_lock_for_cuda() -> None:
    installed = {name for line in re.findall(r"install\.py (.+)", DOCKERFILE) for name in line.split()}
    assert installed == {"core", "inference", "gguf", "sft", "verl"}
    for name in installed:
        lock = f"{name}.txt" if name in ("core", "gguf") else f"{name}.cuda.txt"
        assert (ROOT / "infra" / "environments" / lock).is_file()


def test_images_run_as_a_user_of_their_own_and_hold_no_secret() -> None:
    assert stages().keys() >= TARGETS
    for target in TARGETS:
        assert re.findall(r"^USER (\S+)", whole(target), re.MULTILINE)[-1] == "1000"
    assert not re.search(r"^(ARG|ENV)\b.*(TOKEN|SECRET|PASSWORD|KEY|AUTH|INDEX)", DOCKERFILE, re.MULTILINE)
    assert "!.env" not in IGNORE
    assert "*" in IGNORE


def test_shell_scripts_are_linted() -> None:
    scripts = [FOLDER / "slurm.sh", ROOT / "infra" / "environments" / "lock.sh"]
    subprocess.run([BIN / "shellcheck", *scripts], check=True)
    for script in scripts:
        subprocess.run(["bash", "-n", script], check=True)


def test_the_slurm_script_says_what_is_missing(tmp_path: Path) -> None:
    def said(**more: str) -> str:
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "SLURM_"))}
        clean.pop("REWRITING_AGENT_ENVIRONMENTS", None)
        done = subprocess.run(
            [FOLDER / "slurm.sh"], env=clean | more, cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 2
        return done.stderr

    assert "PREFECT_API_URL is not set" in said()
    assert "run 'make setup'" in said(PREFECT_API_URL="http://192.0.2.1:4200/api")
