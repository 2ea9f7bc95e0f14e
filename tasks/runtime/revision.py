"""Which state of the project's code made an artifact: `33cf1d6a0b21`, `33cf1d6a0b21-dirty`, "" outside a clone.

For people, in the manifest's `run`; never part of a key: a stage's `version` says when its result changes.
"""

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
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done.stdout.strip()
