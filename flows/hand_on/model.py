"""A fine-tuned model, or an agent's adapter, as a folder that others load, with the SFT configuration that made it.

In:  the manifest of stage finetune, average or train_agent
Out: FOLDER/model.safetensors, config.json, tokenizer.json, …   hard links where the file system has them
     (an agent: adapter_model.safetensors, adapter_config.json, train_agent.json)
     FOLDER/README.md                                           the model card
     FOLDER/sft/sft.yaml, ds_z3_config.json, tokens/, backbone/ for `cd sft && llamafactory-cli train sft.yaml`
"""

import json
import os
import shutil
import subprocess
from pathlib import Path

from flows.hand_on.model_card import model_card
from flows.hand_on.new_folder import link_or_copy, new_folder
from flows.hand_on.provenance import HandOnError, Provenance, provenance, repository
from tasks.runtime.files.whole_file import whole, write_json
from tasks.runtime.settings import ROOT, settings
from tasks.runtime.store.store import MANIFEST, Manifest, Store

KINDS = ("finetune", "average", "train_agent")
# Fields of FinetuneConfig that are more than LLaMA-Factory's arguments; of its losses these are.
OURS = ("loss", "most_perplexing", "l2")
LLAMA_FACTORYS = ("nll", "dft", "importance_weighted")
ENGINE = "flows.hand_on.sft_engine"


def write_model(home: Store, made: Manifest, folder: Path, licence: str = "") -> list[str]:
    """Write the model `made` into `folder`, which is made; returns what was left out, with why.

    Raises:
        FileExistsError: something lies at `folder`.
        HandOnError: the training rows could not be tokenised for the SFT configuration.
    """
    told = provenance(home, made)
    weights = home.path(made.key) / ("adapter" if made.kind == "train_agent" else "model")
    left_out: list[str] = []
    with new_folder(folder) as out:
        for path in sorted(weights.rglob("*")):
            if path.is_file() and path.name not in ("README.md", MANIFEST):
                link_or_copy(path, out / path.relative_to(weights))
        if made.kind == "train_agent":
            write_json(out / "train_agent.json", made.config)
            _name_base(out / "adapter_config.json", told)
        elif made.kind == "finetune":
            left_out = _sft(told, out / "sft")
        with whole(out / "README.md") as file:
            file.write(model_card(told, licence, (out / "sft" / "sft.yaml").exists()))
    return left_out


def _name_base(path: Path, told: Provenance) -> None:
    """The adapter's base as the hub knows it; a path of this machine would lead nobody anywhere."""
    config = json.loads(path.read_text(encoding="utf-8"))
    [backbone] = [one for one in told.of_kind("backbone") if one.key == told.made.inputs["backbone"].key]
    hub = repository(backbone.identity)
    config |= {"base_model_name_or_path": hub[0] if hub else told.backbone, "revision": hub[1] if hub else None}
    path.unlink()  # it is a link to the store's file
    write_json(path, config)


def _sft(told: Provenance, out: Path) -> list[str]:
    """The configuration, the rows as the token ids that were trained on, and pi_0, linked."""
    inputs = told.made.inputs
    if gone := [name for name in ("backbone", "dataset") if inputs[name].key in told.gone]:
        return [f"sft/: its {' and '.join(gone)} is gone from the store"]
    if ours := [name for name in OURS if (told.made.config.get(name) or "nll") not in LLAMA_FACTORYS]:
        said = " and ".join(f"finetune.{name}={told.made.config[name]}" for name in ours)
        return [f"sft/: LLaMA-Factory has no {said}; `rewriting-agent run --method …` makes it again"]
    out.mkdir()
    for path in sorted(told.home.path(inputs["backbone"].key).iterdir()):
        if path.is_file() and path.name != MANIFEST:
            link_or_copy(path, out / "backbone" / path.name)
    spec = {
        "config": told.made.config,
        "backbone": str(out / "backbone"),
        "rows": str(told.home.path(inputs["dataset"].key) / "rows.jsonl"),
        "out": str(out),
        "processes": int(told.made.metrics.get("processes", 1)),
        "cuda": settings().cuda(),
    }
    python = settings().environments / "sft" / "bin" / "python"
    if not python.exists():
        shutil.rmtree(out)
        return [f"sft/: {python} tokenises the rows and is not there: `make setup`"]
    write_json(out / "spec.json", spec)
    environment = os.environ | {"DISABLE_VERSION_CHECK": "1", "WANDB_DISABLED": "true"}
    ended = subprocess.run(
        [str(python), "-m", ENGINE, str(out / "spec.json")],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode != 0:
        raise HandOnError(f"{told.name}: its rows could not be tokenised: {ended.stderr.strip()[-2000:]}")
    (out / "spec.json").unlink()
    return []
