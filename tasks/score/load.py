"""Loads pi_0 for scoring and training: safetensors only, no code from the model's folder."""

from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM

from tasks.rows.precision import Dtype, resolve


def context_of(config: Any) -> int:
    """The tokens that a model of this transformers config has positions for, 0 where it names no limit."""
    return int(getattr(config.get_text_config(), "max_position_embeddings", 0) or 0)


def load_backbone(folder: Path, dtype: Dtype, cuda: bool) -> Any:
    """A transformers causal LM in evaluation mode, on the first GPU or on the CPU."""
    model = AutoModelForCausalLM.from_pretrained(
        folder, dtype=getattr(torch, resolve(dtype, folder, cuda)), use_safetensors=True, trust_remote_code=False
    )
    return model.to("cuda" if cuda else "cpu").eval()
