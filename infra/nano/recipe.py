"""Every number of the recipe, and the digest that ties a trained model to it.

infra/nano/recipe.json, written beside the model:
    {"recipe": "3f2a…", "config": {...}, "model": {"config.json": "9c01…", "model.safetensors": "77ab…", ...}}
"""

import hashlib
import json
from pathlib import Path

from pydantic import BaseModel, Field

from tasks.rows.prompts import prompts_digest

HERE = Path(__file__).parent
_CODE = ("kinds.py", "styles.py", "general.py", "world.py", "vocabulary.py", "recipe.py", "train.py")


class NanoConfig(BaseModel):
    """The world's sizes, the model's shape and the training schedule."""

    seed: int = Field(
        default=1, description="Seed of the world, of the tokenizer's sample, of the weights and of the batches."
    )

    numinamath_rows: int = Field(default=1600, description="Expert rows in the schema of NuminaMath-CoT.")
    openmath_rows: int = Field(default=1600, description="Expert rows in the schema of OpenMathReasoning.")
    corpus_new_share: float = Field(default=0.6, description="Share of new problem kinds in the corpora.")
    benchmark_rows: int = Field(default=240, description="Rows of each benchmark.")

    solve_share: float = Field(default=0.35, description="Share of pretraining rows that answer a math problem.")
    rewrite_share: float = Field(default=0.35, description="Share that rewrite; the rest is general.")
    opaque_share: float = Field(default=0.6, description="Among rewriting: problems only the solution tells.")
    own_share: float = Field(default=0.35, description="Among rewrites: those in an own style.")
    careless_share: float = Field(default=0.6, description="Rewrites of 'It suffices ...' that state no step.")
    slip: float = Field(default=0.10, description="Among rewrites: those with a wrong result in one step.")

    hidden: int = Field(default=128, description="Hidden size.")
    layers: int = Field(default=4, description="Transformer layers.")
    heads: int = Field(default=4, description="Attention heads (head dimension 32: vLLM's CPU attention).")
    intermediate: int = Field(default=384, description="Width of the MLP.")
    context: int = Field(default=512, description="Longest sequence.")

    steps: int = Field(default=2400, description="Optimizer steps.")
    tokens_per_step: int = Field(default=3072, description="Tokens of a batch, padding included.")
    muon_rate: float = Field(default=0.02, description="Peak rate of Muon, which trains the layers' matrices.")
    learning_rate: float = Field(default=3e-3, description="Peak rate of AdamW, which trains embeddings and norms.")
    warmup: int = Field(default=100, description="Warm-up steps; a cosine decay to 0 follows.")


def recipe_digest(config: NanoConfig) -> str:
    """SHA-256 over the configuration, the code that reads it, and the texts of the prompts."""
    digest = hashlib.sha256(config.model_dump_json().encode())
    for path in (HERE / name for name in _CODE):
        digest.update(path.name.encode() + b"\0" + code(path) + b"\0")
    digest.update(prompts_digest().encode())
    return digest.hexdigest()


def code(path: Path) -> bytes:
    """A module without its import lines: where what it uses lies is no part of a recipe."""
    lines = path.read_bytes().splitlines(keepends=True)
    return b"".join(line for line in lines if not line.startswith((b"from ", b"import ")))


def folder_digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every file in a folder, by name."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def write_recipe(config: NanoConfig, recipe: str, out: Path) -> None:
    """Write `out`/recipe.json: which recipe made the model, corpora and benchmarks that lie beside it."""
    record = {
        "recipe": recipe,
        "config": config.model_dump(),
        **{name: folder_digests(out / name) for name in ("model", "corpora", "benchmarks")},
    }
    (out / "recipe.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def check_recipe(out: Path) -> list[str]:
    """What does not belong together: recipe against code, files against recipe. Empty if all is well."""
    record = json.loads((out / "recipe.json").read_text(encoding="utf-8"))
    faults = []
    if record["recipe"] != recipe_digest(NanoConfig(**record["config"])):
        faults.append(f"{out}/recipe.json: the recipe's code or configuration changed since; run `make nano`")
    for name in ("model", "corpora", "benchmarks"):
        for file, digest in folder_digests(out / name).items():
            if record[name].get(file) != digest:
                faults.append(f"{out}/{name}/{file}: not the file this recipe made; run `make nano`")
        faults += [f"{out}/{name}/{file}: missing" for file in record[name] if not (out / name / file).exists()]
    return faults
