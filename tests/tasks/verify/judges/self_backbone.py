"""nano with YES and NO as tokens of its own, and room for a judge's prompt: a backbone that can be asked about itself.

nano's tokenizer writes neither word as one token. The new tokens' embeddings are drawn at random, so the answers mean
nothing; how they are computed is what the tests hold.
"""

import json
import sys
from pathlib import Path

NANO = Path(__file__).resolve().parents[4] / "infra" / "nano" / "model"
CONTEXT = 4096


def self_backbone(folder: Path) -> Path:
    """Write the backbone into `folder`; needs the inference environment."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.manual_seed(0)
    tokenizer = AutoTokenizer.from_pretrained(NANO)
    tokenizer.add_tokens(["YES", "NO"])
    model = AutoModelForCausalLM.from_pretrained(NANO, dtype=torch.float32)
    model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    model.config.max_position_embeddings = CONTEXT
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    for name in ("chat_template.jinja", "generation_config.json"):
        (folder / name).write_bytes((NANO / name).read_bytes())
    assert json.loads((folder / "config.json").read_text())["max_position_embeddings"] == CONTEXT
    return folder


if __name__ == "__main__":  # from tests that run in another environment
    self_backbone(Path(sys.argv[1]))
