"""Which rows of an optimiser step go through the model together: packed by length, the step itself unchanged.

In:  lengths [700, 90, 310, 400, …] of the dataset's rows, 128 rows a step, at most 16,384 tokens in a pass
Out: step 0: [[17, 3, 88, …], [5, 61, …], …]      rows of each pass; a pass is one sequence, its rows one after another

An optimiser step takes the same rows as without packing: those that accelerate's seeded sampler puts there. They are
only dealt to passes anew, the longest first and each to the pass that has the fewest tokens. The loss of a step is the
sum over its target tokens by their number (tasks/finetune/token_losses.py), so packing changes rounding and nothing
else. LLaMA-Factory's own packing fills sequences of `cutoff_len` before rows are shuffled: a step of 128 sequences
then holds some thousand rows instead of E.1's 128.

A step has as many passes as any other, empty ones in an epoch's last where rows are few: every process has one to do.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from math import ceil

import torch

from tasks.rows.packs import deal, largest

Passes = list[list[int]]


@dataclass(frozen=True)
class Plan:
    """How the rows of a dataset are dealt.

    `tokens`: most tokens of a pass; a longer row is a pass of its own. `processes`: how many compute at once.
    """

    lengths: Sequence[int]
    global_batch: int
    tokens: int
    processes: int
    seed: int

    @property
    def steps(self) -> int:
        """Optimiser steps of an epoch; the last one takes the rows that are left."""
        return ceil(len(self.lengths) / self.global_batch)

    def rows(self, epoch: int) -> Iterator[list[int]]:
        """The rows of each step of an epoch, as accelerate's SeedableRandomSampler orders them (1.11)."""
        generator = torch.Generator().manual_seed(self.seed + epoch)
        order = iter(torch.randperm(len(self.lengths), generator=generator).tolist())
        while step := list(islice(order, self.global_batch)):
            yield step

    def accumulation(self, epochs: int) -> int:
        """Passes of one process in a step: the fewest with which no pass of any epoch is over `tokens`."""
        allowed = max(self.tokens, max(self.lengths))
        steps = [[self.lengths[row] for row in step] for epoch in range(epochs) for step in self.rows(epoch)]
        passes = max(ceil(sum(step) / (allowed * self.processes)) for step in steps)
        for step in steps:
            while largest(step, deal(step, passes * self.processes)) > allowed:
                passes += 1
        return passes

    def longest(self, epochs: int, accumulation: int) -> int:
        """Tokens of the longest pass of any process in any step."""
        steps = [[self.lengths[row] for row in step] for epoch in range(epochs) for step in self.rows(epoch)]
        return max(largest(step, deal(step, accumulation * self.processes)) for step in steps)

    def passes(self, epoch: int, accumulation: int) -> Iterator[Passes]:
        """The passes of each step of an epoch, `accumulation` for each process."""
        for step in self.rows(epoch):
            dealt = deal([self.lengths[row] for row in step], accumulation * self.processes)
            yield [[step[place] for place in places] for places in dealt]


class PassSampler:
    """Row numbers of one process's passes, as a DataLoader's `batch_sampler`; `epoch` says which epoch is next."""

    def __init__(self, plan: Plan, accumulation: int, process: int, epoch: Callable[[], int]) -> None:
        self.plan, self.accumulation, self.process, self.epoch = plan, accumulation, process, epoch

    def __len__(self) -> int:
        return self.plan.steps * self.accumulation

    def __iter__(self) -> Iterator[list[int]]:
        for passes in self.plan.passes(self.epoch(), self.accumulation):
            yield from passes[self.process :: self.plan.processes]
