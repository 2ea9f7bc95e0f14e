"""A backbone is imported whole, with a chat template that is the same every day."""

import json
import shutil
from pathlib import Path

import pytest

from tasks.backbone.backbone import BackboneConfig, backbone
from tasks.rows.source import SourceError
from tests.conftest import ROOT

NANO = ROOT / "infra" / "nano" / "model"


def copied(tmp_path: Path) -> Path:
    return Path(shutil.copytree(NANO, tmp_path / "model"))


def imported(model: Path, tmp_path: Path, **settings: bool) -> Path:
    out = tmp_path / "out"
    out.mkdir()
    backbone.plain(BackboneConfig(name="tested", model=str(model), **settings), out)
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
        backbone.plain(BackboneConfig(name="tested", model=str(model)), tmp_path / "out")


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


def test_a_folder_without_a_model_is_an_error_that_says_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceError, match=r"config\.json, tokenizer\.json, tokenizer_config\.json missing"):
        backbone.plain(BackboneConfig(name="tested", model=str(tmp_path / "empty")), tmp_path / "out")
