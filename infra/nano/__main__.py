"""`python -m infra.nano [--seed 2 --out DIR]`: rebuild corpora, benchmarks, tokenizer, model and embedder.

Elsewhere than here a file stands beside them that `--backbone` takes (another.py).
"""

import argparse
import os
import shutil
from pathlib import Path

from infra.nano.another import write_backbone
from infra.nano.recipe import HERE, NanoConfig, recipe_digest, write_recipe
from infra.nano.world import World, write_world


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=NanoConfig().seed, help="seed of the world and of the training")
    parser.add_argument("--out", type=Path, default=HERE, help="where corpora/, benchmarks/, model/, embedder/ go")
    parser.add_argument("--steps", type=int, default=NanoConfig().steps, help="optimizer steps (fewer: a rough model)")
    arguments = parser.parse_args()

    config = NanoConfig(seed=arguments.seed, steps=arguments.steps)
    recipe = recipe_digest(config)  # of the code as it is now, not as it may be when training ends
    world = World(config)
    write_world(world, arguments.out)

    # OpenMP threads that spin at a barrier cost ten times the work itself where other processes share the cores.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    import torch

    from infra.nano.distill import DistillConfig, build
    from infra.nano.train import save, train
    from infra.nano.vocabulary import build_tokenizer

    torch.set_num_threads(2)
    tokenizer = build_tokenizer(world)
    model = train(config, world, tokenizer)
    shutil.rmtree(arguments.out / "model", ignore_errors=True)
    save(model, tokenizer, arguments.out / "model")
    write_recipe(config, recipe, arguments.out)
    build(DistillConfig(steps=min(config.steps, DistillConfig().steps)), arguments.out)
    if arguments.out.resolve() != HERE:
        print(f"rewriting-agent run --backbone {write_backbone(config, arguments.out)}")


if __name__ == "__main__":
    main()
