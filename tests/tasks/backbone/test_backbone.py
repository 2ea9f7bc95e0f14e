"""A backbone is imported whole, with a chat template that is the same every day."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from flows.experiment import load_experiment
from tasks.backbone.backbone import backbone
from tasks.backbone.config import BackboneConfig
from tasks.rows.source import SourceError
from tasks.runtime.key import stage_key
from tasks.runtime.settings import settings
from tasks.runtime.store.store import Store
from tests.conftest import ROOT

NANO = ROOT / "infra" / "nano" / "model"


def copied(tmp_path: Path) -> Path:
    return Path(shutil.copytree(NANO, tmp_path / "model"))


UNTRIED = {"max_plain_nll": None, "answers_end": False}  # no engine: what is copied is the question here


def imported(model: Path, tmp_path: Path, **fields: Any) -> Path:
    out = tmp_path / "out"
    out.mkdir()
    backbone.plain(BackboneConfig(name="tested", model=str(model), **(UNTRIED | fields)), out)
    return out


def test_every_file_that_engines_read_is_there(tmp_path: Path) -> None:
    out = imported(copied(tmp_path), tmp_path)
    assert {path.name for path in out.iterdir()} >= {"config.json", "model.safetensors", "tokenizer.json"}
    assert (out / "model.safetensors").read_bytes() == (NANO / "model.safetensors").read_bytes()


def test_a_chat_template_that_prints_the_date_is_pinned(tmp_path: Path) -> None:
    model = copied(tmp_path)
    (model / "chat_template.jinja").unlink()
    settings = json.loads((model / "tokenizer_config.json").read_text())
    template = '{% if strftime_now is defined %}{{ strftime_now("%d %b %Y") }}{% endif %}{{ messages[0].content }}'
    (model / "tokenizer_config.json").write_text(json.dumps(settings | {"chat_template": template}))
    out = imported(model, tmp_path)
    pinned = (out / "chat_template.jinja").read_text()
    assert "strftime_now" not in pinned
    assert "26 Jul 2024" in pinned
    assert "chat_template" not in json.loads((out / "tokenizer_config.json").read_text())


def test_pickled_weights_are_never_taken(tmp_path: Path) -> None:
    model = copied(tmp_path)
    (model / "pytorch_model.bin").write_bytes(b"pickle")
    (model / "training_args.bin").write_bytes(b"pickle")
    assert not list(imported(model, tmp_path).glob("*.bin"))
    (model / "model.safetensors").unlink()
    with pytest.raises(SourceError, match=r"no \*\.safetensors"):
        backbone.plain(BackboneConfig(name="tested", model=str(model), **UNTRIED), tmp_path / "out")


def test_the_same_weights_in_another_format_are_left_out(tmp_path: Path) -> None:
    model = copied(tmp_path)
    shutil.copy(model / "model.safetensors", model / "consolidated.safetensors")
    (model / "params.json").write_text("{}")
    out = imported(model, tmp_path)
    assert [path.name for path in out.glob("*.safetensors")] == ["model.safetensors"]
    assert not (out / "params.json").exists()


def test_a_tokenizer_comes_without_weights(tmp_path: Path) -> None:
    assert not list(imported(copied(tmp_path), tmp_path, tokenizer_only=True).glob("*.safetensors"))


@pytest.mark.parametrize("name", ["chat_template.jinja", "tokenizer.json", "config.json"])
def test_a_changed_file_is_another_backbone(tmp_path: Path, name: str) -> None:
    model = copied(tmp_path)
    config = BackboneConfig(name="tested", model=str(model))
    before = config.source()
    (model / name).write_text((model / name).read_text() + " ")
    assert config.source() != before


@pytest.mark.parametrize(
    "name", [".DS_Store", ".cache/huggingface/download/config.json.metadata", "README.md", "x.lock"]
)
def test_what_lies_beside_a_model_makes_no_other_backbone(tmp_path: Path, name: str) -> None:
    model = copied(tmp_path)
    config = BackboneConfig(name="tested", model=str(model))
    before = config.source()
    (model / name).parent.mkdir(parents=True, exist_ok=True)
    (model / name).write_text("a new timestamp")
    assert config.source() == before
    assert name not in {path.name for path in imported(model, tmp_path).iterdir()}


def test_a_folder_of_the_hubs_cache_is_the_same_backbone_as_a_copy_of_it(tmp_path: Path) -> None:
    model, snapshot = copied(tmp_path), tmp_path / "models--x" / "snapshots" / "0f1e"
    snapshot.mkdir(parents=True)
    for number, path in enumerate(sorted(model.iterdir())):
        blob = tmp_path / "models--x" / "blobs" / f"{number:040x}"
        blob.parent.mkdir(exist_ok=True)
        shutil.copyfile(path, blob)
        (snapshot / path.name).symlink_to(blob)
    linked, plain = (BackboneConfig(name="tested", model=str(folder)) for folder in (snapshot, model))
    assert linked.source() == plain.source()
    assert (imported(snapshot, tmp_path) / "config.json").read_bytes() == (model / "config.json").read_bytes()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 942\n", "is a Git LFS pointer"),
        (b"", "its 0 bytes are no whole safetensors file"),
        (b"\x20\x00\x00\x00\x00\x00\x00\x00{broken", "are no whole safetensors file"),
    ],
)
def test_weights_that_are_none_are_named(tmp_path: Path, content: bytes, said: str) -> None:
    model = copied(tmp_path)
    (model / "model.safetensors").unlink()
    (model / "model.safetensors").write_bytes(content)
    with pytest.raises(SourceError, match=rf"model\.safetensors.*{said}"):
        imported(model, tmp_path)


def test_a_byte_order_mark_before_json_is_dropped(tmp_path: Path) -> None:
    model = copied(tmp_path)
    plain = (model / "tokenizer_config.json").read_bytes()
    (model / "tokenizer_config.json").write_bytes(b"\xef\xbb\xbf" + plain)
    assert (imported(model, tmp_path) / "tokenizer_config.json").read_bytes() == plain


def test_of_several_chat_templates_the_default_one_is_taken(tmp_path: Path) -> None:
    model = copied(tmp_path)
    template = (model / "chat_template.jinja").read_text()
    (model / "chat_template.jinja").unlink()
    said = json.loads((model / "tokenizer_config.json").read_text())
    named = [{"name": "tool_use", "template": "x"}, {"name": "default", "template": template}]
    (model / "tokenizer_config.json").write_text(json.dumps(said | {"chat_template": named}))
    out = imported(model, tmp_path)
    assert (out / "chat_template.jinja").read_text() == template
    assert "chat_template" not in json.loads((out / "tokenizer_config.json").read_text())


def test_a_folder_without_a_model_is_an_error_that_says_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceError, match=r"config\.json, tokenizer\.json, tokenizer_config\.json missing"):
        backbone.plain(BackboneConfig(name="tested", model=str(tmp_path / "empty")), tmp_path / "out")


def test_a_chat_template_can_be_given_and_makes_another_backbone(tmp_path: Path) -> None:
    model = copied(tmp_path)
    (model / "chat_template.jinja").unlink()
    with pytest.raises(SourceError, match=r"backbone\.chat_template="):
        imported(model, tmp_path)
    given = tmp_path / "given.jinja"
    given.write_text("{{ messages[0].content }}")
    (tmp_path / "out").rename(tmp_path / "refused")
    out = imported(model, tmp_path, chat_template=str(given))
    assert (out / "chat_template.jinja").read_text() == given.read_text()
    plain = BackboneConfig(name="tested", model=str(model))
    assert plain.source() != plain.model_copy(update={"chat_template": str(given)}).source()


def test_what_is_tried_changes_no_key() -> None:
    """Of what is copied nothing changes by being tried."""
    config = load_experiment("nano").backbone
    key, in_key = stage_key("backbone", 2, "core", config, config.source(), {})
    assert in_key == {"tokenizer_only": False}
    assert stage_key("backbone", 2, "core", config.model_copy(update=UNTRIED), config.source(), {})[0] == key


def test_a_model_that_fails_its_trial_is_no_artifact(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = Store(tmp_path / "store")
    monkeypatch.setattr("tasks.runtime.stage.store", lambda: home)
    with pytest.raises(SourceError, match="reads no English"):
        backbone.folder(BackboneConfig(name="nano", model=str(NANO), answers_end=False))
    assert not list(home.manifests())


def test_a_gguf_file_is_converted_once_to_an_ordinary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, file = Store(tmp_path / "store"), tmp_path / "tiny.gguf"
    monkeypatch.setattr("tasks.runtime.stage.store", lambda: home)
    python = settings().environments / "inference" / "bin" / "python"
    subprocess.run([str(python), "-m", "tests.tasks.backbone.tiny_gguf", str(file)], cwd=ROOT, check=True)
    config = BackboneConfig(name="tiny", model=str(file), **UNTRIED)
    folder = backbone.folder(config)
    assert {path.name for path in folder.iterdir()} == {
        *("config.json", "generation_config.json", "model.safetensors"),
        *("tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "manifest.json"),
    }
    made = home.manifest(folder.name)
    assert made.environment["name"] == "inference"
    assert made.metrics["tensors"] == 20
    assert backbone.folder(config) == folder
    elsewhere = BackboneConfig(name="tiny", model=str(shutil.copy(file, tmp_path / "other.gguf")), **UNTRIED)
    assert backbone.folder(elsewhere) == folder, "it is known by its content"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["SmolLM2-135M-Instruct", "Qwen2.5-Coder-0.5B-Instruct"])
def test_the_packaged_models_are_imported_with_all_checks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Downloads 90 and 480 MB."""
    home = Store(tmp_path / "store")
    monkeypatch.setattr("tasks.runtime.stage.store", lambda: home)
    figures = home.manifest(backbone.folder(load_experiment(name).backbone).name).metrics
    assert figures["tied_again"] is (name.startswith("Qwen"))
    assert figures["kl_of_folder"] < 0.001
    assert figures["plain_nll"] < 3.5
    assert figures["stop_ids"] == 2
