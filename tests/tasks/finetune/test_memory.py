"""The memory that SFT is reckoned to take."""

from tasks.finetune.memory import MOST_TOKENS, Shape, sft_bytes, shape_of, tokens_that_fit
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
