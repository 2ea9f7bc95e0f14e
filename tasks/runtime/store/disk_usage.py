"""How large a store is, by the beginnings of its artifacts' names.

In:  [("finetune/nano/sft-seed0/nll/5f0c9a1e", 4_432_393), …], depth 2
Out: {"finetune/nano": (2, 8_864_786), "backbone/nano": (2, 4_500_000), …}, the largest first
"""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

BESIDE = ("partial", "broken", "fetched", "downloads", "digests")  # what a store holds beside artifacts


def usage(sizes: Iterable[tuple[str, int]], below: str = "", depth: int = 2) -> dict[str, tuple[int, int]]:
    """Artifacts and bytes by the first `depth` parts of their names; only those whose name begins with `below`."""
    parts = depth + (below.count("/") + 1 if below else 0)
    found: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for name, size in sizes:
        if name.startswith(below):
            # An artifact's own part, the beginning of its key, is no group of artifacts.
            group = found["/".join(name.split("/")[:-1][:parts])]
            group[0] += 1
            group[1] += size
    return {name: (count, size) for name, (count, size) in sorted(found.items(), key=lambda one: (-one[1][1], one[0]))}


def beside(root: Path) -> dict[str, tuple[int, int]]:
    """Files and bytes of what else lies in the store at `root`: unfinished work, what was set aside, downloads."""
    found = {}
    for name in BESIDE:
        sizes = [path.stat().st_size for path in (root / name).rglob("*") if path.is_file() and not path.is_symlink()]
        if sizes:
            found[name] = (len(sizes), sum(sizes))
    return found
