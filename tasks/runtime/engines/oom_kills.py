"""How often this machine's kernel has killed a process for lack of memory, its own or a container's (/proc/vmstat).

An engine that it kills says nothing: it ends by signal 9. If the count rose meanwhile, lack of memory is the likely
cause, and the next attempt takes half of the rows at a time (tasks/runtime/retries.py).
"""

from pathlib import Path

COUNTS = Path("/proc/vmstat")
SAID = "the kernel killed a process meanwhile: out of memory"


def oom_kills() -> int:
    """Kills since the machine started; 0 where the kernel (before 4.13) does not count them."""
    if not COUNTS.exists():
        return 0
    return next((int(line.split()[1]) for line in COUNTS.read_text().splitlines() if line.startswith("oom_kill ")), 0)
