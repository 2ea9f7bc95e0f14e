"""An adapter in transformers and in vLLM: what each writes greedily."""

import json
import sys
from pathlib import Path

from tasks.generation.variables import engine_variables
from tests.tasks import engines
from tests.tasks.train_agent.nano_rows import NANO

LIBRARIES = ("vllm.entrypoints.llm",)  # for tasks/runtime/engines/fork_server.py
NEW_TOKENS = 56  # most rewrites whole: a young adapter may change only their later words


def in_vllm(adapter, prompts, folder):
    """vLLM's token ids for every prompt, with the adapter; its files are written in `folder`."""
    (folder / "prompts.json").write_text(json.dumps(prompts))
    arguments = [str(adapter), str(folder / "prompts.json"), str(folder / "out.json")]
    ran = engines.forked(__name__, arguments, folder / "log", engine_variables(cuda=False))
    assert ran.wait() == 0, (folder / "log").read_text()[-3000:]
    return json.loads((folder / "out.json").read_text())


def main():
    """In a process of its own: from an adapter's folder and prompts to vLLM's token ids."""
    from vllm import LLM, SamplingParams, TokensPrompt
    from vllm.lora.request import LoRARequest

    adapter, prompts, out = sys.argv[1:]
    llm = LLM(
        model=str(NANO / "model"),
        dtype="float32",
        enforce_eager=True,
        distributed_executor_backend="uni",
        enable_lora=True,
        max_lora_rank=8,
        max_model_len=256,
    )
    greedy = SamplingParams(temperature=0.0, max_tokens=NEW_TOKENS)
    tokens = [TokensPrompt(prompt_token_ids=ids) for ids in json.loads(Path(prompts).read_text())]
    made = llm.generate(tokens, greedy, lora_request=LoRARequest("agent", 1, adapter), use_tqdm=False)
    Path(out).write_text(json.dumps([list(one.outputs[0].token_ids) for one in made]))


def in_transformers(adapter, prompts, stop_ids):
    """The token ids for every prompt of the bare backbone and of the one with the adapter."""
    from peft import PeftModel

    from tasks.generation.rollout import Sampling, sample
    from tasks.score.load import load_backbone

    base, greedy = load_backbone(NANO / "model", "float32", cuda=False), Sampling(NEW_TOKENS, 0.0, tuple(stop_ids))
    bare = [rollout.ids for rollout in sample(base, prompts, 1, greedy)]
    policy = PeftModel.from_pretrained(base, adapter)
    return bare, [rollout.ids for rollout in sample(policy, prompts, 1, greedy)]
