"""The rewriting agent in one file: how GRPO teaches a frozen model to say an expert's solutions in its own words.

    make setup
    .envs/inference/bin/python -m examples.agent_loop        40 steps of up to 10 s of one core; --steps 5 for a look

     step   passing   NLL, nats/token    D(S+)   tokens   seconds
        1      45 %              0.64    0.096       32         …
        7      68 %              0.98    0.078       30         …

A row is a question x with an expert's solution y*. A step takes P rows, samples K rewrites of each, asks of every
rewrite whether it is still right (the gate), how likely pi_0 finds it as an answer to x alone, and what it adds to the
variety of its group, and moves the agent towards those that earned more than their siblings. Equations are the paper's.

Letters in names: P rows of a step, K rewrites of a row, N = P * K, M of these K that pass, T tokens of a rewrite,
S tokens of a prompt with its rewrite, D numbers of an embedding. Nothing here is cached, resumed or spread over GPUs:
that is tasks/train_agent, with these rewards (tests/examples/test_agent_loop.py holds them equal).
"""

import argparse
import gzip
import json
import random
import time
from typing import Any

import numpy as np
import torch
from peft import LoraConfig, get_peft_model
from torch.nn.functional import log_softmax
from torch.nn.utils.rnn import pad_sequence
from transformers import AutoModelForCausalLM

from tasks.rows.prompts import question_prompt, rewriting_prompt
from tasks.rows.tokens import ChatTokens
from tasks.runtime.settings import ROOT
from tasks.score.embeddings import Embedder
from tasks.verify.gate import GateConfig
from tasks.verify.judges.config import JudgeConfig
from tasks.verify.types import Candidate

NANO = ROOT / "infra" / "nano"
P, K = 16, 8
LONGEST = 80  # tokens of a rewrite
LEARNING_RATE, KL, CLIP_NORM = 2e-3, 1e-3, 1.0
LAMBDA_DIST, LAMBDA_DIV, EPSILON = 1.0, 5.0, 1e-3  # eq. 3 and eq. 7


def main(steps: int, seed: int = 0) -> None:
    torch.manual_seed(seed)
    with gzip.open(NANO / "corpora" / "numinamath_cot.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    random.Random(seed).shuffle(rows)
    chat = ChatTokens(NANO / "model")
    embed = Embedder(str(NANO / "embedder"), cuda=False)
    pi_0 = AutoModelForCausalLM.from_pretrained(NANO / "model", dtype=torch.float32)
    agent: Any = get_peft_model(pi_0, LoraConfig(r=8, lora_alpha=16, target_modules="all-linear"))
    trained = [one for one in agent.parameters() if one.requires_grad]
    optimizer = torch.optim.AdamW(trained, LEARNING_RATE, weight_decay=0)
    print(f"{'step':>9}   passing   NLL, nats/token    D(S+)   tokens   seconds")
    with GateConfig(judge=JudgeConfig(kind="arithmetic")).open() as gate:
        for step in range(steps):
            started = time.perf_counter()
            rows_P = [rows[(step * P + i) % len(rows)] for i in range(P)]
            rows_N = [row for row in rows_P for _ in range(K)]
            prompts_N = [chat.prompt(rewriting_prompt(row["problem"], row["solution"])) for row in rows_N]
            rewrites_N = sample(agent, chat, prompts_N)
            texts_N = [chat.tokenizer.decode(ids, skip_special_tokens=True) for ids in rewrites_N]

            # The gate, eq. 5: the answer is the expert's and every stated equality holds.
            finished_N = [bool(ids) and ids[-1] in chat.stop_ids for ids in rewrites_N]
            verdicts_N = gate(
                [
                    Candidate(str(n), row["problem"], row["solution"], text, finished)
                    for n, (row, text, finished) in enumerate(zip(rows_N, texts_N, finished_N, strict=True))
                ]
            )
            passed_N = np.array([verdict.passed is True for verdict in verdicts_N])

            # Eq. 6: the mean NLL of a rewrite's tokens under pi_0(.|x), the question alone before it.
            questions_N = [chat.prompt(question_prompt(row["problem"])) for row in rows_N]
            targets_N = [chat.target(text, done) for text, done in zip(texts_N, finished_N, strict=True)]
            with torch.no_grad(), agent.disable_adapter():
                logprobs_NT, mask_NT = logprobs(agent, questions_N, targets_N)
            nll_N = (-logprobs_NT.sum(1) / mask_NT.sum(1).clamp(min=1)).numpy().astype(float)

            vectors_ND = embed(texts_N).astype(float)
            groups = [slice(p * K, (p + 1) * K) for p in range(P)]
            rewards_PK = np.stack([rewards(passed_N[g], nll_N[g], vectors_ND[g]) for g in groups])
            advantages_N = torch.tensor(advantages(rewards_PK).reshape(-1), dtype=torch.float32)
            update(agent, optimizer, prompts_N, rewrites_N, advantages_N)

            varied = [diversity(vectors_ND[g][passed_N[g]]) for g in groups if passed_N[g].sum() >= 4]
            length, nll = np.mean([len(ids) for ids in rewrites_N]), nll_N[passed_N].mean()
            print(
                f"{step + 1:>9} {100 * passed_N.mean():>7.0f} % {nll:>17.2f} {np.mean(varied):>8.3f} {length:>8.0f} "
                f"{time.perf_counter() - started:>9.1f}",
                flush=True,
            )
    row = rows_P[0]
    print(f"\nquestion  {row['problem']}\n\nexpert    {row['solution']}\n\nagent     {texts_N[0]}")


@torch.no_grad()
def sample(agent: Any, chat: ChatTokens, prompts_N: list[list[int]]) -> list[list[int]]:
    """A rewrite of each prompt, drawn at temperature 1: token ids, with the stop token where it came."""
    longest = max(map(len, prompts_N))
    ids_NS = torch.tensor([[0] * (longest - len(prompt)) + prompt for prompt in prompts_N])
    seen_NS = torch.tensor([[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in prompts_N])
    stops = sorted(chat.stop_ids)
    how = {"do_sample": True, "temperature": 1.0, "top_k": 0, "top_p": 1.0, "max_new_tokens": LONGEST}
    drawn_NT = agent.generate(input_ids=ids_NS, attention_mask=seen_NS, eos_token_id=stops, pad_token_id=0, **how)
    rewrites_N = []
    for ids in drawn_NT[:, longest:].tolist():
        end = next((place + 1 for place, token in enumerate(ids) if token in chat.stop_ids), len(ids))
        rewrites_N.append(ids[:end])
    return rewrites_N


def logprobs(model: Any, prompts_N: list[list[int]], targets_N: list[list[int]]) -> tuple[torch.Tensor, torch.Tensor]:
    """Log-probability of each target's tokens behind its prompt, and where there is one; both of shape (N, T)."""
    ids_NS = pad_sequence([torch.tensor(a + b) for a, b in zip(prompts_N, targets_N, strict=True)], batch_first=True)
    foretells_NS = torch.zeros_like(ids_NS, dtype=torch.bool)  # places whose next token is a target's
    for n, (prompt, target) in enumerate(zip(prompts_N, targets_N, strict=True)):
        foretells_NS[n, len(prompt) - 1 : len(prompt) + len(target) - 1] = True
    logits = model(input_ids=ids_NS).logits[foretells_NS]  # padding stands behind: no token sees it
    drawn = torch.tensor([token for target in targets_N for token in target])
    said = log_softmax(logits, dim=-1).gather(1, drawn[:, None])[:, 0]
    mask_NT = pad_sequence([torch.ones(len(target)) for target in targets_N], batch_first=True)
    return pad_sequence(said.split([len(target) for target in targets_N]), batch_first=True), mask_NT


def rewards(passed_K: np.ndarray, nll_K: np.ndarray, vectors_KD: np.ndarray) -> np.ndarray:
    """Eq. 3: r_task (1 + lambda_dist r_dist + lambda_div r_div), r_dist and r_div among the rewrites that pass."""
    total_K = passed_K.astype(float)
    if not passed_K.any():
        return total_K
    nll_M = nll_K[passed_K]
    z_M = (nll_M - nll_M.mean()) / (nll_M.std() + EPSILON)  # eq. 7
    r_dist_M = 1 / (1 + np.exp(z_M))  # eq. 8
    vectors_MD = vectors_KD[passed_K]
    without_M = [diversity(np.delete(vectors_MD, m, axis=0)) for m in range(len(vectors_MD))]
    r_div_M = np.maximum(diversity(vectors_MD) - np.array(without_M), 0)  # eqs. 11 and 12
    total_K[passed_K] += LAMBDA_DIST * r_dist_M + LAMBDA_DIV * r_div_M
    return total_K


def diversity(vectors_MD: np.ndarray) -> float:
    """D of eq. 10: the mean over pairs of half of one minus their cosine (eq. 9); 0 for fewer than two."""
    m = len(vectors_MD)
    if m < 2:
        return 0.0
    unit_MD = vectors_MD / np.linalg.norm(vectors_MD, axis=1, keepdims=True)
    distances_MM = (1 - unit_MD @ unit_MD.T) / 2
    return float((distances_MM.sum() - distances_MM.trace()) / (m * (m - 1)))


def advantages(rewards_PK: np.ndarray) -> np.ndarray:
    """GRPO: how much better than its siblings a rewrite did, in deviations of its group."""
    mean_P1 = rewards_PK.mean(axis=1, keepdims=True)
    return (rewards_PK - mean_P1) / (rewards_PK.std(axis=1, ddof=1, keepdims=True) + 1e-4)


def update(
    agent: Any, optimizer: Any, prompts_N: list[list[int]], rewrites_N: list[list[int]], advantages_N: torch.Tensor
) -> None:
    """One step on rewrites that the agent drew itself: the probability ratio is one, so nothing is clipped.

    The loss is the mean over all tokens of -A log pi, with a penalty for leaving pi_0 as a rewriter (the k3 estimate of
    the KL divergence).
    """
    with torch.no_grad(), agent.disable_adapter():
        before_NT, _ = logprobs(agent, prompts_N, rewrites_N)
    now_NT, mask_NT = logprobs(agent, prompts_N, rewrites_N)
    ratio_NT = (now_NT - now_NT.detach()).exp()  # one, but its gradient is that of log pi
    gap_NT = before_NT - now_NT
    loss_NT = -ratio_NT * advantages_N[:, None] + KL * (gap_NT.exp() - gap_NT - 1)
    optimizer.zero_grad()
    ((loss_NT * mask_NT).sum() / mask_NT.sum()).backward()
    torch.nn.utils.clip_grad_norm_(agent.parameters(), CLIP_NORM)
    optimizer.step()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Train the rewriting agent on the toy backbone nano.")
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    main(given.steps, given.seed)
