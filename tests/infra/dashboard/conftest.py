"""A store of made-up runs in which every text that a model or a data set fills is hostile.

Every environment reads this file, and only core has what the dashboard imports: it is imported where it is used.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from starlette.testclient import TestClient

    from infra.dashboard.site import Site

HOSTILE = (
    "</script><script>window.hacked=1</script><img src=x onerror=window.hacked=1> \"'&amp; \u2028\x1b[31m "
    "$\\href{javascript:window.hacked=1}{x}$ $\\htmlStyle{color:red}{y}$ {{ 7 * 7 }}"
)


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """The store's folder, and keys of its artifacts by name; read only."""
    from benchmarks._store import make_store

    root = tmp_path_factory.mktemp("dashboard") / "store"
    return root, make_store(root, runs=8, text=HOSTILE)


@pytest.fixture(scope="session")
def site(made: tuple[Path, dict[str, str]]) -> "Site":
    from infra.dashboard.site import Site

    found = Site(made[0])
    found.runs.refresh()
    return found


@pytest.fixture
def client(made: tuple[Path, dict[str, str]]) -> "Iterator[TestClient]":
    from starlette.testclient import TestClient

    from infra.dashboard.app import create

    with TestClient(create(made[0], login="", prefect=""), base_url="http://127.0.0.1") as found:
        yield found
