"""How many tokens a model can read and write at once."""

import json
from pathlib import Path


def longest_context(model: Path) -> int:
    """Tokens of prompt and output together that the model in `model` was made for; a billion where it says nothing."""
    config = json.loads((model / "config.json").read_text(encoding="utf-8"))
    config = config.get("text_config", config)  # of a model that reads more than text
    return int(config.get("max_position_embeddings") or 1 << 30)


def context_for(model: Path, max_prompt_tokens: int, max_new_tokens: int) -> int:
    """Tokens of prompt and output together. Raises ValueError where the model has no room for the output."""
    longest = longest_context(model)
    if longest <= max_new_tokens:
        raise ValueError(
            f"{model}: a context of {longest} tokens has no room for a prompt beside max_new_tokens "
            f"{max_new_tokens}: lower max_new_tokens"
        )
    return min(longest, max_prompt_tokens + max_new_tokens)
