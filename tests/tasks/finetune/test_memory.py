"""The memory that SFT is reckoned to take."""

from tasks.finetune.memory import Shape, sft_bytes, shape_of
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
