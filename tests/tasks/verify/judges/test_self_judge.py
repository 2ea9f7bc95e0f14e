"""The backbone as its own judge: right probabilities, wherever it is asked, and verdicts that follow from them."""

import math
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from tasks.runtime.engines.supervisor import descendants
from tasks.runtime.key import config_for_key
from tasks.verify.gate import GateConfig
from tasks.verify.judges.config import JudgeConfig
from tasks.verify.judges.first_token import FirstTokens, Reading, from_model
from tasks.verify.judges.judge import make_judge
from tasks.verify.judges.self_judge import SelfJudge, log_odds
from tasks.verify.types import JudgeItem
from tests.tasks.verify.judges.self_backbone import CONTEXT, NANO, self_backbone

ITEMS = [
    JudgeItem("a", "3 + 4?", "7", "3 + 4 = 7. \\boxed{7}"),
    JudgeItem("b", "3 + 4?", "7", "7"),
    JudgeItem("c", "10 - 4?", "10 - 4 = 6", "First, 10 - 3 = 7. Then 7 - 1 = 6. \\boxed{6}"),
    JudgeItem("d", "3 + 4?", "7", "I count on from 3: 4, 5, 6, 7.\n\\boxed{7}"),
    JudgeItem("e", "3 + 4?", "7", "3 + 4 = 7. \\boxed{7}"),
]
LONG = JudgeItem("long", "3 + 4?", "7", "3 + 4 = 7. " * 800)


def test_a_candidate_is_valid_where_yes_is_at_least_as_likely_by_the_margin(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    readings = [Reading(math.log(yes), math.log(no), 9) for yes, no in ((0.5, 0.5), (0.5, 0.2), (0.2, 0.5))]

    def read(items: Sequence[JudgeItem]) -> list[Reading]:
        return [readings[int(item.id)] for item in items]

    items = [JudgeItem(str(i), "q", "g", "s") for i in range(3)]

    def verdicts(margin: float) -> list[bool | None]:
        return [one.valid for one in SelfJudge(JudgeConfig(kind="self", margin=margin), tmp_path, read).judge(items)]

    assert verdicts(0) == [True, True, False]
    assert verdicts(0.5) == [False, True, False]
    assert verdicts(1) == [False, False, False]  # log 2.5 = 0.92
    assert verdicts(-1) == [True, True, True]


def test_what_is_no_probability_is_no_verdict(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    readings = [Reading(error="does not fit"), Reading(float("nan"), -1.0, 9)]
    verdicts = SelfJudge(JudgeConfig(kind="self"), tmp_path, lambda items: readings).judge(ITEMS[:2])
    assert [(one.valid, one.reason) for one in verdicts] == [
        (None, "does not fit"),
        (None, "the probabilities are not finite"),
    ]


def test_the_configuration_says_what_does_not_go_together(tmp_path: Path) -> None:
    for fields, message in (({"votes": 3}, "one vote"), ({"url": "http://x"}, "has none")):
        with pytest.raises(ValueError, match=message):
            JudgeConfig(kind="self", **fields)
    with pytest.raises(ValueError, match="is of kind 'self'"):
        JudgeConfig(kind="arithmetic", margin=1.0)
    with pytest.raises(ValueError, match="is no folder of a model"), make_judge(JudgeConfig(kind="self")):
        pass


def test_identity_is_prompt_margin_and_filter_and_the_backbone_is_an_input() -> None:
    assert JudgeConfig(kind="self", margin=0.5, model="x", context=600).identity() == (
        "self/prompt=1,margin=0.5+arithmetic/3"
    )
    assert GateConfig(judge=JudgeConfig(kind="self")).asks_backbone
    assert not GateConfig(judge=JudgeConfig(kind="arithmetic")).asks_backbone
    assert not GateConfig(judge=JudgeConfig(kind="self")).without_judge().asks_backbone
    alone = GateConfig(verifier="judge", judge=JudgeConfig(kind="self", rubric="Is it polite?"))
    assert alone.asks_backbone and not alone.without_judge().asks_backbone
    assert alone.answers_alone() == alone
    plain = GateConfig(judge=JudgeConfig(kind="arithmetic"))
    assert config_for_key(plain)["judge"] == "arithmetic/3"  # and flatten() leaves out an input that is None


def test_the_cache_tells_backbones_apart_by_their_bytes_also_behind_links(tmp_path: Path) -> None:
    names = []
    for folder, content in (("a", b"1" * 2_000_000 + b"1"), ("b", b"1" * 2_000_000 + b"2"), ("c", b"")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "config.json").write_text("{}")
        weights = tmp_path / folder / "model.safetensors"
        if content:
            weights.write_bytes(content)
        else:
            weights.symlink_to(tmp_path / "a" / "model.safetensors")  # as a hub's cache has it
        names.append(SelfJudge(JudgeConfig(kind="self"), tmp_path / folder, lambda items: []).name)
    assert names[0] != names[1] and names[0] == names[2]


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return self_backbone(tmp_path_factory.mktemp("backbone"))


@pytest.fixture
def loaded(backbone: Path) -> FirstTokens:
    import torch

    from tasks.score.load import load_backbone

    torch.set_num_threads(1)
    return from_model(load_backbone(backbone, "float32", cuda=False), backbone, CONTEXT)


@pytest.mark.inference
def test_readings_are_the_models_own_next_token_probabilities(loaded: FirstTokens, backbone: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    from tasks.verify.judges.self_prompt import self_prompt

    model = AutoModelForCausalLM.from_pretrained(backbone, dtype=torch.float32).eval()
    found = loaded(ITEMS)
    for item, reading in zip(ITEMS, found, strict=True):
        ids = loaded.chat.prompt(self_prompt(item))
        with torch.no_grad():
            logprobs = model(torch.tensor([ids])).logits[0, -1].log_softmax(-1)
        assert reading.tokens == len(ids)
        assert reading.yes == pytest.approx(logprobs[list(loaded.answers.yes)].logsumexp(0).item(), abs=1e-4)
        assert reading.no == pytest.approx(logprobs[list(loaded.answers.no)].logsumexp(0).item(), abs=1e-4)
    assert len({round(reading.yes - reading.no, 5) for reading in found}) == 4  # "e" is "a" once more


@pytest.mark.inference
def test_an_adapter_does_not_judge(loaded: FirstTokens, backbone: Path) -> None:
    import torch
    from peft import LoraConfig, get_peft_model

    from tasks.score.load import load_backbone

    bare = loaded(ITEMS)
    model = load_backbone(backbone, "float32", cuda=False)
    policy = get_peft_model(model, LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM"))
    with torch.no_grad():
        for name, parameter in policy.named_parameters():
            if "lora_B" in name:
                parameter.normal_(std=0.3)
    asked = from_model(policy, backbone, CONTEXT)(ITEMS)
    assert [one.yes for one in asked] == pytest.approx([one.yes for one in bare], abs=1e-5)
    with torch.no_grad():
        ids = torch.tensor([loaded.chat.prompt("3 + 4?")])
        assert (policy(ids).logits - loaded.next_logprobs.__self__.model(ids).logits).abs().max() > 0.1  # type: ignore[attr-defined]


@pytest.mark.inference
def test_a_candidate_that_does_not_fit_has_no_verdict_and_the_others_have(loaded: FirstTokens, backbone: Path) -> None:
    judge = SelfJudge(JudgeConfig(kind="self"), backbone, loaded)
    first, long, last = judge.judge([ITEMS[0], LONG, ITEMS[2]])
    assert first.valid is not None and last.valid is not None
    assert long.valid is None and f"do not fit the judge's context of {CONTEXT}" in long.reason


@pytest.mark.inference
def test_nano_cannot_judge_itself_and_says_so() -> None:
    from tasks.score.load import load_backbone
    from tasks.verify.judges.self_prompt import AnswerTokenError

    with pytest.raises(AnswerTokenError, match="cannot judge itself"):
        from_model(load_backbone(NANO, "float32", cuda=False), NANO, 512)


@pytest.mark.inference
@pytest.mark.slow
@pytest.mark.parametrize("backend", ["transformers", "vllm"])
def test_an_engine_of_its_own_says_the_same(
    backend: str, loaded: FirstTokens, backbone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    config = JudgeConfig(
        kind="self", backend=backend, prefilter=False, cache=tmp_path / "verdicts.sqlite", concurrency=4, startup_s=600
    )
    here = SelfJudge(config, backbone, loaded).judge(ITEMS)
    with make_judge(config, backbone) as judge:
        verdicts = judge.judge([*ITEMS, LONG])
        assert [log_odds(one) for one in verdicts[:5]] == pytest.approx([log_odds(one) for one in here], abs=2e-3)
        assert [one.valid for one in verdicts[:5]] == [one.valid for one in here]
        assert verdicts[5].valid is None and "do not fit" in verdicts[5].reason
        own = judge.model  # type: ignore[attr-defined]
        asked = own.usage.calls
        assert asked == 2 + 4 + 1  # the canaries, each content once, the one that does not fit
        assert judge.judge(ITEMS) == verdicts[:5] and own.usage.calls == asked  # from the cache
        engine = own.engine.child.process.pid
        os.kill(descendants(engine)[0], 9)
        (dead,) = own.judge(ITEMS[:1])
        assert dead.valid is None and "the engine gave no answer" in dead.reason
        assert own.judge(ITEMS[:1])[0].valid is not None  # started anew
    assert not descendants(engine)
