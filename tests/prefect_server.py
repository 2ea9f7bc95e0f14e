"""A real Prefect server for the tests that run flows, started once a session."""

from collections.abc import Iterator

import pytest
from prefect.testing.utilities import prefect_test_harness


@pytest.fixture(scope="session")
def prefect_server() -> Iterator[None]:
    """Flows of this process run against a temporary server with a database of its own."""
    with prefect_test_harness(server_startup_timeout=120):
        yield
