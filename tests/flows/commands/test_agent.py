"""An agent is put on the backbone that it was trained on, or the user says on which."""

from pathlib import Path
from typing import Any

import pytest
from typer import BadParameter

from flows.commands.agent import find_adapter, find_experiment
from flows.experiment import load_experiment
from tasks.runtime.store.store import Store
from tests.flows.commands.agents import publish_agent

NANO = load_experiment("nano").backbone.source()
LLAMA = load_experiment("Llama-3.2-1B-Instruct").backbone.source()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    made = Store(tmp_path / "store")
    monkeypatch.setattr("tasks.runtime.stage.store", lambda: made)
    return made


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """Named as train_agent names it, beside a manifest of another program."""
    folder = tmp_path / "mine" / "adapter"
    folder.mkdir(parents=True)
    (folder / "adapter_config.json").write_text("{}")
    (folder.parent / "manifest.json").write_text('{"name": "some web app"}')
    return folder


@pytest.mark.parametrize(("source", "name"), [(NANO, "nano"), (LLAMA, "Llama-3.2-1B-Instruct")])
def test_an_agent_that_was_trained_here_names_its_backbone(home: Store, bare: Path, source: Any, name: str) -> None:
    folder = home.folder(publish_agent(home, bare, source))
    for adapter in ("a9a9", str(folder), str(folder / "adapter")):
        found = find_adapter(adapter)
        assert found == folder / "adapter"
        assert find_experiment(found, None).backbone.name == name
        assert find_experiment(found, name).backbone.name == name


def test_another_backbone_than_the_agents_is_refused(home: Store, bare: Path) -> None:
    adapter = home.folder(publish_agent(home, bare, LLAMA)) / "adapter"
    with pytest.raises(BadParameter, match=r"trained on meta-llama/Llama-3\.2-1B-Instruct@9213176726f5"):
        find_experiment(adapter, "nano")
    with pytest.raises(BadParameter, match=r"Llama-3\.2-3B-Instruct is meta-llama/"):
        find_experiment(adapter, "Llama-3.2-3B-Instruct")


def test_an_agent_of_a_backbone_without_a_file_of_its_own_asks_for_one(home: Store, bare: Path) -> None:
    adapter = home.folder(publish_agent(home, bare, "0123456789abcdef" * 4)) / "adapter"
    with pytest.raises(BadParameter, match=r"files 0123456789ab…, which none of .*nano is; name its YAML file"):
        find_experiment(adapter, None)


def test_a_bare_peft_folder_needs_a_backbone(home: Store, bare: Path) -> None:
    with pytest.raises(BadParameter, match=r"nothing says which backbone .* was trained on; name it with --backbone"):
        find_experiment(find_adapter(str(bare)), None)
    assert find_experiment(bare, "nano").backbone.name == "nano"


def test_an_artifact_copied_from_another_store_needs_a_backbone(home: Store, bare: Path, tmp_path: Path) -> None:
    elsewhere = Store(tmp_path / "elsewhere")
    adapter = elsewhere.folder(publish_agent(elsewhere, bare, NANO)) / "adapter"
    with pytest.raises(BadParameter, match="nothing says which backbone"):
        find_experiment(adapter, None)


def test_without_an_agent_the_backbone_is_nano_unless_named() -> None:
    assert find_experiment(None, None).backbone.name == "nano"
    assert find_experiment(None, "Llama-3.2-1B-Instruct").backbone.name == "Llama-3.2-1B-Instruct"


def test_what_is_neither_a_folder_nor_a_key_is_refused(home: Store) -> None:
    with pytest.raises(BadParameter, match=r"no/such is no folder, and no artifact has a key or name that begins with"):
        find_adapter("no/such")
