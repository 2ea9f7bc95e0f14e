"""What verl's savings do to the update: its own actor, two ranks of FSDP2, the same rollouts, two updates each."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tasks.runtime.settings import ROOT
from tests.tasks.train_agent.nano_rows import NANO, nano_rows

pytestmark = [pytest.mark.verl, pytest.mark.timeout(1500)]

SCRIPT = Path(__file__).with_name("verl_update.py")
WRONG = "First, 1 + 1 = 2.\n$\\boxed{2}$"


def updates(folder, *ways, ranks):
    """What each way found, by name."""
    from tasks.rows.prompts import rewriting_prompt
    from tasks.rows.tokens import ChatTokens

    chat, rollouts = ChatTokens(NANO / "model"), []
    for i, row in enumerate(nano_rows(4)):
        prompt = chat.prompt(rewriting_prompt(row["question"], row["solution"], "math"))
        for text, advantage in ((row["solution"], 0.7 + 0.1 * i), (WRONG, -0.7 - 0.1 * i)):
            rollouts.append({"prompt": prompt, "response": chat.target(text, True), "advantage": advantage})
    (folder / "rollouts.json").write_text(json.dumps(rollouts))
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(ranks)]
    environment = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, *torchrun, str(SCRIPT), str(folder), *ways],
        env=os.environ | environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return {way: json.loads((folder / f"{way}.json").read_text()) for way in ways}


@pytest.fixture(scope="module")
def updated(tmp_path_factory):
    """Fused kernels last: verl puts them into the model's class."""
    return updates(tmp_path_factory.mktemp("update"), "verl", "bypass", "ours", "torch", ranks=2)


def distance(ours, theirs):
    """How far two adapters are apart after the last update, as a share of what that update changed."""
    before, after = (np.array(weights) for weights in theirs["adapter"])
    return np.linalg.norm(np.array(ours["adapter"][-1]) - after) / np.linalg.norm(after - before)


def test_verls_bypass_of_the_old_policy_is_another_update_where_the_rollout_rounds(updated):
    assert distance(updated["bypass"], updated["verl"]) > 1e-2


def test_without_a_pass_for_the_old_policy_it_is_the_same_update(updated):
    ours, verl = updated["ours"], updated["verl"]
    assert ours["gradient_norm"] == verl["gradient_norm"]
    assert ours["adapter"] == verl["adapter"]


@pytest.mark.parametrize("way", ["verl", "torch"])
def test_tokens_of_one_state_are_as_if_the_tokens_between_were_not_there(updated, way):
    found = updated[way]
    assert found["one_state"][0] == pytest.approx(found["skipping"][0], abs=1e-5)


def check_fused(found, backend, nats, share):
    """The same log-probabilities to `nats` a token, gradients and adapter to `share`."""
    verl, fused = found["verl"], found[backend]
    assert verl["forward"] != fused["forward"] == [f"forward_with_{backend}_backend"]
    for name in ("log_probs", "one_state"):
        for theirs, ours in zip(verl[name], fused[name], strict=True):
            assert ours == pytest.approx(theirs, abs=nats)
    assert fused["gradient_norm"] == pytest.approx(verl["gradient_norm"], rel=share)
    assert distance(fused, verl) < share


def test_fused_kernels_leave_the_update_as_it_is_to_rounding(updated):
    check_fused(updated, "torch", nats=1e-4, share=5e-3)
    # AdamW's first step makes a whole step of the rounding where a gradient is next to zero, and nowhere else.
    apart = np.abs(np.subtract(updated["torch"]["adapter"][0], updated["verl"]["adapter"][0]))
    assert (apart > 1e-6).mean() < 1e-3


@pytest.mark.gpu
def test_triton_leaves_the_update_as_it_is_to_bfloat16s_rounding(tmp_path):
    check_fused(updates(tmp_path, "verl", "triton", ranks=1), "triton", nats=0.05, share=0.1)
