"""`rewriting-agent dataset`, `model` and `push`: what was made, for others, and to the hub."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

console = Console()

Out = Annotated[Path, typer.Option("--out", metavar="FOLDER", help="A folder that is not there yet, or an empty one.")]
Licence = Annotated[
    str,
    typer.Option(
        "--licence", help="Of what you pass on, as the hub names it: apache-2.0, cc-by-4.0. Goes on the card."
    ),
]


def dataset_command(
    name: Annotated[
        str,
        typer.Argument(
            help="A training set: the beginning of its key (9f3c01d2), its readable name (assemble/nano/sdft-seed0) or "
            "the name of its run (nano-sdft-seed-0)."
        ),
    ],
    out: Out,
    licence: Licence = "",
) -> None:
    """Take a training set out of the store: Parquet with verdicts and NLL, a card, files for other trainers.

    datasets, TRL, LLaMA-Factory and axolotl read the folder as it is: docs/hand_on.md. `rewriting-agent store list
    --kind assemble` lists what there is. The store is not changed.
    """
    from flows.hand_on.dataset import write_dataset
    from flows.hand_on.provenance import find
    from tasks.runtime.stage import store

    home = store()
    found = find(home, name, ("assemble",), "dataset", "training set")
    rows = write_dataset(home, found, out, licence)
    console.print(f"{home.name(found)}: {rows:,} rows in {out}; README.md is its card", soft_wrap=True, markup=False)
    console.print(f'read it: datasets.load_dataset("{out}", split="train")', soft_wrap=True, markup=False)


def model_command(
    name: Annotated[
        str,
        typer.Argument(
            help="A fine-tuned model or an agent: the beginning of its key, its name (finetune/nano/sft-seed0, "
            "train_agent/nano), or the name of a run that has one model."
        ),
    ],
    out: Out,
    licence: Licence = "",
) -> None:
    """Take a fine-tuned model, or an agent's adapter, out of the store, with a card and the configuration of its SFT.

    transformers, vLLM and PEFT load the folder as it is. `cd FOLDER/sft && llamafactory-cli train sft.yaml` trains
    it again by hand: docs/hand_on.md. Weights are hard links where they can be: do not edit them in place.
    """
    from flows.hand_on.model import KINDS, write_model
    from flows.hand_on.provenance import find
    from tasks.runtime.stage import store

    home = store()
    found = find(home, name, KINDS, "model", "model")
    left_out = write_model(home, found, out, licence)
    console.print(f"{home.name(found)}: {out}; README.md is its card", soft_wrap=True, markup=False)
    for one in left_out:
        console.print(f"left out: {one}", soft_wrap=True, markup=False)


def push_command(
    folder: Annotated[Path, typer.Argument(help="What `rewriting-agent dataset` or `model` wrote.")],
    repository: Annotated[str, typer.Argument(metavar="REPO", help="OWNER/NAME on the hub.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be sent; send nothing.")] = False,
    public: Annotated[bool, typer.Option("--public", help="Anyone may read it; else it is private.")] = False,
    update: Annotated[bool, typer.Option("--update", help="The repository is there: add a commit to it.")] = False,
) -> None:
    """Send a folder that was handed on to the Hugging Face hub, as one commit; private unless --public.

    Look first: --dry-run lists the files. The token is HF_TOKEN, or that of `hf auth login`; it is never
    printed. HF_ENDPOINT names another hub.
    """
    from flows.hand_on.push import files_of, kind_of, push

    kind, names = kind_of(folder), files_of(folder)
    sizes = {name: (folder / name).stat().st_size for name in names}
    if dry_run:
        for name, size in sizes.items():
            console.print(f"{size:>14,}  {name}", soft_wrap=True, markup=False, highlight=False)
        how = "a commit to" if update else f"a new {'public' if public else 'private'} {kind} repository"
        said = f"{len(names)} files, {sum(sizes.values()):,} bytes would go to {how} {repository}; nothing was sent"
        console.print(said, soft_wrap=True, markup=False)
        return
    console.print(push(folder, repository, public, update), soft_wrap=True, markup=False)
