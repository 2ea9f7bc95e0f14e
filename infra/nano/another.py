"""Another world is another backbone: a file that `--backbone` takes, nano's with the world's own paths.

In:  worlds/4, with model/, corpora/, benchmarks/, embedder/ of `python -m infra.nano --seed 4 --out worlds/4`
Out: worlds/4/nano-4.yaml      backbone: {name: nano-4, model: /…/worlds/4/model, …}
                               evaluate: {benchmark_data: /…/worlds/4/benchmarks, …}

    rewriting-agent study --backbone nano --backbone worlds/4/nano-4.yaml      # do the claims hold there?
"""

from pathlib import Path
from typing import Any

import yaml

from infra.nano.general_rows import rows, write
from infra.nano.recipe import HERE, NanoConfig
from infra.nano.world import World
from tasks.runtime.files.yaml_text import mapping
from tasks.runtime.settings import ROOT

NANO = ROOT / "infra" / "backbones" / "nano.yaml"


def write_backbone(config: NanoConfig, out: Path) -> Path:
    """Write the general rows and the backbone's file of the world that lies in `out`."""
    write(out / "replay" / "general.jsonl.gz", rows(World(config)))
    values = _moved(mapping(NANO, "nano's file"), out.resolve())
    name = f"nano-{config.seed}"
    values["backbone"]["name"] = name
    values["evaluate"]["benchmark_data"] = str(out.resolve() / "benchmarks")
    path = out / f"{name}.yaml"
    head = f"# nano in the world of seed {config.seed}, made by python -m infra.nano --seed {config.seed}.\n"
    path.write_text(head + yaml.safe_dump(values, sort_keys=False), encoding="utf-8")
    return path


def _moved(value: Any, out: Path) -> Any:
    """`value` with the paths below infra/nano as the same below `out`."""
    if isinstance(value, dict):
        return {name: _moved(one, out) for name, one in value.items()}
    if isinstance(value, list):
        return [_moved(one, out) for one in value]
    here = f"{HERE.relative_to(ROOT)}/"
    return str(out / value.removeprefix(here)) if isinstance(value, str) and value.startswith(here) else value
