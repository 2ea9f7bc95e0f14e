"""What is in a key, and what is not."""

import pytest
from pydantic import BaseModel, Field

from tasks.runtime.files.digest import digest_file
from tasks.runtime.key import config_for_key, lock_digest, lock_file
from tasks.runtime.settings import settings


class Config(BaseModel):
    """`anchor` came after artifacts that were made without one."""

    rows: int = 5
    anchor: float = Field(default=0.0, json_schema_extra={"key": "unless default"})
    names: tuple[str, ...] = Field(default_factory=tuple, json_schema_extra={"key": "unless default"})


def test_a_field_that_came_later_is_in_the_key_only_where_it_changes_what_was_made_before() -> None:
    assert config_for_key(Config()) == {"rows": 5} == config_for_key(Config(anchor=0.0, names=()))
    assert config_for_key(Config(anchor=0.1)) == {"rows": 5, "anchor": 0.1}
    assert config_for_key(Config(names=("a",))) == {"rows": 5, "names": ["a"]}


def test_a_lock_is_that_of_the_device_also_where_that_changes_within_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """As it does in a plan for GPUs that are not there."""
    found = []
    for device in ("cpu", "cuda", "cpu"):
        monkeypatch.setenv("REWRITING_AGENT_DEVICE", device)
        settings.cache_clear()
        assert lock_digest("inference") == digest_file(lock_file("inference"))
        found.append(lock_digest("inference"))
    settings.cache_clear()
    assert found[0] == found[2] != found[1]
