"""nano's embedder: a student of all-MiniLM-L6-v2 for the world's rewrites, with a fortieth of its parameters.

`.envs/inference/bin/python -m infra.nano.distill [--out DIR]` reads the tokenizer of `DIR`/model and writes
`DIR`/embedder, a sentence-transformers folder, and `DIR`/distill.json, its recipe and digest.

GRPO embeds every passing rewrite (eq. 9). The teacher, 22 million parameters beside nano's one, would take a sixth of a
step. The student learns the teacher's cosines between the rewrites of a problem, which is all that a reward reads of an
embedding. Held-out rewrites are measured with the teacher, so no agent is judged by what it was rewarded with.
"""

import argparse
import hashlib
import json
import math
import shutil
import tempfile
import time
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch
from pydantic import BaseModel, Field

from infra.nano.kinds import NEW, SEEN, Problem, draw
from infra.nano.recipe import HERE, NanoConfig, code, recipe_digest
from infra.nano.styles import expert, rewrite
from infra.nano.world import World
from tasks.runtime.files.digest import digest_folder
from tasks.runtime.progress.progress import report

_WIDTH = 16  # texts are padded to a multiple of it, so that few shapes occur


class DistillConfig(BaseModel):
    """The student's shape and its training."""

    problems: int = Field(default=2500, description="Problems whose rewrites the student sees.")
    rewrites: int = Field(default=8, description="Rewrites of a problem.")
    hidden: int = Field(default=128, description="Hidden size, and length of an embedding.")
    layers: int = Field(default=2, description="Transformer layers.")
    steps: int = Field(default=800, description="Optimizer steps.")
    problems_per_step: int = Field(default=32, description="Problems of a batch, each with all its rewrites.")
    learning_rate: float = Field(default=1e-3, description="Peak rate of AdamW; a cosine decay to 0 follows.")


def rewrites_of_problems(world: World, problems: int, rewrites: int, purpose: str = "embedder") -> list[list[str]]:
    """Lists of `rewrites` texts, a list a problem, of problems that no corpus and no benchmark holds."""
    r = Random(f"nano/{world.config.seed}/{purpose}")
    made: list[list[str]] = []
    while len(made) < problems:
        problem = draw(r, SEEN + NEW)
        if problem.question not in world.held_out:
            made.append([_rewrite(problem, r) for _ in range(rewrites)])
    return made


def _rewrite(problem: Problem, r: Random) -> str:
    """A rewrite in one style or, as an agent may write, one that changes its style between two sentences."""
    first, second = (rewrite(problem, expert(problem, r), r, 0.6, 0.3, 0.1) for _ in range(2))
    if r.random() < 0.5:
        return first
    head, tail = first.split(". "), second.split(". ")
    return ". ".join(head[: r.randint(1, len(head))] + tail[r.randint(0, len(tail) - 1) :])


def new_student(config: DistillConfig, world: NanoConfig, tokenizer: Any) -> Any:
    """A SentenceTransformer with random weights: a bidirectional encoder over nano's vocabulary, mean pooling."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from transformers import DistilBertConfig, DistilBertModel

    torch.manual_seed(world.seed)
    shape = DistilBertConfig(
        vocab_size=len(tokenizer),
        dim=config.hidden,
        n_layers=config.layers,
        n_heads=config.hidden // 32,
        hidden_dim=3 * config.hidden,
        max_position_embeddings=world.context,
        dropout=0.0,
        attention_dropout=0.0,
        pad_token_id=tokenizer.pad_token_id,
    )
    with tempfile.TemporaryDirectory() as folder:
        DistilBertModel(shape).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        encoder = Transformer(folder, max_seq_length=world.context)
    return SentenceTransformer(modules=[encoder, Pooling(config.hidden)], device="cpu")


def distill(config: DistillConfig, world: World, tokenizer: Any) -> Any:
    """Train a student to the end of the schedule; about 9 minutes on two quiet cores."""
    from tasks.score.config import PACKAGED_EMBEDDER
    from tasks.score.embeddings import Embedder

    problems = min(config.problems, config.problems_per_step * config.steps)  # a rough student draws no more
    texts = rewrites_of_problems(world, problems, config.rewrites)
    vectors = Embedder(PACKAGED_EMBEDDER, cuda=False)([text for group in texts for text in group])
    teacher = torch.from_numpy(vectors).view(problems, config.rewrites, -1)
    student = new_student(config, world.config, tokenizer)
    optimizer = torch.optim.AdamW(student.parameters(), lr=config.learning_rate, weight_decay=0.01, fused=True)
    rate = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda s: 0.5 * (1 + math.cos(math.pi * s / config.steps)))
    order = np.random.default_rng(world.config.seed)
    losses: list[float] = []
    started = time.monotonic()
    for step in range(config.steps):
        chosen = order.choice(problems, config.problems_per_step, replace=False)
        batch = [text for i in chosen for text in texts[i]]
        features = tokenizer(batch, padding=True, pad_to_multiple_of=_WIDTH, return_tensors="pt")
        ours = torch.nn.functional.normalize(student(dict(features))["sentence_embedding"], dim=1)
        theirs = teacher[chosen]
        # The cosines of a problem's rewrites; and, less heavily, all of the batch.
        within = _gap(ours.view(len(chosen), config.rewrites, -1), theirs)
        loss = within + 0.2 * _gap(ours, theirs.flatten(0, 1))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(student.parameters(), 1.0)
        optimizer.step()
        rate.step()
        losses.append(within.item())
        if step % 50 == 49:
            mean = sum(losses[-50:]) / 50
            report(step + 1, config.steps, "steps", loss=mean, seconds=time.monotonic() - started)
    return student.eval()


def _gap(ours: torch.Tensor, theirs: torch.Tensor) -> torch.Tensor:
    """Mean square difference of the cosines within `ours` and within `theirs`; unit vectors, shape [..., n, d]."""
    return (ours @ ours.mT - theirs @ theirs.mT).square().mean()


def build(config: DistillConfig, out: Path) -> None:
    """Distil for the world, and with the tokenizer, that lie in `out`; write embedder/ and distill.json."""
    from transformers import AutoTokenizer

    world = NanoConfig(**json.loads((out / "recipe.json").read_text(encoding="utf-8"))["config"])
    recipe = _recipe(config, world)  # of the code as it is now, not as it may be when training ends
    student = distill(config, World(world), AutoTokenizer.from_pretrained(out / "model"))
    shutil.rmtree(out / "embedder", ignore_errors=True)
    student.save_pretrained(str(out / "embedder"), create_model_card=False)
    record = {"recipe": recipe, "config": config.model_dump(), "embedder": digest_folder(out / "embedder")}
    (out / "distill.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def check_embedder(out: Path) -> list[str]:
    """What does not belong together: recipe against code, files against recipe. Empty if all is well."""
    world = NanoConfig(**json.loads((out / "recipe.json").read_text(encoding="utf-8"))["config"])
    record = json.loads((out / "distill.json").read_text(encoding="utf-8"))
    faults = []
    if record["recipe"] != _recipe(DistillConfig(**record["config"]), world):
        faults.append(f"{out}/distill.json: the recipe changed since; run `python -m infra.nano.distill`")
    if record["embedder"] != digest_folder(out / "embedder"):
        faults.append(f"{out}/embedder: not the files this recipe made; run `python -m infra.nano.distill`")
    return faults


def _recipe(config: DistillConfig, world: NanoConfig) -> str:
    """SHA-256 over the world's recipe, this configuration and this file."""
    parts = [recipe_digest(world).encode(), config.model_dump_json().encode(), code(Path(__file__))]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=HERE, help="the folder of the world, with model/ and recipe.json")
    parser.add_argument("--steps", type=int, default=DistillConfig().steps, help="optimizer steps")
    arguments = parser.parse_args()
    torch.set_num_threads(2)
    build(DistillConfig(steps=arguments.steps), arguments.out)


if __name__ == "__main__":
    main()
