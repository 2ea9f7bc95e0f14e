"""What is only speed is in no key, and comes last in a form."""

import pytest

from tasks.evaluate.config import EvaluateConfig
from tasks.generation.config import DealtEngineConfig, EngineConfig
from tasks.measure.config import MeasureConfig
from tasks.rewrite.config import RewriteConfig
from tasks.runtime.key import config_for_key


@pytest.mark.parametrize("config", [RewriteConfig, EvaluateConfig, MeasureConfig])
def test_how_fast_an_engine_is_changes_no_key_and_comes_last(config: type[EngineConfig]) -> None:
    fast = config(batch=7, block=3, tensor_parallel=2, gpu_memory_utilization=0.5)
    assert config_for_key(fast) == config_for_key(config())
    base = DealtEngineConfig if issubclass(config, DealtEngineConfig) else EngineConfig
    names, speed = list(config.model_json_schema()["properties"]), list(base.model_fields)
    assert names[-len(speed) :] == speed and len(names) == len(set(names)) > len(speed)
