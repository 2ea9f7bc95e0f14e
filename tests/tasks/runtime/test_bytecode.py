"""Bytecode is written where the environment says that it should not be: every start would compile its libraries."""

import os
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT

PROGRAM = """
import subprocess, sys
from tasks.runtime import bytecode
bytecode.kept()
import of_the_process
subprocess.run([sys.executable, "-c", "import of_its_child"], check=True)
"""


def test_a_process_and_its_children_write_it(tmp_path: Path) -> None:
    for name in ("of_the_process", "of_its_child"):
        (tmp_path / f"{name}.py").touch()
    given = {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}"}
    subprocess.run([sys.executable, "-c", PROGRAM], env=os.environ | given, check=True)
    written = {path.name.partition(".")[0] for path in (tmp_path / "__pycache__").iterdir()}
    assert written == {"of_the_process", "of_its_child"}
