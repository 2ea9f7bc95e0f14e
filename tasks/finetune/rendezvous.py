"""Several machines train one model: who starts what, and where they meet.

    machine 0   NNODES=2 NODE_RANK=0 MASTER_ADDR=10.0.0.1 MASTER_PORT=29500 rewriting-agent run …
    machine 1   NNODES=2 NODE_RANK=1 MASTER_ADDR=10.0.0.1 MASTER_PORT=29500 .envs/sft/bin/python \\
                    -m tasks.finetune.llamafactory STORE/partial/KEY/scratch/tasks.finetune.llamafactory.spec.json

The names are torchrun's and LLaMA-Factory's. Both machines see the same store under the same path, and each starts
`processes` ranks. Machine 0 runs the stage: it prepares the rows, the others wait for it at the rendezvous; the model
and the checkpoints are written by it. A machine that is lost ends the others, as a lost rank does.
"""

import os
import sys
from collections.abc import Mapping

MODULE = "tasks.finetune.llamafactory"


def nodes(environment: Mapping[str, str] = os.environ) -> int:
    """How many machines train. Raises ValueError where they are not told where to meet."""
    count = int(environment.get("NNODES", "1"))
    if count > 1 and (missing := [name for name in _MEETING if not environment.get(name)]):
        raise ValueError(f"NNODES={count}, but not {' and '.join(missing)}: set them on every machine")
    return count


def is_first(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether this machine runs the stage."""
    return int(environment.get("NODE_RANK", "0")) == 0


def torchrun(count: int, processes: int, spec: str, environment: Mapping[str, str] = os.environ) -> list[str]:
    """The command that starts this machine's ranks."""
    meeting = ["--standalone"]
    if count > 1:
        rank, address, port = (environment[name] for name in _MEETING)
        meeting = [f"--nnodes={count}", f"--node-rank={rank}", f"--master-addr={address}", f"--master-port={port}"]
    command = [sys.executable, "-m", "torch.distributed.run", *meeting, f"--nproc-per-node={processes}"]
    return [*command, "-m", MODULE, spec]


_MEETING = ("NODE_RANK", "MASTER_ADDR", "MASTER_PORT")
