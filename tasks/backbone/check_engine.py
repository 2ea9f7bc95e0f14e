"""The engine that tries a backbone before it is taken: does it read plain text, do its answers end?

In:  a spec (tasks/backbone/spec.py): a transformers folder
Out: scratch/metrics.json {"plain_nll": 2.91, "answer_tokens": 8}, or {"refused": why}

What this finds: weights in another order than the architecture's, another model's tokenizer, a chat template that the
model was not tuned on, a missing end-of-turn token. It says nothing about how good a model is.
"""

import math
from typing import Any

import torch
from transformers import AutoModelForCausalLM

from tasks.backbone.plain import PLAIN, QUESTIONS
from tasks.backbone.refusal import Refused
from tasks.backbone.spec import CheckSpec
from tasks.rows.tokens import ChatTokens, TemplateError
from tasks.runtime.engines.spec import read_spec, write_metrics
from tasks.runtime.progress.progress import report

MOST_TOKENS = 512  # of an answer: a model that thinks aloud needs some hundreds


def main() -> None:
    spec = read_spec(CheckSpec)
    try:
        write_metrics(spec.out, check(spec))
    except Refused as refused:
        write_metrics(spec.out, {"refused": str(refused)})


def check(spec: CheckSpec) -> dict[str, Any]:
    """Figures of the model. Raises Refused where it fails a check."""
    try:
        chat = ChatTokens(spec.folder)
        chat.end_of_turn  # noqa: B018  (computed at first use)
    except TemplateError as error:
        raise Refused(str(error)) from error
    # "auto" is the precision of the files: the least memory.
    model = AutoModelForCausalLM.from_pretrained(spec.folder, dtype="auto", use_safetensors=True)
    model.to("cuda" if spec.cuda else "cpu").eval()
    figures: dict[str, Any] = {}
    if spec.max_plain_nll is not None:
        figures["plain_nll"] = nll = plain_nll(model, chat)
        if not nll <= spec.max_plain_nll:
            raise Refused(
                f"its NLL of a plain English paragraph is {nll:.2f} nats a token, more than "
                f"backbone.max_plain_nll={spec.max_plain_nll:g} (instruction-tuned models: 2 to 3.5; by chance "
                f"{math.log(model.config.vocab_size):.1f}): weights and tokenizer do not belong together, or it reads "
                "no English; in that case backbone.max_plain_nll=null leaves this check out"
            )
    if spec.answers_end:
        figures["answer_tokens"] = tokens = first_answer_that_ends(model, chat)
        if tokens is None:
            raise Refused(
                f"none of its greedy answers to {len(QUESTIONS)} plain questions ends within "
                f"{MOST_TOKENS} tokens: it is a base model, the chat template is not its own "
                "(backbone.chat_template=FILE gives one), or generation_config.json's eos_token_id lacks its end of "
                "turn; backbone.answers_end=false leaves this check out"
            )
    return figures


@torch.inference_mode()
def plain_nll(model: Any, chat: ChatTokens) -> float:
    """Mean NLL of the plain paragraph without any chat template, nats a token."""
    ids = torch.tensor([chat.encode(PLAIN)], device=model.device)
    logits = model(ids).logits[0, :-1].float()
    return float(torch.nn.functional.cross_entropy(logits, ids[0, 1:]))


@torch.inference_mode()
def first_answer_that_ends(model: Any, chat: ChatTokens) -> int | None:
    """Tokens of the first greedy answer that the model ends by itself, its end counted; None where none does."""
    for number, question in enumerate(QUESTIONS):
        report(number, len(QUESTIONS), "questions")
        prompt = torch.tensor([chat.prompt(question)], device=model.device)
        output = model.generate(
            prompt,
            attention_mask=torch.ones_like(prompt),
            do_sample=False,
            max_new_tokens=MOST_TOKENS,
            eos_token_id=sorted(chat.stop_ids),
            pad_token_id=chat.end_of_turn,
        )
        answer = output[0, prompt.shape[1] :].tolist()
        if answer[-1] in chat.stop_ids:
            return len(answer)
    return None


if __name__ == "__main__":
    main()
