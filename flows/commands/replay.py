"""`rewriting-agent replay AGENT --step 10`: a logged step of an agent's training, rewarded again without a GPU.

rewriting-agent replay train_agent/nano/rewriting_agent-seed0
rewriting-agent replay out/ --step 10          the folder of a training that still runs, or failed
"""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

console = Console()


def replay_command(
    agent: Annotated[str, typer.Argument(help="Beginning of an agent's key or name, or the folder of its training.")],
    step: Annotated[int | None, typer.Option(min=1, help="Which step; default: the last one that was logged.")] = None,
    every: Annotated[
        bool, typer.Option("--every", help="Show every candidate, not only where something differs.")
    ] = False,
) -> None:
    """Reward a logged step's groups again: answers, gate, equations 3 to 12, advantages. No model is asked.

    Ends with 1 where something comes out otherwise than it was logged.
    """
    from tasks.rows.jsonl import read_rows
    from tasks.train_agent.replay import GROUPS, replayed

    folder, config = _training(agent)
    path = folder / GROUPS
    if not path.is_file():
        raise typer.BadParameter(f"{folder} holds no {GROUPS}: it was trained before groups were logged, or samples=0")
    groups = list(read_rows(path, ["step", "id", "texts"]))
    steps = list(dict.fromkeys(group["step"] for group in groups))
    wanted = steps[-1] if step is None else step
    if wanted not in steps:
        raise typer.BadParameter(
            f"--step {wanted}: logged are {', '.join(map(str, steps))} (train_agent.samples_every)"
        )
    chosen = [group for group in groups if group["step"] == wanted]
    differing = 0
    for group in chosen:
        parts = replayed(group, config)
        differing += any(part.differs for part in parts)
        for part in parts:
            for place in range(len(part.now)) if every else part.differs:
                said = f"{_short(part.logged[place])} logged, {_short(part.now[place])} now"
                style = "red" if place in part.differs else ""
                console.print(Text(f"{part.id} #{place} {part.name}: {said}", style=style), soft_wrap=True)
    candidates = sum(len(group["texts"]) for group in chosen)
    told = f"{differing} of them differ" if differing else "all as logged"
    console.print(f"step {wanted}: {len(chosen)} groups of {candidates} rewrites, {told}")
    if differing:
        raise typer.Exit(1)


def _training(agent: str) -> tuple[Path, Any]:
    """The folder of a training and its config: of an artifact by its manifest, else by the spec of its attempt."""
    from tasks.runtime.stage import store
    from tasks.runtime.store.store import MANIFEST, StoreError
    from tasks.train_agent.config import TrainAgentConfig

    folder = Path(agent)
    if not folder.is_dir():
        try:
            folder = store().path(store().resolve(agent))
        except StoreError as error:
            raise typer.BadParameter(f"{agent} is no folder, and {error}") from None
    for name in (MANIFEST, "scratch/spec.json"):
        if (path := folder / name).is_file():
            return folder, TrainAgentConfig.model_validate(json.loads(path.read_text(encoding="utf-8"))["config"])
    raise typer.BadParameter(f"{folder} holds neither {MANIFEST} nor scratch/spec.json: it is no training of an agent")


def _short(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
