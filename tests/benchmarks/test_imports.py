"""What benchmarks take from each other is there: nothing else imports them, and they are run seldom."""

import ast
from pathlib import Path

import pytest

from tests.conftest import ROOT

FILES = sorted((ROOT / "benchmarks").glob("*.py"))


def defined(path: Path) -> set[str]:
    """Names at a module's top level."""
    found: set[str] = set()
    for one in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(one, (ast.FunctionDef, ast.ClassDef)):
            found.add(one.name)
        elif isinstance(one, (ast.Import, ast.ImportFrom)):
            found |= {alias.asname or alias.name for alias in one.names}
        else:
            found |= {name.id for name in ast.walk(one) if isinstance(name, ast.Name)}
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_benchmark_imports_names_of_others_that_are_there(path: Path) -> None:
    for one in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(one, ast.ImportFrom) and (one.module or "").startswith("benchmarks."):
            other = ROOT / f"{(one.module or '').replace('.', '/')}.py"
            assert {alias.name for alias in one.names} <= defined(other), f"{path.name} imports from {other.name}"
