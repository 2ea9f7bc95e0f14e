"""What stages show of what they built: under a key that is a history, as Markdown that nothing stored can leave."""

import logging
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tasks.runtime import show
from tasks.runtime.settings import settings
from tasks.runtime.store.names import backbone_name
from tasks.runtime.store.store import Artifact, Manifest, Store


def put(home: Store, kind: str, key: str, inputs: dict[str, Artifact] | None = None, **more: Any) -> Artifact:
    home.partial(key).mkdir(parents=True)
    environment = {"name": "core", "lock": "0" * 64}
    return home.publish(Manifest(kind=kind, key=key, inputs=inputs or {}, environment=environment, **more))


def test_a_key_tells_stage_backbone_and_method(tmp_path: Path) -> None:
    home = Store(tmp_path)
    pi_0 = put(home, "backbone", "a" * 32, run={"task_run": "backbone Qwen2.5-0.5B"})
    rows = put(home, "assemble", "b" * 32)
    model = put(home, "finetune", "c" * 32, {"backbone": pi_0, "dataset": rows})
    scores = home.manifest(put(home, "evaluate", "d" * 32, {"model": model}).key)
    assert backbone_name(scores, home.look) == "Qwen2.5-0.5B"
    assert show.history_key("evaluate", backbone_name(scores, home.look), "rewriting_agent") == (
        "evaluate-qwen2-5-0-5b-rewriting-agent"
    )
    assert backbone_name(home.manifest(rows.key), home.look) == ""


@pytest.mark.parametrize(
    "hostile",
    ["a | b", "</td><script>x</script>", "[click](http://evil)", "https://evil", "www.evil.org", "`x`\n# h", "*b* _i_"],
)
def test_no_text_leaves_its_cell(hostile: str) -> None:
    said = show.cell(hostile)
    assert re.fullmatch(r"(\\[!-/:-@\[-`{-~]|[\w ])*", said), "every mark is escaped, and none is an escape's own"
    assert said.replace("\\", "") == " ".join(hostile.split()).replace("\\", "")
    [line] = show.table(("x",), [(hostile,)]).splitlines()[2:]
    assert len(re.findall(r"(?<!\\)\|", line)) == 2


def test_a_picture_is_there_where_a_dashboard_is(monkeypatch: pytest.MonkeyPatch) -> None:
    assert show.picture("curves", "ab", "loss") == ""
    at = settings().model_copy(update={"dashboard": "http://127.0.0.1:4280"})
    monkeypatch.setattr(show, "settings", lambda: at)
    assert show.picture("curves", "ab", "loss").startswith("![loss](http://127.0.0.1:4280/figure?name=curves&key=ab)")


def test_a_view_that_fails_loses_no_stage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    home = Store(tmp_path)
    made = home.manifest(put(home, "corpus", "a" * 32).key)
    monkeypatch.setattr(show.TaskRunContext, "get", lambda: SimpleNamespace())

    def broken(built: object, home: Store) -> str:
        raise KeyError("accuracy")

    show.show(logging.getLogger("tests"), "corpus x", broken, {"": made}, home, "")
    assert "corpus x: what it made is not shown in the UI" in caplog.text
