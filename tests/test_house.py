"""The arrows of the house: which room may import which. README's architecture section says why."""

import ast
import tomllib
from collections.abc import Mapping
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tests.conftest import ROOT

BESIDE = {".yaml", ".j2", ".css"}
STAGES = {
    *("corpus", "sample", "split", "train_agent", "measure", "rewrite", "verify"),
    *("diversity", "assemble", "mix", "finetune", "average", "evaluate", "score", "drift", "report", "backbone"),
}
SHARED = {"runtime", "rows", "rewards", "generation", "methods"}  # what carries the stages
# The modules of a stage that other rooms may import: what it is configured with, and what it knows how to do for them.
DOORS = {
    "evaluate": {"benchmark", "config", "pass_at_k", "readers", "user_turn"},
    "sample": {"types"},
    "score": {"batches", "config", "embedder_source", "embeddings", "load", "nll", "rows_attention", "shared_prefix"},
    "train_agent": {"config", "group_reward"},
    "verify": {"config", "fitness", "gate", "letters", "types", "verifiers", "verify"},
}


@cache
def imports() -> dict[str, set[str]]:
    """Module → the modules of the project that it imports, inside functions too."""
    found = {}
    for top in ("flows", "tasks", "infra"):
        for path in (ROOT / top).rglob("*.py"):
            seen: set[str] = set()
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Import):
                    seen |= {name.name for name in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module:
                    seen |= {_module(node.module, name.name) for name in node.names}
            ours = {one for one in seen if one.split(".")[0] in ("flows", "tasks", "infra")}
            found[".".join(path.relative_to(ROOT).with_suffix("").parts)] = ours
    return found


def _module(package: str, name: str) -> str:
    below = f"{package}.{name}"
    return below if (ROOT / below.replace(".", "/")).with_suffix(".py").exists() else package


def arrows(room: str) -> list[tuple[str, str]]:
    """(module in the room, module outside of it)."""
    inside = [(one, other) for one, others in imports().items() if one.startswith(f"tasks.{room}.") for other in others]
    return [(one, other) for one, other in inside if not other.startswith(f"tasks.{room}.")]


def circle(graph: Mapping[str, set[str]]) -> list[str]:
    """The nodes of one, if there is any."""
    try:
        list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        return list(error.args[1])
    return []


def test_the_rooms_are_the_stages_and_what_carries_them() -> None:
    assert {path.name for path in (ROOT / "tasks").iterdir() if (path / "__init__.py").exists()} == SHARED | STAGES
    assert [path.name for path in (ROOT / "tasks").glob("*.py")] == ["__init__.py"]


def test_packages_import_nothing() -> None:
    for path in (ROOT / "tasks").rglob("__init__.py"):
        body = ast.parse(path.read_text(encoding="utf-8")).body
        assert all(isinstance(node, ast.Expr) for node in body), f"{path} holds more than its docstring"


def test_no_files_import_each_other() -> None:
    assert circle(imports()) == []


@pytest.mark.parametrize("room", sorted(STAGES | SHARED))
def test_rooms_within_a_room_are_floors(room: str) -> None:
    inner = {path.name for path in (ROOT / "tasks" / room).iterdir() if (path / "__init__.py").exists()}
    below: dict[str, set[str]] = {}
    for module, others in imports().items():
        if module.startswith(f"tasks.{room}.") and (of := module.split(".")[2]) in inner:
            entered = {other.split(".")[2] for other in others if other.startswith(f"tasks.{room}.")}
            below.setdefault(of, set()).update((entered & inner) - {of})
    assert circle(below) == []


@pytest.mark.parametrize(
    ("room", "may"), [("runtime", set()), ("rows", {"runtime"}), ("methods", {"runtime"}), ("rewards", set())]
)
def test_what_carries_the_stages_knows_no_stage(room: str, may: set[str]) -> None:
    assert [arrow for arrow in arrows(room) if arrow[1].split(".")[1] not in may] == []


def test_stages_enter_each_other_by_their_doors() -> None:
    for room in STAGES | {"generation"}:
        for module, other in arrows(room):
            top, target, *rest = other.split(".")
            assert top == "tasks", f"{module} imports {other}: stages know no flow and no recipe"
            if target not in SHARED:
                assert rest[0] in DOORS.get(target, set()), f"{module} imports {other}, which is no door of {target}"


def test_no_flow_is_built_on_the_command_line() -> None:
    entered = [(one, other) for one, others in imports().items() for other in others if "flows.commands" in other]
    assert {one for one, _ in entered if not one.startswith("flows.commands.")} == {"flows.cli"}


@pytest.mark.parametrize("library", ["answers", "arithmetic"])
def test_the_libraries_of_verify_could_be_lifted_out_whole(library: str) -> None:
    assert {other for _, other in arrows(f"verify.{library}")} <= {"tasks.verify.types"}


def test_tests_mirror_the_rooms() -> None:
    for path in Path(ROOT / "tests" / "tasks").rglob("test_*.py"):
        room = path.parent.relative_to(ROOT / "tests")
        assert (ROOT / room).is_dir(), f"{path} tests no room: there is no {room}/"


def test_what_code_reads_beside_itself_is_in_the_package() -> None:
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["package-data"]
    globs = [f"{package.replace('.', '/')}/{one}" for package, ones in listed.items() for one in ones]
    packed = {path for one in globs for path in ROOT.glob(one)}
    beside = {path for top in ("flows", "tasks") for path in (ROOT / top).rglob("*.*") if path.suffix in BESIDE}
    assert beside - packed == set()
