"""A logged step is rewarded again as it was; what is spoilt in the log is found.

groups.jsonl was logged by the TRL engine on nano: two steps, K = 4, float32 on a CPU, TRL's own advantages.
"""

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from flows.cli import app
from tasks.rows.jsonl import Row, read_rows, write_rows
from tasks.train_agent.config import TrainAgentConfig
from tasks.train_agent.replay import GROUPS, replayed, vectors_of

CONFIG = TrainAgentConfig.model_validate({"engine": "trl", "gate": {"judge": {"kind": "arithmetic"}}})
RUN = CliRunner()


@pytest.fixture
def groups() -> list[Row]:
    return list(read_rows(Path(__file__).with_name(GROUPS)))


def differing(group: Row, config: TrainAgentConfig = CONFIG) -> dict[str, list[int]]:
    return {part.name: part.differs for part in replayed(group, config) if part.differs}


def test_a_logged_step_comes_out_as_it_was(groups: list[Row]) -> None:
    assert [differing(group) for group in groups] == [{}, {}, {}]
    parts = {part.name: part for part in replayed(groups[1], CONFIG)}
    assert set(parts) == {"answers", "passed", "total", "advantages"}
    assert parts["passed"].now == [True, True, False, True]
    assert len(set(parts["total"].now)) == 4  # r_dist and r_div tell the candidates apart


def test_another_reward_an_nll_or_an_embedding_is_found(groups: list[Row]) -> None:
    group = groups[2]
    config = CONFIG.model_copy(update={"reward": CONFIG.reward.model_copy(update={"lambda_div": 4.0})})
    assert "total" in differing(group, config)
    assert differing(group | {"nll": [2.0, *group["nll"][1:]]}).keys() == {"total", "advantages"}
    vectors = vectors_of(group).copy()
    vectors[0] = -vectors[0]
    other = base64.b64encode(np.ascontiguousarray(vectors).tobytes()).decode()
    assert differing(group | {"vectors": other}).keys() == {"total", "advantages"}


def test_a_text_whose_answer_is_another_fails_the_gate(groups: list[Row]) -> None:
    group = groups[2]
    texts = ["Therefore, the answer is $\\boxed{12345}$.", *group["texts"][1:]]
    found = differing(group | {"texts": texts})
    assert found["answers"] == [0] and found["passed"] == [0] and 0 in found["total"]


def test_a_models_word_on_the_reasoning_is_taken_as_logged(groups: list[Row]) -> None:
    config = CONFIG.model_copy(update={"gate": CONFIG.gate.model_validate({"judge": {"kind": "self"}})})
    assert differing(groups[2], config) == {}
    refused = groups[2] | {"valid": [False, *groups[2]["valid"][1:]]}
    assert differing(refused, config)["passed"] == [0]


def _training(folder: Path, groups: list[Row]) -> list[str]:
    spec: dict[str, Any] = {"config": CONFIG.model_dump(mode="json")}
    (folder / "scratch").mkdir(exist_ok=True)
    (folder / "scratch" / "spec.json").write_text(json.dumps(spec))
    write_rows(folder / GROUPS, groups)
    return ["replay", str(folder)]


def test_the_command_ends_with_1_where_something_differs(tmp_path: Path, groups: list[Row]) -> None:
    done = RUN.invoke(app, _training(tmp_path, groups))
    assert (done.exit_code, done.stdout) == (0, "step 2: 2 groups of 8 rewrites, all as logged\n")
    spoilt = [*groups[:2], groups[2] | {"total": [9.0, *groups[2]["total"][1:]]}]
    done = RUN.invoke(app, _training(tmp_path, spoilt))
    assert done.exit_code == 1
    assert f"{groups[2]['id']} #0 total: 9 logged, " in done.stdout
    assert "step 2: 2 groups of 8 rewrites, 1 of them differ" in done.stdout
    assert RUN.invoke(app, [*_training(tmp_path, spoilt), "--step", "1"]).exit_code == 0


def test_what_cannot_be_replayed_is_said(tmp_path: Path, groups: list[Row]) -> None:
    asked = _training(tmp_path, groups)
    assert "logged are 1, 2" in RUN.invoke(app, [*asked, "--step", "7"]).output
    (tmp_path / GROUPS).unlink()
    assert "holds no groups.jsonl" in " ".join(RUN.invoke(app, asked).output.replace("│", " ").split())
