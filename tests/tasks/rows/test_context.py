"""How many tokens a model has room for."""

import json
from pathlib import Path

import pytest

from tasks.rows.context import context_for, longest_context


@pytest.fixture
def model(tmp_path: Path) -> Path:
    (tmp_path / "config.json").write_text(json.dumps({"max_position_embeddings": 512}))
    return tmp_path


def test_no_more_than_asked_for_and_no_more_than_the_model_has(model: Path) -> None:
    assert context_for(model, max_prompt_tokens=200, max_new_tokens=100) == 300
    assert context_for(model, max_prompt_tokens=2048, max_new_tokens=100) == longest_context(model) == 512


def test_a_model_without_room_for_the_output_is_refused(model: Path) -> None:
    with pytest.raises(ValueError, match=r"no room.*lower max_new_tokens"):
        context_for(model, max_prompt_tokens=200, max_new_tokens=512)
