"""The memory that SFT is reckoned to take."""

from pathlib import Path

import pytest

from tasks.finetune.config import FinetuneConfig
from tasks.finetune.finetune import memory
from tasks.finetune.memory import (
    LEAST_TOKENS,
    MOST_TOKENS,
    beside_bytes,
    sft_bytes,
    state_of,
    tokens_that_fit,
)
from tasks.rows.memory import Shape, shape_of
from tasks.runtime.settings import ROOT

SEVEN_B = Shape(parameters=7_000_000_000, hidden=4096, layers=32, vocabulary=32768)


def test_sixteen_bytes_a_parameter_are_divided_by_zero_3_and_the_logits_are_not() -> None:
    one, four = (sft_bytes(SEVEN_B, 1, "float32", processes) for processes in (1, 4))
    assert 112e9 < one < 113e9 and 28e9 < four < 29e9
    longer = sft_bytes(SEVEN_B, 4097, "bfloat16", 4) - sft_bytes(SEVEN_B, 1, "bfloat16", 4)
    assert longer == 4096 * (32768 * 14 + 4096 * 2 * (32 + 34))


def test_a_models_shape_is_read_from_its_folder() -> None:
    shape = shape_of(ROOT / "infra" / "nano" / "model")
    assert (shape.parameters, shape.layers) == (1_079_552, 4)


def test_a_packed_pass_holds_the_logits_of_a_chunk_and_as_many_tokens_as_fit() -> None:
    longer = sft_bytes(SEVEN_B, 4097, "bfloat16", 4, logits=1024) - sft_bytes(SEVEN_B, 2049, "bfloat16", 4, logits=1024)
    assert longer == 2048 * 4096 * 2 * (32 + 34)
    tokens = tokens_that_fit(SEVEN_B, 80 * 2**30, "bfloat16", 4, 1024)
    assert sft_bytes(SEVEN_B, tokens, "bfloat16", 4, 1024) <= 0.9 * 80 * 2**30
    assert tokens == MOST_TOKENS or sft_bytes(SEVEN_B, tokens + 1, "bfloat16", 4, 1024) > 0.9 * 80 * 2**30
    assert tokens_that_fit(SEVEN_B, 40 * 2**30, "bfloat16", 4, 1024) < 16_384


def test_a_lora_on_one_gpu_packs_passes_although_all_weights_would_not_fit_there() -> None:
    lora, whole = state_of(FinetuneConfig(lora_rank=16)), state_of(FinetuneConfig())
    assert tokens_that_fit(SEVEN_B, 80 * 2**30, "bfloat16", 1, 1024, whole) == LEAST_TOKENS
    tokens = tokens_that_fit(SEVEN_B, 80 * 2**30, "bfloat16", 1, 1024, lora)
    assert tokens > 10_000 and sft_bytes(SEVEN_B, tokens, "bfloat16", 1, 1024, lora) <= 0.9 * 80 * 2**30


def test_on_cores_a_process_takes_its_imports_and_a_model_of_half_a_billion_parameters_eleven_gigabytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nano = ROOT / "infra" / "nano" / "model"
    plain = FinetuneConfig()
    assert 0.7 * 2**30 < memory(plain, backbone=nano) < 2**30
    assert memory(FinetuneConfig(processes=2), backbone=nano) > 1.4 * 2**30
    half = Shape(parameters=494_000_000, hidden=896, layers=24, vocabulary=151_936)
    monkeypatch.setattr("tasks.rows.memory.shape_of", lambda _: half)
    taken = memory(FinetuneConfig(dtype="bfloat16"), backbone=tmp_path)
    assert 10.7 * 2**30 < taken < 12 * 2**30  # 10.7 and 10.8 GiB were counted by the kernel (docs/small_models.md)
    anchored = FinetuneConfig(dtype="bfloat16", loss="sft_kl", anchor=0.1)
    assert memory(anchored, backbone=tmp_path) - taken > 2 * half.parameters
    assert memory(FinetuneConfig(dtype="bfloat16", lora_rank=16), backbone=tmp_path) < taken - 11 * half.parameters
    pulled = memory(FinetuneConfig(dtype="bfloat16", l2=4), backbone=tmp_path)
    assert pulled == taken + 4 * half.parameters, "pi_0's weights in float32"
    assert beside_bytes(FinetuneConfig(l2=4), half, "bfloat16", 4) == half.parameters
    (tmp_path / "config.json").write_text('{"text_config": {"hidden_size": 896}}')
    monkeypatch.setattr("tasks.rows.memory.shape_of", shape_of)
    assert memory(plain, backbone=tmp_path) == 0
