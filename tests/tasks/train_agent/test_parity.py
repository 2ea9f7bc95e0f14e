"""Both engines pay the same rollouts the same rewards: each, in its own environment, those of parity.json.

`.envs/inference/bin/python -m tests.tasks.train_agent.test_parity` writes parity.json anew, by TRL's side.
"""

import asyncio
import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from tasks.rows.agent_rows import AgentRow
from tasks.train_agent.config import TrainAgentConfig
from tests.tasks.train_agent.nano_rows import NANO, nano_rows

FILE = Path(__file__).with_name("parity.json")
ROWS, K = 2, 5
TOLERANCE = 1e-6


def rollouts(row):
    """(text, finished) of a group: own words, the expert's, a third wording, a wrong answer, one that was cut off."""
    return [
        (row.solution.replace("By addition it follows that", "First,"), True),
        (row.solution, True),
        ("Let us find the number. " + row.solution.partition(". ")[2], True),
        ("First, 1 + 1 = 2. So the answer is 2.\n$\\boxed{2}$", True),
        (row.solution[:20], False),
    ]


@pytest.fixture(scope="module")
def parts():
    return _parts()


def _parts():
    """What both engines are given: chat, rows, config, and the parts of the reward."""
    import torch

    from tasks.rows.tokens import ChatTokens
    from tasks.score.embeddings import Embedder
    from tasks.score.load import load_backbone
    from tasks.score.nll import NLLScorer

    torch.set_num_threads(1)
    chat = ChatTokens(NANO / "model")
    embedder = {"model": str(NANO / "embedder"), "revision": None}
    return SimpleNamespace(
        chat=chat,
        rows=[AgentRow(r["id"], r["question"], r["solution"], r["solution"], []) for r in nano_rows(ROWS)],
        config=TrainAgentConfig(
            prompts_per_step=ROWS, candidates=K, embedder=embedder, gate={"judge": {"kind": "arithmetic"}}
        ),
        scorer=NLLScorer.from_model(load_backbone(NANO / "model", "float32", cuda=False), chat),
        embedder=Embedder(embedder["model"], cuda=False),
    )


def trl_totals(parts):
    """Totals as TRL's trainer gets them: from row ids, texts and sampled ids."""
    from tasks.train_agent.group_reward import GroupReward
    from tasks.train_agent.trl.trainer import AgentTrainer

    trainer = AgentTrainer.__new__(AgentTrainer)
    trainer.chat, trainer.seconds = parts.chat, {}
    found = [(row.id, *rollout) for row in parts.rows for rollout in rollouts(row)]
    ids, texts = [one[0] for one in found], [one[1] for one in found]
    sampled = [parts.chat.target(text, finished) for _, text, finished in found]
    with parts.config.gate.open() as verifier:
        trainer.group_reward = GroupReward(
            parts.config.reward, K, {row.id: row for row in parts.rows}, verifier, parts.scorer, parts.embedder
        )
        return trainer._reward_group([], texts, sampled, row=ids)


def verl_totals(parts, folder):
    """Totals as verl's trainer gets them: from TransferQueue's rollouts and the gate's recorded verdicts."""
    import torch

    from tasks.train_agent.spec import TrainSpec
    from tasks.train_agent.verl.gate import gate
    from tasks.train_agent.verl.trainer import AgentTrainer

    config = parts.config.model_copy(update={"engine": "verl"})
    spec = TrainSpec(
        config=config,
        backbone=NANO / "model",
        rows=folder,
        embedder=config.embedder.model,
        out=folder,
        cuda=False,
    )
    (folder / "spec.json").write_text(spec.model_dump_json())
    infos, extras, responses = [], [], []
    for row in parts.rows:
        for text, finished in rollouts(row):
            info, extra = {"id": row.id, "question": row.question}, {"finished": finished}
            verdict = gate("agent", text, row.gold, info | extra, spec=str(folder / "spec.json"))
            infos.append(info)
            extras.append(extra | {"reward_extra_info": asyncio.run(verdict)})
            responses.append(torch.tensor(parts.chat.target(text, finished)))
    trainer = AgentTrainer.__new__(AgentTrainer)
    trainer.spec, trainer.global_steps, trainer.tokenizer = spec, 1, parts.chat.tokenizer
    trainer.agent_rows = {row.id: row for row in parts.rows}
    trainer.scorer, trainer.embedder = parts.scorer, parts.embedder
    nested = torch.nested.as_nested_tensor(responses, layout=torch.jagged)
    return trainer.reward_groups({"extra_info": infos, "extra_fields": extras, "responses": nested}).totals


@pytest.mark.inference
def test_trl_pays_what_the_file_says(parts):
    totals = trl_totals(parts)
    assert totals == pytest.approx(json.loads(FILE.read_text()), abs=TOLERANCE)
    assert sum(total > 1 for total in totals) >= 4 and sum(total == 0 for total in totals) >= 4


@pytest.mark.verl
def test_verl_pays_what_the_file_says(parts, tmp_path):
    assert verl_totals(parts, tmp_path) == pytest.approx(json.loads(FILE.read_text()), abs=TOLERANCE)


if __name__ == "__main__":
    FILE.write_text(json.dumps(trl_totals(_parts()), indent=1) + "\n")
