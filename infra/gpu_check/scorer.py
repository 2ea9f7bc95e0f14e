"""pi_0's NLL: bfloat16 against float32, prompts shared by their candidates against a plain padded loop."""

from statistics import fmean
from typing import Any

from infra.gpu_check.checks import Figures, Setup, peak_gib, require, timed
from infra.gpu_check.texts import groups
from tasks.rows.precision import Precision
from tasks.rows.prompts import question_prompt
from tasks.rows.tokens import ChatTokens
from tasks.score.load import load_backbone
from tasks.score.nll import NLLScorer, Target

# Nats per token. Rounding of bfloat16 moves a row's NLL by some thousandths; a wrong mask or position by whole tenths.
BOUNDS: dict[Precision, float] = {"float32": 1e-3, "bfloat16": 0.02}
BATCH = 8


def check(setup: Setup) -> Figures:
    """Raises CheckFailed where the precisions, or the two ways of computing, disagree."""
    texts = [(row, text) for row, of_row in groups(*((64, 8, 12) if setup.cuda else (3, 4, 1))) for text in of_row]
    targets = [Target(str(number), row["question"], text) for number, (row, text) in enumerate(texts)]
    exact, figures = scored(setup, targets, "float32")
    rounded, of_rounded = scored(setup, targets, "bfloat16")
    rounding = fmean(abs(a - b) for a, b in zip(exact, rounded, strict=True))
    require(rounding < BOUNDS["bfloat16"], f"bfloat16 and float32 differ by {rounding:.4f} nats a token")
    about = {"rows": len(targets), "nll": fmean(exact), "rounding": rounding, "peak_gib": peak_gib(setup.device)}
    return about | {"float32": figures, "bfloat16": of_rounded}


def scored(setup: Setup, targets: list[Target], dtype: Precision) -> tuple[list[float], Figures]:
    """NLLs in nats per token; tokens a second, and how much sooner than the padded loop on some of the rows."""
    chat, model = ChatTokens(setup.model), load_backbone(setup.model, dtype, setup.cuda)
    scorer, few = NLLScorer.from_model(model, chat), targets[: 4 * BATCH]
    scores = scorer.score(targets)
    nll = [score.nll for score in scores]
    difference = fmean(abs(a - b) for a, b in zip(padded_loop(model, chat, few), nll, strict=False))
    require(difference < BOUNDS[dtype], f"shared prompts and a padded loop differ by {difference:.4f} nats in {dtype}")
    seconds = timed(setup.device, lambda: scorer.score(targets))
    ratio = timed(setup.device, lambda: padded_loop(model, chat, few)) / timed(setup.device, lambda: scorer.score(few))
    speed = sum(score.tokens for score in scores) / seconds
    return nll, {"target_tokens_per_second": speed, "times_padded_loop": ratio, "difference": difference}


def padded_loop(model: Any, chat: ChatTokens, targets: list[Target], size: int = BATCH) -> list[float]:
    """What one would write first: prompt and target together, padded to the longest of `size`; nats per token."""
    import torch

    found: list[float] = []
    for start in range(0, len(targets), size):
        batch = targets[start : start + size]
        pairs = [(chat.prompt(question_prompt(one.question)), chat.target(one.text, one.finished)) for one in batch]
        longest = max(len(prompt) + len(target) for prompt, target in pairs)
        ids_BT = torch.zeros((len(pairs), longest), dtype=torch.long, device=model.device)
        mask_BT, labels_BT = torch.zeros_like(ids_BT), torch.full_like(ids_BT, -100)
        for i, (prompt, target) in enumerate(pairs):
            end = len(prompt) + len(target)
            ids_BT[i, :end] = torch.tensor([*prompt, *target])
            mask_BT[i, :end] = 1
            labels_BT[i, len(prompt) : end] = torch.tensor(target)
        with torch.no_grad():
            logits_BTV = model(input_ids=ids_BT, attention_mask=mask_BT).logits[:, :-1].float()
        losses_BT = torch.nn.functional.cross_entropy(
            logits_BTV.transpose(1, 2), labels_BT[:, 1:], ignore_index=-100, reduction="none"
        )
        found += (losses_BT.sum(dim=1) / (labels_BT[:, 1:] != -100).sum(dim=1)).tolist()
    return found
