"""Which state of the project's code made an artifact: `33cf1d6a0b21`, `33cf1d6a0b21-dirty`, "" outside a clone.

For people, in the manifest's `run`; never part of a key: a stage's `version` says when its result changes.
"""

import os
import re
import shutil
import subprocess
from functools import cache

from tasks.runtime.settings import ROOT


@cache
def commit() -> str:
    """The commit that is checked out, `-dirty` where files differ from it; read once a process."""
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        return ""
    command = [git, "-C", str(ROOT), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    quiet = os.environ | {"GIT_OPTIONAL_LOCKS": "0"}  # reads only: never in the way of the user's own git
    try:
        done = subprocess.run(command, env=quiet, capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""  # no reason to fail a stage: the key tells what it was made from
    return done.stdout.strip()


@cache
def repository() -> str:
    """Where this clone came from, as git knows it, without a login; its folder where it came from nowhere."""
    git = shutil.which("git")
    if git is not None and (ROOT / ".git").exists():
        command = [git, "-C", str(ROOT), "config", "--get", "remote.origin.url"]
        said = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False).stdout.strip()
        if said:
            return re.sub(r"^(\w+://)[^/@]+@", r"\1", said)
    return ROOT.as_uri()
