"""log pi_0(y|x) of rows with one target each: whole rows packed into sequences, no padding between them.

In:  Question(prompt=[1, 5, 9], targets=[[7, 2]]), Question(prompt=[1, 4], targets=[[8, 8, 2]]), 4,096 tokens in a pass
Out: [[-3.1], [-6.4]]      nats; both from one sequence of 9 tokens, in which neither sees the other

Where a question has several targets, shared_prefix.py computes its prompt once for all of them. On a CPU every pass is
filled up to one length: oneDNN prepares each length anew.
"""

from collections.abc import Sequence
from typing import Any

import torch

from tasks.rows.memory import CHUNK
from tasks.rows.packs import fewest
from tasks.score.batches import Question
from tasks.score.rows_attention import within_rows
from tasks.score.shared_prefix import check_logits

_BUCKET = 64  # tokens that a pass is rounded up to on a GPU


class PackedRows:
    """A transformers causal LM that reads rows one after another in one sequence."""

    def __init__(self, model: Any, tokens: int) -> None:
        """`tokens`: most tokens of a pass; a longer row is a pass of its own.

        Raises:
            ValueError: the model scales or caps its logits.
        """
        self.model, self.tokens = model, tokens
        check_logits(model)

    def log_likelihoods(self, questions: Sequence[Question]) -> list[list[float]]:
        """log pi_0(y|x) in nats of each question's one target; 0.0 of an empty one."""
        rows = [(list(question.prompt), list(question.targets[0])) for question in questions]
        wanted = [place for place, (_, target) in enumerate(rows) if target]
        lengths = [len(rows[place][0]) + len(rows[place][1]) for place in wanted]
        sums = [0.0] * len(rows)
        with torch.no_grad(), within_rows(self.model):
            for pack in fewest(lengths, self.tokens):
                places = [wanted[one] for one in pack]
                found = self._pass([rows[place] for place in places], max(lengths))
                for place, value in zip(places, found, strict=True):
                    sums[place] = value
        return [[value] for value in sums]

    def _pass(self, rows: Sequence[tuple[list[int], list[int]]], longest: int) -> list[float]:
        """Sums over the targets of rows (prompt, target), in float64."""
        device = self.model.device
        ids = [token for prompt, target in rows for token in (*prompt, *target)]
        positions = [place for prompt, target in rows for place in range(len(prompt) + len(target))]
        ends: list[int] = []
        before: list[int] = []  # what predicts a target's token is the state before it
        of_row: list[int] = []
        start = 0
        for number, (prompt, target) in enumerate(rows):
            before += range(start + len(prompt) - 1, start + len(prompt) + len(target) - 1)
            of_row += [number] * len(target)
            start += len(prompt) + len(target)
            ends.append(start)
        if filling := self._length(len(ids), longest) - len(ids):
            ids += [0] * filling
            positions += range(filling)
            ends.append(len(ids))
        ids_1T = torch.tensor([ids], device=device)
        hidden_TH = (
            self.model.get_decoder()(
                input_ids=ids_1T,
                position_ids=torch.tensor([positions], device=device),
                use_cache=False,
                row_ends=tuple(ends),
            ).last_hidden_state
        )[0]
        before_N = torch.tensor(before, device=device)
        head, logprobs = self.model.get_output_embeddings(), []
        for chunk in before_N.split(CHUNK):
            logits = head(hidden_TH[chunk]).float()
            logprobs.append(logits.gather(1, ids_1T[0, chunk + 1, None])[:, 0] - logits.logsumexp(dim=1))
        sums = torch.zeros(len(rows), dtype=torch.float64, device=device)
        sums.index_add_(0, torch.tensor(of_row, device=device), torch.cat(logprobs).double())
        return [float(value) for value in sums.tolist()]

    def _length(self, tokens: int, longest: int) -> int:
        """The length that a pass of `tokens` is filled up to."""
        if self.model.device.type == "cpu":
            return max(self.tokens, longest)
        return -(-tokens // _BUCKET) * _BUCKET
