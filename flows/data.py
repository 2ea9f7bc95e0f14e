"""What all methods of an experiment share: the backbone pi_0, the rows, and pi_0's own scores.

In:  an experiment
Out: corpora ─ sample ─ split ─ SFT split, agent split, held-out rows; pi_0 and its answers to the benchmarks: submitted
     what pi_0 reads of the thermometers' texts: submitted when the first model is compared with it
"""

from functools import cached_property

from prefect.context import TagsContext

from flows.experiment import Experiment
from flows.placement import place
from tasks.backbone.backbone import backbone
from tasks.corpus.corpus import corpus
from tasks.drift.read_base import read_base
from tasks.evaluate.evaluate import evaluate
from tasks.evaluate.questions import questions
from tasks.runtime.futures import Future
from tasks.sample.sample import sample
from tasks.split.split import split


class Data:
    """The stages that are submitted once for all methods."""

    def __init__(self, experiment: Experiment) -> None:
        place(experiment)
        self._thermometers = experiment.thermometers().model_copy(update={"letters": False})  # the same texts
        self.pi_0: Future = backbone.submit(experiment.backbone)
        counting = [one.model_copy(update={"tokenizer_only": True}) for one in experiment.all_backbones()]
        self.tokenizers = {one.name: backbone.submit(one) for one in counting}
        corpora = {one.name: corpus.submit(experiment.reading(one)) for one in experiment.corpora}
        asked = experiment.evaluate.model_copy(update={"sampling": None})  # how often changes no question
        self.tested: Future = questions.submit(asked)
        self.sampled: Future = sample.submit(
            experiment.sample, corpora=corpora, tokenizers=self.tokenizers, benchmarks=self.tested
        )
        part = experiment.split.model_copy
        self.sft: Future = split.submit(part(update={"part": "sft"}), sample=self.sampled)
        self.agent: Future = split.submit(part(update={"part": "agent"}), sample=self.sampled)
        self.held_out: Future = split.submit(part(update={"part": "held_out"}), sample=self.sampled)
        self.scores: Future = evaluate.submit(experiment.evaluate.by_benchmark(), model=self.pi_0)

    @cached_property
    def read(self) -> Future:
        """The thermometers' texts, with pi_0's states."""
        with TagsContext(current_tags=set()):  # it is asked for first by some method, and is no method's
            return read_base.submit(self._thermometers, backbone=self.pi_0, answers=self.scores)

    def base(self) -> dict[str, object]:
        """The untrained backbone's scores, and the rows on which rewriters are shown."""
        return {"scores": self.scores, "held_out": self.held_out}
