"""Log-probabilities of rewrites, each prompt read once for all its rewrites."""

import torch

from tasks.score.batches import Question
from tasks.score.shared_prefix import SharedPrefix


def shared_logprobs(
    model: SharedPrefix, ids: torch.Tensor, mask: torch.Tensor, keep: int, temperature: float, entropy: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    """Log-probabilities and entropies, shape (rows, keep), of the last `keep` columns of `ids`.

    `ids` and `mask` have shape (rows, prompt + keep): prompts padded on the left, rewrites on the right. Without
    `entropy` the log-probabilities are returned in its place.
    """
    places: dict[tuple[int, ...], list[int]] = {}
    targets = []
    for i, (row, seen) in enumerate(zip(ids.tolist(), mask.tolist(), strict=True)):
        split = len(row) - keep
        places.setdefault(tuple(t for t, m in zip(row[:split], seen[:split], strict=True) if m), []).append(i)
        targets.append([t for t, m in zip(row[split:], seen[split:], strict=True) if m])
    questions = [Question(prompt, [targets[i] for i in rows]) for prompt, rows in places.items()]
    rows_of = list(places.values())
    batches = list(model.token_logprobs(questions, temperature, entropy))
    order = [rows_of[question][k] for batch in batches for question, k in batch.items]
    order += [i for i, target in enumerate(targets) if not target]
    back = torch.tensor(order, device=ids.device).argsort()

    def gather(parts: list[torch.Tensor]) -> torch.Tensor:
        wide = [torch.nn.functional.pad(part, (0, keep - part.size(1)))[:, :keep] for part in parts]
        wide.append(wide[0].new_zeros((len(ids) - sum(map(len, wide)), keep)))
        return torch.cat(wide)[back]

    logprobs = gather([batch.logprobs for batch in batches])
    return logprobs, gather([b.entropies for b in batches if b.entropies is not None]) if entropy else logprobs
