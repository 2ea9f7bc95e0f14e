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
