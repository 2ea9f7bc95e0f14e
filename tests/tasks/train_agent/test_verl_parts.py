"""The parts of the verl engine by themselves: advantages, watchdog, checkpoints, canary (rewards: test_parity.py)."""

import asyncio
import json
import os
import socket
import subprocess
import sys
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import numpy as np
import pytest

from tasks.rewards.group import group_advantages
from tasks.train_agent.config import TrainAgentConfig
from tasks.train_agent.spec import TrainSpec
from tests.tasks.train_agent.nano_rows import NANO, nano_rows

pytestmark = pytest.mark.verl

K = 4
TEXTS = {  # of the first two rows of nano's corpus: right, right and terse, wrong, cut off
    "own style": lambda row: row.solution.replace("By addition it follows that", "First,"),
    "expert": lambda row: row.solution,
    "wrong": lambda row: "First, 1 + 1 = 2. So the answer is 2.\n$\\boxed{2}$",
    "cut off": lambda row: row.solution[:20],
}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A spec on disk, its rows and the parts of the reward, as the processes of a run have them."""
    import torch

    from tasks.rows.agent_rows import AgentRow
    from tasks.rows.tokens import ChatTokens
    from tasks.score.config import PACKAGED_EMBEDDER
    from tasks.score.embeddings import Embedder
    from tasks.score.load import load_backbone
    from tasks.score.nll import NLLScorer

    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("run")
    config = TrainAgentConfig(
        engine="verl",
        gate={"judge": {"kind": "arithmetic"}},
        prompts_per_step=2,
        candidates=K,
        embedder={"model": PACKAGED_EMBEDDER, "revision": None},
    )
    spec = TrainSpec(
        config=config, backbone=NANO / "model", rows=folder, embedder=PACKAGED_EMBEDDER, out=folder, cuda=False
    )
    (folder / "spec.json").write_text(spec.model_dump_json())
    chat = ChatTokens(NANO / "model")
    rows = [AgentRow(r["id"], r["question"], r["solution"], r["solution"], []) for r in nano_rows(2)]
    scorer = NLLScorer.from_model(load_backbone(NANO / "model", "float32", cuda=False), chat)
    embedder = Embedder(PACKAGED_EMBEDDER, cuda=False)
    return SimpleNamespace(
        spec=spec, path=str(folder / "spec.json"), rows=rows, chat=chat, scorer=scorer, embedder=embedder
    )


@pytest.fixture
def trainer(run):
    """verl's trainer without verl's processes: what `reward_groups` reads of it."""
    from tasks.train_agent.verl.trainer import AgentTrainer

    made = AgentTrainer.__new__(AgentTrainer)
    made.spec, made.global_steps, made.tokenizer = run.spec, 1, run.chat.tokenizer
    made.agent_rows = {row.id: row for row in run.rows}
    made.scorer, made.embedder = run.scorer, run.embedder
    return made


@pytest.fixture(scope="module")
def found(run):
    """A step's rollouts as they lie in TransferQueue, with the real gate's verdicts."""
    import torch

    from tasks.train_agent.verl.gate import gate

    infos, extras, responses = [], [], []
    for row in run.rows:
        for kind, write in TEXTS.items():
            info, extra = {"id": row.id, "question": row.question}, {"finished": kind != "cut off"}
            text = write(row)
            verdict = gate("agent", text, row.gold, info | extra, spec=run.path)
            infos.append(info)
            extras.append(extra | {"reward_extra_info": asyncio.run(verdict)})
            responses.append(torch.tensor(run.chat.target(text, extra["finished"])))
    nested = torch.nested.as_nested_tensor(responses, layout=torch.jagged)
    return {"extra_info": infos, "extra_fields": extras, "responses": nested}


def test_verls_advantages_are_ours_at_the_same_epsilon(trainer, found):
    import torch
    from verl.trainer.ppo.core_algos import compute_grpo_outcome_advantage

    from tasks.train_agent.verl.trainer import at_the_end

    totals = trainer.reward_groups(found).totals
    lengths = [len(ids) for ids in found["responses"].unbind()]
    scores = torch.nn.utils.rnn.pad_sequence(
        [at_the_end(total, length) for total, length in zip(totals, lengths, strict=True)], batch_first=True
    )
    mask = torch.nn.utils.rnn.pad_sequence([torch.ones(length) for length in lengths], batch_first=True)
    groups = np.array([info["id"] for info in found["extra_info"]], dtype=object)
    for epsilon in (1e-6, 1e-4):
        advantages, _ = compute_grpo_outcome_advantage(scores, mask, groups, epsilon=epsilon)
        expected = [a for i in range(0, len(totals), K) for a in group_advantages(totals[i : i + K], epsilon)]
        assert advantages[:, 0].tolist() == pytest.approx(expected, abs=1e-5)


def test_half_a_group_and_missing_rewrites_are_refused(run, trainer, found):
    import torch

    from tasks.train_agent.verl.trainer import RolloutError

    swapped = [run.rows[0].id] * (K + 1) + [run.rows[1].id] * (K - 1)
    infos = [{**info, "id": row} for info, row in zip(found["extra_info"], swapped, strict=True)]
    with pytest.raises(ValueError, match="whole groups of 4"):
        trainer.reward_groups(found | {"extra_info": infos})
    less = torch.nested.as_nested_tensor(list(found["responses"].unbind())[:-1], layout=torch.jagged)
    with pytest.raises(RolloutError, match="7 of 8"):
        trainer.reward_groups(
            {"extra_info": found["extra_info"][:-1], "extra_fields": found["extra_fields"][:-1], "responses": less}
        )


def test_a_gate_that_fails_stops_the_training_with_its_reason(tmp_path, run, trainer, found):
    from tasks.train_agent.verl.gate import gate
    from tasks.train_agent.verl.trainer import RolloutError

    info = found["extra_info"][0]
    outcome = asyncio.run(gate("agent", "text", "1", info | {"finished": True}, spec=str(tmp_path / "nowhere.json")))
    assert outcome["verdict"] is None and "nowhere.json" in outcome["error"]
    extras = [found["extra_fields"][0] | {"reward_extra_info": outcome}, *found["extra_fields"][1:]]
    with pytest.raises(RolloutError, match=f"row {info['id']}: the gate failed"):
        trainer.reward_groups(found | {"extra_fields": extras})


def test_the_watchdog_ends_what_hangs_and_says_what_it_was(tmp_path):
    script = (
        "import sys, time; from pathlib import Path; from tasks.train_agent.verl.watchdog import watchdog\n"
        "with watchdog(30, 'the quick part', Path(sys.argv[1])): pass\n"
        "with watchdog(0.3, 'loading the adapter', Path(sys.argv[1])): time.sleep(60)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "stopped.txt")], capture_output=True, text=True, timeout=50
    )
    assert done.returncode == 70
    assert (tmp_path / "stopped.txt").read_text() == "loading the adapter was not done after 0 s"
    assert "watchdog: loading the adapter" in done.stderr


class Health(BaseHTTPRequestHandler):
    """vLLM's /health: 200, or 503 once the engine is dead."""

    def do_GET(self):
        self.send_response(self.server.status if self.path == "/health" else 404)
        self.end_headers()

    def log_message(self, *arguments):
        pass


def test_a_rollout_whose_engine_dies_ends_the_training_and_a_healthy_one_does_not(tmp_path):
    script = (
        "import sys, time; from pathlib import Path; from tasks.train_agent.verl.watchdog import dead_engine, watch\n"
        "watch(lambda: dead_engine([sys.argv[1]]), Path(sys.argv[2]), every=0.1)\n"
        "time.sleep(2); print('alive', flush=True); time.sleep(60)"
    )
    with ThreadingHTTPServer(("127.0.0.1", 0), Health) as server:
        server.status = 200
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address, reason = f"127.0.0.1:{server.server_port}", tmp_path / "stopped.txt"
        process = subprocess.Popen(
            [sys.executable, "-c", script, address, str(reason)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout.readline() == "alive\n"
        server.status = 503
        assert process.wait(timeout=50) == 70
        server.shutdown()
    assert reason.read_text().startswith(f"the vLLM engine of the rollout at {address} is dead")


def test_a_server_that_is_gone_counts_as_dead():
    from tasks.train_agent.verl.watchdog import dead

    with socket.create_server(("127.0.0.1", 0)) as listening:
        gone = f"127.0.0.1:{listening.getsockname()[1]}"
    assert dead(gone)


def test_verls_processes_have_the_runs_seed():
    from tasks.train_agent.verl.environment import HERE

    environment = os.environ | {"VERL_USE_EXTERNAL_MODULES": f"{HERE}.seeding", "VERL_AGENT_SEED": "7"}
    code = "import verl, torch; print(torch.initial_seed())"
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "7"


def test_only_whole_checkpoints_are_resumed_from(tmp_path):
    from tasks.train_agent.verl.checkpoints import last_whole_step

    assert last_whole_step(tmp_path) == 0
    for step in (2, 10, 12):
        (tmp_path / f"global_step_{step}" / "actor").mkdir(parents=True)
    for step in (2, 10):
        (tmp_path / f"global_step_{step}" / "whole").touch()
    (tmp_path / "latest_checkpointed_iteration.txt").write_text("")  # a kill between opening and writing it
    assert last_whole_step(tmp_path) == 10
    assert (tmp_path / "latest_checkpointed_iteration.txt").read_text() == "10"
    assert not (tmp_path / "global_step_12").exists()


def test_verls_own_metrics_are_numbers_in_our_log():
    from tasks.train_agent.verl.step_row import numbers

    found = {"a": np.float32(0.5), "b": np.int64(3), "c": float("nan"), "d": {"no": "number"}}
    assert json.loads(json.dumps(numbers(found))) == {"a": 0.5, "b": 3.0, "c": None}


def log_probabilities(shift, noise, seed=0):
    """Of 100,000 tokens under pi_0 and under a policy `shift` away from it, with rounding of the size `noise`."""
    random = np.random.default_rng(seed)
    base = -random.exponential(size=100_000)
    policy = base + shift * random.standard_normal(base.size)
    return base, policy, noise * random.standard_normal(base.size)


def test_the_canary_tells_base_from_policy_below_the_rounding_of_bfloat16():
    from tasks.train_agent.canary import CanaryError, compare

    base, policy, rounding = log_probabilities(shift=2e-3, noise=0.02)
    canary = compare(policy + rounding, policy, base, tolerance=0.1, updates=2)
    assert canary.shift < canary.mismatch < 0.1
    with pytest.raises(CanaryError, match="drawn from pi_0"):
        compare(base + rounding, policy, base, tolerance=0.1, updates=2)


def test_the_canary_does_not_judge_where_noise_hides_everything():
    from tasks.train_agent.canary import compare

    base, policy, rounding = log_probabilities(shift=1e-6, noise=0.05)
    compare(base + rounding, policy, base, tolerance=0.1, updates=2)


def test_the_dataset_hands_out_prompts_and_what_the_gate_needs(tmp_path, run):
    from tasks.train_agent.verl.dataset import AgentDataset, write_kept_rows

    rows = [replace(row, gold="29") for row in run.rows]
    write_kept_rows(tmp_path / "rows.jsonl", rows)
    made = AgentDataset([str(tmp_path / "rows.jsonl")])
    assert len(made) == 2 and len(AgentDataset([str(tmp_path / "rows.jsonl")], max_samples=1)) == 1
    assert made[1]["extra_info"] == {"id": rows[1].id, "question": rows[1].question}
    assert made[1]["reward_model"] == {"ground_truth": "29"}
    assert rows[1].solution in made[1]["raw_prompt"][0]["content"]


def test_tokens_of_one_state_are_predicted_by_the_state_after_the_prompt():
    import torch

    from tasks.train_agent.verl.one_state import spread

    lengths, count = [5, 7], 2  # prompts of 3 and 5 tokens, two tokens after each
    packed = torch.arange(12.0)[None, :, None].repeat(1, 1, 3)
    offsets = torch.tensor([0, 5, 12])
    padded = torch.full((2, 8, 3), -1.0)
    for row, (start, length) in enumerate(zip((0, 5), lengths, strict=True)):
        padded[row, :length] = packed[0, start : start + length]
    expected = [[0, 1, 2, 2, 4], [5, 6, 7, 8, 9, 9, 11]]  # the last place predicts nothing
    spread(packed, offsets, count)
    assert packed[0, :, 0].tolist() == expected[0] + expected[1]
    spread(padded, offsets, count)
    assert [padded[row, :length, 0].tolist() for row, length in enumerate(lengths)] == expected
    assert (padded[0, 5:] == -1).all() and (padded[1, 7:] == -1).all()
    alone = torch.arange(5.0)[None, :, None]
    spread(alone, torch.tensor([0, 5]), count)
    assert alone[0, :, 0].tolist() == expected[0]
