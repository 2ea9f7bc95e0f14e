"""Whether models are right as often as they are sure, where the likelihood of every letter is had.

In:  by method, each seed's questions: {"mmlu_likelihood": {"mmlu/7": Choice((-0.3, -2.7, -3.1, -2.9), right=0), …}}
Out: Calibrated(method="sft", of="mmlu_likelihood", ece=0.081, figures={"Brier": 0.61 (0.58 to 0.65), …}, …), …

A probability is the softmax over a question's letters. Brier score, NLL and confidence less accuracy are means over
questions, so their intervals are those of all other means here. The expected calibration error is no mean: noise within
a bin counts as error, whichever its sign, so it is above 0 for a calibrated model too, the more so the fewer questions
there are, and resampling moves it up again. It stands without an interval, beside what chance alone would show
(consistency resampling, Bröcker and Smith 2007).
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, get_args

import numpy as np

from tasks.evaluate.user_turn import boxed
from tasks.report.computed.drift import text_groups, text_id
from tasks.report.schema.calibration_data import Bin, Calibrated, Figure
from tasks.report.schema.values import Contrast
from tasks.report.statistics.paired import shared_rows
from tasks.report.statistics.statistics import Drawn, Matrix, Vector, contrast, corrected, draw, percentile, share
from tasks.rows.jsonl import Row

BINS = 10  # of equal mass: by rank of confidence, so that none is empty
CALIBRATED = 200  # draws of answers that a calibrated model would give
CHOICES = "choices: "  # of the thermometers
GENERAL = "general choices"
FIGURES: tuple[Figure, ...] = get_args(Figure)


class Choice(NamedTuple):
    """One question: the log-likelihood of each letter in nats, and the place of the right one."""

    letters: tuple[float, ...]
    right: int


Choices = Mapping[str, Mapping[str, Choice]]  # by set of questions and question's id


def of_answers(rows: Iterable[Row]) -> dict[str, Choice]:
    """Of a `…_likelihood` benchmark's answers.jsonl; of others nothing.

    A question that was too long to be asked has no letters, and is left out.
    """
    asked = [row for row in rows if row.get("likelihoods")]
    return {
        row["id"]: Choice(tuple(row["likelihoods"].values()), list(row["likelihoods"]).index(boxed(row["gold"])))
        for row in asked
    }


def of_texts(rows: Iterable[Row], general: Sequence[str]) -> tuple[dict[str, Choice], dict[str, Choice]]:
    """Of the thermometers' texts.jsonl, where letters were kept: the model's and pi_0's, of the general benchmarks."""
    model, base = {}, {}
    for row in rows:
        if "letters" in row and row["thermometer"].removeprefix(CHOICES) in general:
            model[text_id(row)] = Choice(tuple(row["letters"]), row["right"])
            base[text_id(row)] = Choice(tuple(row["letters_base"]), row["right"])
    return model, base


def together(
    runs: Mapping[str, Sequence[tuple[Choices, Sequence[Row]]]], general: Sequence[str]
) -> dict[str, list[dict[str, Mapping[str, Choice]]]]:
    """By method and seed, the benchmarks by likelihood and behind them the thermometers' choices.

    The base has no thermometers of its own: its letters stand beside every model's.
    """
    found: dict[str, list[dict[str, Mapping[str, Choice]]]] = {
        method: [dict(choices) for choices, _ in of_seeds] for method, of_seeds in runs.items()
    }
    for method, of_seeds in runs.items():
        for seed, (_, texts) in enumerate(of_seeds):
            model, base = of_texts(texts, general)
            if model:
                found[method][seed][GENERAL] = model
                found["base"][0].setdefault(GENERAL, base)
    return found


def calibration(
    runs: Mapping[str, Sequence[Choices]],
    confidence: float,
    resamples: int,
    seed: int = 0,
    clusters: Mapping[str, Mapping[str, str]] | None = None,
) -> list[Calibrated]:
    """A row a set of questions and method; sets that one of a method's seeds lacks are not told of that method.

    Args:
        clusters: by benchmark and question the group of questions that come in groups.
    """
    made = []
    grouped = {**(clusters or {}), GENERAL: text_groups(clusters or {})}
    for of in dict.fromkeys(name for of_seeds in runs.values() for one in of_seeds for name in one):
        asked = {
            method: [one[of] for one in of_seeds]
            for method, of_seeds in runs.items()
            if of_seeds and all(one.get(of) for one in of_seeds)
        }
        ids = shared_rows(one for of_seeds in asked.values() for one in of_seeds)
        if not ids:
            continue
        values = {method: np.array([_figures(one, ids) for one in of_seeds]) for method, of_seeds in asked.items()}
        by_figure: dict[str, dict[str, Matrix]] = {
            method: {name: array[:, at] for at, name in enumerate(FIGURES)} for method, array in values.items()
        }
        groups = [grouped.get(of, {}).get(key, key) for key in ids]
        drawn = draw(by_figure, resamples, seed, clusters=dict.fromkeys(FIGURES, groups))
        seeds = {method: len(array) for method, array in values.items()}
        rows = [_calibrated(method, of, array, drawn, seeds, confidence, seed) for method, array in values.items()]
        for name in FIGURES:
            corrected(row.against_base[name] for row in rows if row.against_base)
            corrected(row.against_sft[name] for row in rows if row.against_sft)
        made += rows
    return made


def probabilities(letters: Sequence[float]) -> Vector:
    """Softmax of log-likelihoods."""
    shifted = np.exp(np.array(letters) - max(letters))
    return np.asarray(shifted / shifted.sum())


def expected_calibration_error(confidence: Vector, right: Matrix, bins: int = BINS) -> Vector:
    """Of each row of `right` [draws, questions]: the mean over equal-mass bins of |share right - mean confidence|.

    Bins hold as many questions each, by rank of confidence, and weigh by their number (Naeini et al. 2015; the bins are
    those of Nguyen and O'Connor 2015). Questions of equal confidence keep their order.
    """
    parts = _equal_mass(confidence, bins)
    gaps = [np.abs(right[:, part].mean(axis=1) - confidence[part].mean()) * len(part) for part in parts]
    return np.asarray(np.sum(gaps, axis=0) / len(confidence))


def _equal_mass(confidence: Vector, bins: int = BINS) -> list[Any]:
    """Places of the questions by bin."""
    return np.array_split(np.argsort(confidence, kind="stable"), min(bins, len(confidence)))


def _figures(of: Mapping[str, Choice], ids: Sequence[str]) -> Matrix:
    """[figures, questions]"""
    rows = []
    for key in ids:
        letters, right = of[key]
        p = probabilities(letters)
        hit = float(p.argmax() == right)
        truth = np.arange(len(p)) == right
        rows.append((hit, p.max() - hit, ((p - truth) ** 2).sum(), np.logaddexp.reduce(letters) - letters[right]))
    return np.array(rows).T


def _calibrated(
    method: str, of: str, values: Matrix, drawn: Drawn, seeds: Mapping[str, int], confidence: float, seed: int
) -> Calibrated:
    """`values`: [seeds, figures, questions]."""
    right = values[:, FIGURES.index("right")]
    sure = right + values[:, FIGURES.index("overconfidence")]
    random = np.random.default_rng(seed)
    own = [float(expected_calibration_error(p, hit[None])[0]) for p, hit in zip(sure, right, strict=True)]
    drawn_right = [(random.random((CALIBRATED, len(p))) < p).astype(float) for p in sure]
    by_chance = [expected_calibration_error(p, hits).mean() for p, hits in zip(sure, drawn_right, strict=True)]
    return Calibrated(
        method=method,
        of=of,
        questions=values.shape[2],
        seeds=len(values),
        figures={name: (share if name == "right" else percentile)(drawn[method][name], confidence) for name in FIGURES},
        against_base=_against("base", method, drawn, seeds, confidence),
        against_sft=_against("sft", method, drawn, seeds, confidence),
        ece=min(1.0, float(np.mean(own))),
        ece_by_chance=min(1.0, float(np.mean(by_chance))),
        bins=_bins(sure.ravel(), right.ravel()),
    )


def _bins(sure: Vector, right: Vector) -> list[Bin]:
    """The questions of all seeds, as many in each bin."""
    return [
        Bin(confidence=min(1.0, float(sure[part].mean())), right=float(right[part].mean()), n=len(part))
        for part in _equal_mass(sure)
    ]


def _against(
    reference: str, method: str, drawn: Drawn, seeds: Mapping[str, int], confidence: float
) -> dict[Figure, Contrast]:
    if method in ("base", reference) or reference not in drawn:
        return {}
    both = [seeds[one] for one in (method, reference) if one != "base"]
    return {name: contrast(drawn[method][name] - drawn[reference][name], confidence, both) for name in FIGURES}
