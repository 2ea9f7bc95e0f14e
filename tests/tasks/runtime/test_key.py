"""What is in a key, and what is not."""

from pydantic import BaseModel, Field

from tasks.runtime.key import config_for_key


class Config(BaseModel):
    """`anchor` came after artifacts that were made without one."""

    rows: int = 5
    anchor: float = Field(default=0.0, json_schema_extra={"key": "unless default"})
    names: tuple[str, ...] = Field(default_factory=tuple, json_schema_extra={"key": "unless default"})


def test_a_field_that_came_later_is_in_the_key_only_where_it_changes_what_was_made_before() -> None:
    assert config_for_key(Config()) == {"rows": 5} == config_for_key(Config(anchor=0.0, names=()))
    assert config_for_key(Config(anchor=0.1)) == {"rows": 5, "anchor": 0.1}
    assert config_for_key(Config(names=("a",))) == {"rows": 5, "names": ["a"]}
