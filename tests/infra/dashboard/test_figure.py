"""Pictures for Prefect's page: whole SVG files that run nothing and load nothing, served to this machine's pages."""

from pathlib import Path
from xml.etree import ElementTree

import pytest
from starlette.testclient import TestClient

Made = tuple[Path, dict[str, str]]


@pytest.mark.parametrize(
    ("name", "kind", "says"),
    [("lineage", "report:sft/0", "finetune"), ("curves", "model:sft/0", "SFT loss, nats/token")],
)
def test_a_picture_is_a_whole_svg_that_another_port_may_show(
    client: TestClient, made: Made, name: str, kind: str, says: str
) -> None:
    answer = client.get("/figure", params={"name": name, "key": made[1][kind]})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("image/svg+xml")
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    drawn = ElementTree.fromstring(answer.text)
    assert drawn.tag.endswith("svg") and says in "".join(drawn.itertext())
    tags = {one.tag.rpartition("}")[2] for one in drawn.iter()}
    assert not tags & {"script", "image", "a", "foreignObject"}
    assert not any(name.rpartition("}")[2] in ("href", "src") for one in drawn.iter() for name in one.attrib)


def test_what_has_no_picture_is_told(client: TestClient, made: Made) -> None:
    none = client.get("/figure", params={"name": "curves", "key": made[1]["corpus"]})
    assert none.status_code == 404 and "has no curves" in none.text
    assert "there are curves, lineage" in client.get("/figure", params={"name": "x", "key": made[1]["corpus"]}).text
    for key in ("nothing", "", made[1]["corpus"][:12]):  # a page from elsewhere cannot guess one
        assert client.get("/figure", params={"name": "lineage", "key": key}).status_code == 404
