"""An adapter in transformers and in vLLM: what each writes greedily."""

import json
import os
import subprocess
import sys

from tests.tasks.train_agent.nano_rows import NANO

NEW_TOKENS = 56  # most rewrites whole: a young adapter may change only their later words
VLLM = f"""
import json, sys
from vllm import LLM, SamplingParams, TokensPrompt
from vllm.lora.request import LoRARequest

backbone, adapter, prompts, out = sys.argv[1:]
llm = LLM(model=backbone, dtype="float32", enforce_eager=True, distributed_executor_backend="uni", enable_lora=True,
          max_lora_rank=8, max_model_len=256)
greedy = SamplingParams(temperature=0.0, max_tokens={NEW_TOKENS})
tokens = [TokensPrompt(prompt_token_ids=ids) for ids in json.load(open(prompts))]
made = llm.generate(tokens, greedy, lora_request=LoRARequest("agent", 1, adapter), use_tqdm=False)
json.dump([list(one.outputs[0].token_ids) for one in made], open(out, "w"))
"""
ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "HF_HUB_OFFLINE": "1",
    "CUDA_VISIBLE_DEVICES": "",
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "TORCHDYNAMO_DISABLE": "1",
}


def in_vllm(adapter, prompts, folder):
    """vLLM's token ids for every prompt, with the adapter; its files are written in `folder`."""
    (folder / "prompts.json").write_text(json.dumps(prompts))
    files = [NANO / "model", adapter, folder / "prompts.json", folder / "out.json"]
    done = subprocess.run(
        [sys.executable, "-c", VLLM, *map(str, files)],
        env=os.environ | ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads((folder / "out.json").read_text())


def in_transformers(adapter, prompts, stop_ids):
    """The token ids for every prompt of the bare backbone and of the one with the adapter."""
    from peft import PeftModel

    from tasks.generation.rollout import Sampling, sample
    from tasks.score.load import load_backbone

    base, greedy = load_backbone(NANO / "model", "float32", cuda=False), Sampling(NEW_TOKENS, 0.0, tuple(stop_ids))
    bare = [rollout.ids for rollout in sample(base, prompts, 1, greedy)]
    policy = PeftModel.from_pretrained(base, adapter)
    return bare, [rollout.ids for rollout in sample(policy, prompts, 1, greedy)]
