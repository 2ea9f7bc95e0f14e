"""Greedy rewrites by vLLM alone: all prompts in one call, a line a row.

In:  python -m benchmarks._bare_rewrite rows.jsonl rewrites.jsonl   {"id", "question", "solution"}
Out: {"id": "7", "text": "Step 1: …"}
"""

import json
import sys
from pathlib import Path

from tasks.rows.prompts import rewriting_prompt

MODEL = Path(__file__).resolve().parent.parent / "infra" / "nano" / "model"
MAX_PROMPT_TOKENS, MAX_NEW_TOKENS = 192, 96


def main() -> None:
    from transformers import AutoTokenizer
    from vllm import LLM, SamplingParams
    from vllm.inputs import TokensPrompt

    rows = [json.loads(line) for line in Path(sys.argv[1]).read_text(encoding="utf-8").splitlines()]
    tokenizer = AutoTokenizer.from_pretrained(str(MODEL))
    llm = LLM(
        model=str(MODEL),
        dtype="float32",
        max_model_len=MAX_PROMPT_TOKENS + MAX_NEW_TOKENS,
        enforce_eager=True,
        distributed_executor_backend="uni",
    )
    prompts = []
    for row in rows:
        turn = [{"role": "user", "content": rewriting_prompt(row["question"], row["solution"])}]
        ids = tokenizer.apply_chat_template(turn, add_generation_prompt=True, return_dict=True)["input_ids"]
        prompts.append(TokensPrompt(prompt_token_ids=ids))
    outputs = llm.generate(prompts, SamplingParams(temperature=0.0, max_tokens=MAX_NEW_TOKENS), use_tqdm=False)
    with Path(sys.argv[2]).open("w", encoding="utf-8") as file:
        for row, output in zip(rows, outputs, strict=True):
            file.write(json.dumps({"id": row["id"], "text": output.outputs[0].text}) + "\n")


if __name__ == "__main__":
    main()
