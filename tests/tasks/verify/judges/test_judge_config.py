"""What a judge is configured with, as people type it."""

import pytest
from pydantic import ValidationError

from flows.experiment import Experiment, load_experiment
from flows.overrides import parse
from tasks.verify.judges.config import JudgeConfig


def test_one_gpu_may_be_given_as_a_number() -> None:
    changed = load_experiment("nano", parse(["gate.judge.gpus=3"], Experiment))
    assert changed.gate.judge.gpus == "3" == JudgeConfig(gpus="3").gpus
    for wrong in (-1, True, [2, 3]):
        with pytest.raises(ValidationError, match="gpus"):
            JudgeConfig.model_validate({"gpus": wrong})
