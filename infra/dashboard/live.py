"""What is being built right now, from the store's folders alone: no server is asked.

In:  partial/<key>/ of what is under way or has failed, the locks that are held
Out: the runs that live, [Attempt(name="train_agent/nano/rewriting_agent-seed1", state="running", …), …], how many wait
"""

import time
from collections.abc import Iterator
from pathlib import Path

from infra.dashboard.attempt import Attempt, note_of, read_attempt
from infra.dashboard.site import Context, Link, Query, Site
from infra.dashboard.under_way import Held, held_locks, is_held, under_way

OLDEST = 7 * 24 * 3600.0  # seconds after which what failed is no longer shown


def live_page(site: Site, query: Query, link: Link) -> Context:
    """What is built, what failed or was stopped, and the newest artifacts."""
    held = held_locks()
    newest = sorted(site.index.entries.values(), key=lambda entry: -(entry.started + (entry.seconds or 0.0)))[:8]
    root = site.index.root
    return {
        "runs": under_way(root, held),
        "attempts": attempts(site, held),
        "waiting": waiting(root, held),
        "newest": newest,
        "now": time.time(),
    }


def attempts(site: Site, held: Held) -> list[Attempt]:
    """Those that run first, then what failed or was stopped lately, newest first."""
    root = site.index.root
    told = [read_attempt(site, folder, is_held(_lock(root, folder), held)) for folder in _partial(root)]
    found = [one for one in told if one and (one.state == "running" or time.time() - one.changed < OLDEST)]
    return _by_run(sorted(found, key=lambda one: (one.state != "running", -one.changed)))


def _by_run(found: list[Attempt]) -> list[Attempt]:
    """One for what a stage's run makes in one go, as the answers to five benchmarks."""
    first: dict[tuple[str, ...], Attempt] = {}
    for one in found:
        together = (one.flow_run, one.task_run, one.state, one.error)
        kept = first.setdefault(together if one.task_run else (one.key,), one)
        if kept is not one:
            kept.more.append(one.name)
    return list(first.values())


def waiting(root: Path, held: Held) -> int:
    """Artifacts whose lock is held and of which nothing is told yet: they wait for free cores or GPUs."""
    return sum(note_of(folder) is None and is_held(_lock(root, folder), held) for folder in _partial(root))


def _partial(root: Path) -> Iterator[Path]:
    try:
        yield from sorted((root / "partial").iterdir())
    except FileNotFoundError:
        return


def _lock(root: Path, folder: Path) -> Path:
    return root / "locks" / folder.name
