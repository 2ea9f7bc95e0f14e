"""What every test may use. Imports nothing that an environment might lack."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The real benchmarks and corpora, where the machine has them."""
    folder = os.environ.get("REWRITING_AGENT_DATA")
    if not folder:
        pytest.skip("REWRITING_AGENT_DATA does not name the folder of real benchmarks and corpora")
    return Path(folder)
