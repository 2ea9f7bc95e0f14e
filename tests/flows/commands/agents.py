"""An agent for tests: a LoRA of nano with random weights, as a bare PEFT folder and as an artifact of train_agent.

python -m tests.flows.commands.agents FOLDER   writes a PEFT folder that ruins nano, in the inference environment
"""

import shutil
import sys
from pathlib import Path
from typing import Any

from tasks.runtime.store.store import Artifact, Manifest, Store

ROOT = Path(__file__).resolve().parents[3]
NANO = ROOT / "infra" / "nano" / "model"


def save_random_adapter(folder: Path, scale: float = 0.3) -> None:
    """A LoRA of rank 4 on all linear layers: at 0.3 nano writes some rows otherwise, at 1.0 nonsense."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.manual_seed(0)
    model = get_peft_model(
        AutoModelForCausalLM.from_pretrained(str(NANO), dtype=torch.float32),
        LoraConfig(r=4, lora_alpha=8, target_modules="all-linear", init_lora_weights=False),
    )
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_" in name:
                parameter.mul_(scale)
    model.save_pretrained(str(folder))


def publish_agent(home: Store, adapter: Path, source: Any) -> Artifact:
    """`adapter` as what train_agent publishes, made from a backbone whose identity is `source`; both in `home`."""
    backbone = _publish(home, Manifest(kind="backbone", key="b0" * 16, identity=source))
    shutil.copytree(adapter, home.partial("a9" * 16) / "adapter")
    return _publish(home, Manifest(kind="train_agent", key="a9" * 16, inputs={"backbone": backbone}))


def _publish(home: Store, manifest: Manifest) -> Artifact:
    home.partial(manifest.key).mkdir(parents=True, exist_ok=True)
    with home.lock(manifest.key):
        return home.publish(manifest)


if __name__ == "__main__":
    save_random_adapter(Path(sys.argv[1]), scale=1.0)
