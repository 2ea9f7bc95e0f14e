"""Options that several commands ask for in the same words: of which experiment, over what, and where figures go."""

from pathlib import Path
from typing import Annotated

import typer

from flows.commands.written import writable

AUTO = "auto"
AUTO_HELP = "auto, as many (3 to 16) as show --show points of general accuracy at 80 % power."
HOW_MANY = "How many training seeds, from 0; 4-7: these four, as another machine's share"
WHICH = "A name under infra/backbones, a YAML file of your own, or the folder of a model"

Backbone = Annotated[str, typer.Option("--backbone", "-b", help=f"{WHICH}.")]
Backbones = Annotated[
    list[str] | None,
    typer.Option("--backbone", "-b", help=f"{WHICH}; repeatable, several are one study. Default: nano."),
]
Presets = Annotated[
    list[str] | None,
    typer.Option(
        "--preset",
        "-p",
        help="A size under infra/presets: one_gpu, four_gpus or several_machines says where it is computed, smoke or "
        "small how much of it. Goes with any backbone; repeatable, the later one wins.",
    ),
]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="FIELD=VALUE",
        help="Change a field of the experiment: --set sample.rows=500, or, in place of the paper's corpora, "
        "--set 'corpora=[{name: mine, path: mine.jsonl}]'. Repeatable.",
    ),
]
Methods = Annotated[
    list[str] | None,
    typer.Option(help="Methods, repeatable; one: what run makes (the default, rewriting_agent), several: study."),
]
Variants = Annotated[list[str] | None, typer.Option("--variant", help="What ablation makes; repeatable.")]
Show = Annotated[
    float | None,
    typer.Option("--show", min=0, metavar="POINTS", help="The difference that --seeds auto is to show. Default: 2."),
]
Rates = Annotated[
    str,
    typer.Option(
        metavar="RATE,RATE…",
        help="Learning rates of SFT: --rates 8e-4,1.2e-3 has every method at each, and compares all of them where they "
        "gained the same (a frontier).",
    ),
]
Strengths = Annotated[
    list[str] | None,
    typer.Option(
        "--strengths",
        metavar="all|METHOD|METHOD=VALUE,VALUE…",
        help="Methods' own strengths: all, each that has one over its file's grid; sft_kl=0.5,2, that one at these; "
        "repeatable.",
    ),
]
Measured = Annotated[
    list[Path] | None,
    typer.Option(
        "--measured",
        metavar="FILE",
        exists=True,
        dir_okay=False,
        resolve_path=True,
        help="measured.parquet of a frontier made before or elsewhere: the runs that it holds are not made again, and "
        "the new frontier has them too; repeatable.",
    ),
]
Json = Annotated[
    Path | None,
    typer.Option("--json", callback=writable, help="Also write what the report shows as JSON (docs/report.md)."),
]
