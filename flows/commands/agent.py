"""Which agent and which backbone `rewriting-agent rewrite --adapter A --backbone B` means.

In:  A: the beginning of a train_agent key ("018bc6"), the folder of such an artifact, or any PEFT folder; B or nothing
Out: the PEFT folder of the agent; the experiment of its backbone

A LoRA fits every backbone of the same shapes and makes sense on one: the manifest of an agent that was trained here
says on which, through the backbone artifact among its inputs.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from tasks.runtime.store.store import MANIFEST, Manifest, StoreError

if TYPE_CHECKING:
    from flows.experiment import Experiment

ADAPTER, BACKBONE = "--adapter", "--backbone"


def find_adapter(adapter: str) -> Path:
    """The PEFT folder that `adapter` names: a folder, or an artifact of train_agent. Raises BadParameter."""
    from tasks.runtime.stage import store

    folder = Path(adapter)
    if not folder.is_dir():
        try:
            folder = store().path(store().resolve(adapter))
        except StoreError as error:
            raise typer.BadParameter(f"{adapter} is no folder, and {error}", param_hint=ADAPTER) from None
    for candidate in (folder, folder / "adapter"):
        if (candidate / "adapter_config.json").is_file():
            return candidate.resolve()
    raise typer.BadParameter(f"{folder} holds no adapter_config.json: it is no PEFT adapter", param_hint=ADAPTER)


def find_experiment(adapter: Path | None, backbone: str | None) -> "Experiment":
    """The experiment of `backbone`; of the backbone that the agent was trained on where none is given; else nano's.

    Raises:
        BadParameter: the agent was trained on another backbone than `backbone`; none is given, and nothing says on
            which it was trained, or that one has no file under infra/backbones.
    """
    from flows.experiment import load_experiment
    from flows.experiment_files import backbone_names

    if adapter is None:
        return load_experiment(backbone or "nano")
    source = trained_on(adapter)
    if backbone is not None:
        experiment = load_experiment(backbone)
        if source is not None and experiment.backbone.source() != source:
            raise typer.BadParameter(
                f"{backbone} is {_words(experiment.backbone.source())}, but the agent was trained on {_words(source)}",
                param_hint=BACKBONE,
            )
        return experiment
    if source is None:
        raise typer.BadParameter(
            f"nothing says which backbone {adapter} was trained on; name it with {BACKBONE}", param_hint=ADAPTER
        )
    for name in backbone_names():
        experiment = load_experiment(name)
        if experiment.backbone.source() == source:
            return experiment
    raise typer.BadParameter(
        f"the agent was trained on {_words(source)}, which none of {', '.join(backbone_names())} is; name its YAML "
        f"file with {BACKBONE}",
        param_hint=ADAPTER,
    )


def trained_on(adapter: Path) -> Any:
    """What `BackboneConfig.source` gives for the backbone that the agent was trained on.

    None for a PEFT folder without a train_agent manifest beside it, or whose backbone's manifest is not in the store.
    """
    from tasks.runtime.stage import store

    try:
        agent = Manifest.model_validate_json((adapter.parent / MANIFEST).read_bytes())
        return store().manifest(agent.inputs["backbone"].key).identity if agent.kind == "train_agent" else None
    except (FileNotFoundError, ValueError, StoreError):  # a bare folder; another program's manifest; a copied artifact
        return None


def _words(source: Any) -> str:
    """What `BackboneConfig.source` gave, for people."""
    return f"{source['repository']}@{source['revision'][:12]}" if isinstance(source, dict) else f"files {source[:12]}…"
