"""Machines that train together know where they meet."""

import pytest

from tasks.finetune.rendezvous import is_first, nodes, torchrun

MEETING = {"NNODES": "2", "NODE_RANK": "1", "MASTER_ADDR": "10.0.0.1", "MASTER_PORT": "29500"}


def test_one_machine_needs_no_meeting_point() -> None:
    assert nodes({}) == 1 and is_first({})
    assert "--standalone" in torchrun(1, 4, "spec.json", {})


def test_two_machines_are_told_torchruns_settings() -> None:
    assert nodes(MEETING) == 2 and not is_first(MEETING)
    command = torchrun(2, 4, "spec.json", MEETING)
    assert {"--nnodes=2", "--node-rank=1", "--master-addr=10.0.0.1", "--nproc-per-node=4"} <= set(command)
    assert command[-1] == "spec.json"


def test_what_is_missing_is_named() -> None:
    with pytest.raises(ValueError, match="NNODES=2, but not MASTER_ADDR and MASTER_PORT"):
        nodes({"NNODES": "2", "NODE_RANK": "0"})
