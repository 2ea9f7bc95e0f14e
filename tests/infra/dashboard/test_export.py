"""The dashboard as files: every link leads to a file beside it, and nothing else is written over."""

import html
import re
from pathlib import Path

import pytest

from infra.dashboard.export import export_pages


def test_every_link_of_an_export_is_a_file_in_it(made: tuple[Path, dict[str, str]], tmp_path: Path) -> None:
    written = export_pages(made[0], tmp_path / "out", rows=5)
    pages = {path.name for path in (tmp_path / "out").glob("*.html")}
    assert "index.html" in pages and len(pages) == written.pages
    for page in sorted(pages):
        text = (tmp_path / "out" / page).read_text(encoding="utf-8")
        assert "<img" not in text and "Content-Security-Policy" in text
        for address in re.findall(r'(?:href|src)="([^"]*)"|"href":"([^"]*)"', text):
            target = html.unescape(address[0] or address[1])
            assert target in ("", "data:,") or (tmp_path / "out" / target).is_file(), f"{page} links to {target}"
    assert sum(name.startswith("row-") for name in pages) == 5
    assert any(name.startswith("compare-") for name in pages)


def test_an_export_is_written_again_but_never_over_something_else(
    made: tuple[Path, dict[str, str]], tmp_path: Path
) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.tex").write_text("mine")
    with pytest.raises(FileExistsError, match="name another folder"):
        export_pages(made[0], tmp_path / "thesis")
    assert [path.name for path in (tmp_path / "thesis").iterdir()] == ["chapter.tex"]
