"""Replay: a method's targets and, beside them, general rows of the experiment.

In:  the dataset of a method, mixture {share: 0.1, own_answers: true}, 800 rows in the SFT split
Out: a dataset with 80 general rows more, the text of each pi_0's own answer

General rows go the way of all others: a corpus is read by the reader of any file, `sample` draws from it, leaves out
what is too long for the backbones and what asks a benchmark's question.
"""

from collections.abc import Mapping
from math import ceil

from flows.experiment import Experiment
from flows.experiment_files import ExperimentError
from tasks.corpus.corpus import corpus
from tasks.methods.method import Mixture
from tasks.mix.mix import MixConfig, mix
from tasks.rewrite.rewrite import self_solve
from tasks.runtime.futures import Future, part
from tasks.sample.sample import sample
from tasks.verify.stage import verify

ASKED = 2  # questions that pi_0 is asked for each answer that is wanted: some fail the gate


def mix_in(
    experiment: Experiment,
    mixture: Mixture,
    dataset: Future,
    pi_0: Future,
    tokenizers: Mapping[str, Future],
    tested: Future,
) -> Future:
    """The dataset with `mixture.share` general rows for each row of the SFT split.

    Raises:
        ExperimentError: the experiment names no general rows.
    """
    replay = experiment.replay
    if replay is None:
        raise ExperimentError(
            "the method mixes general rows in, and the experiment names none: --set replay.path=general.jsonl "
            "(any file of instructions and answers), or another method"
        )
    wanted = ceil(mixture.share * experiment.split.sft_rows)
    drawing = experiment.sample.model_copy(update={"rows": wanted * (ASKED if mixture.own_answers else 1)})
    read = corpus.submit(replay.reading())
    general = sample.submit(drawing, corpora={replay.name: read}, tokenizers=tokenizers, benchmarks=tested)
    answers, verdicts = {}, {}
    if mixture.own_answers:
        asked = {"000": experiment.rewrite.model_copy(update={"shards": 1})}
        answers["000"] = part(self_solve.submit(asked, backbone=pi_0, rows=general), "000")
        if replay.gate is not None:
            judging = pi_0 if replay.gate.asks_backbone else None
            verdicts["000"] = verify.submit(replay.gate, rows=general, rewrites=answers["000"], backbone=judging)
    return mix.submit(
        MixConfig(rows=wanted), dataset=dataset, general=general, answers=answers or None, verdicts=verdicts or None
    )
