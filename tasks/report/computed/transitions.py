"""From answers to what became of them: right to wrong, wrong to right, out of form, longer; by method and by subject.

In:  runs {"base": [{"nano_facts": {"nano_facts/0": Answer(right=True, …), …}}], "sft": [<seed 0>, <seed 1>]}
Out: Answered(method="sft", group="general", right_to_wrong=0.081 (0.062 to 0.103), forms={"no box": 0.03, …}, …), …

Guessing. Of m options a model either knows the answer or picks one of them evenly. Its lucky picks then fare as its
unlucky ones do, of which there are m − 1 times as many. So for each question that was picked wrongly before and is
wrong now, 1 / (m − 1) of a question is taken off what went from right to wrong: as many were picked rightly by luck.
In the same way off what went from wrong to right. An answer that names no option was no pick. m is told by the letters
of the references, of the subject or, where it has few questions, of the benchmark; what a model answers says nothing
about it. (Transitions by question and the model of a guess: Harmon et al., arXiv 2510.17776, who correct the averages;
here the questions themselves are counted.)
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import get_args

import numpy as np

from tasks.report.reading.answers import Answer, beside
from tasks.report.reading.artifacts import labels
from tasks.report.schema.answer_data import Answered, Form, Group, Subject
from tasks.report.schema.values import Estimate
from tasks.report.statistics.statistics import Drawn, Matrix, Vector, draw, percentile, share

Answers = Mapping[str, Mapping[str, Answer]]  # benchmark -> row id -> answer
Told = Callable[[Vector, float], Estimate]
FORMS: tuple[Form, ...] = get_args(Form)
ENOUGH = 20  # references that hold the last of four options in all but 3 of 1,000 cases


def transitions(
    runs: Mapping[str, Sequence[Answers]],
    groups: Mapping[Group, Sequence[str]],
    confidence: float,
    resamples: int,
    seed: int = 0,
    clusters: Mapping[str, Mapping[str, str]] | None = None,
) -> tuple[list[Answered], list[Subject]]:
    """Every method's answers beside the base's, in groups of benchmarks and by subject; nothing without a base.

    Args:
        runs: by method the answers of each seed; all of one benchmark to the same questions.
        groups: which benchmarks measure what is learnt, and which what is forgotten.
        clusters: by benchmark and row id the group of rows that come in groups.
    """
    if not runs.get("base"):
        return [], []
    [base] = runs["base"][:1]
    marked = {
        method: [{name: beside(one, base.get(name, {})) for name, one in by_name.items()} for by_name in of_seeds]
        for method, of_seeds in runs.items()
    }
    found = []
    for group, names in groups.items():
        present = [name for name in names if all(one.get(name) for of_seeds in marked.values() for one in of_seeds)]
        if present:
            values = {method: _matrices(of_seeds, base, present) for method, of_seeds in marked.items()}
            together = labels({name: sorted(base[name]) for name in present}, clusters or {})
            drawn = {
                what: draw({m: v[what] for m, v in values.items()}, resamples, seed, clusters=together)
                for what in values["base"]
            }
            found += [_answered(method, group, marked[method], present, drawn, confidence) for method in marked]
    order = list(marked)
    subjects = [one for method in order if method != "base" for one in _subjects(method, marked[method], base)]
    return sorted(found, key=lambda one: order.index(one.method)), subjects


def options(asked: Collection[Answer]) -> dict[str, int]:
    """By subject the number of options, by the references of all questions of a benchmark; 0 where not all of the
    subject's are letters. Of few questions the last option may be right in none: those of the whole benchmark count."""
    golds: dict[str, list[str | None]] = {}
    for one in asked:
        golds.setdefault(one.subject, []).append(one.gold)
    everywhere = [gold for of in golds.values() for gold in of]
    return {
        subject: 0 if None in of else _last(of if len(of) >= ENOUGH else everywhere) for subject, of in golds.items()
    }


def _last(golds: Sequence[str | None]) -> int:
    """The place of the last letter in the alphabet."""
    return max(ord(gold) - ord("A") + 1 for gold in golds if gold)


def by_luck(before: Answer, after: Answer, count: int) -> tuple[float, float]:
    """What a question that is wrong before and after says of others like it: right to wrong by luck, wrong to right."""
    if before.right or after.right or count < 2:
        return 0.0, 0.0
    return (before.letter is not None) / (count - 1), (after.letter is not None) / (count - 1)


def _matrices(of_seeds: Sequence[Answers], base: Answers, names: Sequence[str]) -> dict[str, dict[str, Matrix]]:
    """What is averaged -> benchmark -> [seeds, questions]."""
    made: dict[str, dict[str, Matrix]] = {}
    for name in names:
        ids, count = sorted(base[name]), options(base[name].values())
        for seeds in of_seeds:
            pairs = [(base[name][key], seeds[name][key]) for key in ids]
            luck = np.array([by_luck(before, after, count[before.subject]) for before, after in pairs])
            lost = np.array([before.right and not after.right for before, after in pairs], dtype=float)
            won = np.array([after.right and not before.right for before, after in pairs], dtype=float)
            fine = np.array([after.form == "well-formed" for _, after in pairs], dtype=float)
            right = np.array([after.right for _, after in pairs], dtype=float)
            tokens = np.array([after.tokens for _, after in pairs], dtype=float)
            row = {"lost": lost, "won": won, "lost corrected": lost - luck[:, 0], "won corrected": won - luck[:, 1]}
            row |= {"well-formed": fine, "well-formed and right": fine * right, "tokens": tokens}
            row |= {"lost to form": lost * (1 - fine)}
            row |= {"as released": np.array([after.right_as_released for _, after in pairs], dtype=float)}
            for what, values in row.items():
                made.setdefault(what, {}).setdefault(name, np.empty((0, len(ids))))
                made[what][name] = np.vstack([made[what][name], values])
    return made


def _answered(
    method: str, group: Group, runs: Sequence[Answers], names: Sequence[str], drawn: Mapping[str, Drawn], level: float
) -> Answered:
    def mean(what: str, of: str = method) -> Vector:
        return np.mean([drawn[what][of][name] for name in names], axis=0)

    def ratio(above: str, below: str, under: str = method, told: Told = percentile) -> Estimate | None:
        """The mean over benchmarks of a ratio; None where one of them has nothing below the line."""
        parts = [(drawn[above][method][name], drawn[below][under][name]) for name in names]
        if any(bottom[0] == 0 for _, bottom in parts):
            return None
        with np.errstate(divide="ignore", invalid="ignore"):
            return told(np.mean([top / bottom for top, bottom in parts], axis=0), level)

    own = method != "base"
    lost = mean("lost")[0]
    shares = [{form: _share(one[name].values(), form) for form in FORMS} for one in runs for name in names]
    return Answered(
        method=method,
        group=group,
        questions=sum(len(runs[0][name]) for name in names),
        seeds=len(runs),
        forms={form: value for form in FORMS if (value := float(np.mean([one[form] for one in shares])))},
        well_formed=share(mean("well-formed"), level),
        accuracy_well_formed=ratio("well-formed and right", "well-formed", told=share),
        accuracy_as_released=share(mean("as released"), level),
        right_to_wrong=share(mean("lost"), level) if own else None,
        wrong_to_right=share(mean("won"), level) if own else None,
        right_to_wrong_corrected=share(mean("lost corrected"), level) if own else None,
        wrong_to_right_corrected=share(mean("won corrected"), level) if own else None,
        lost_to_form=float(mean("lost to form")[0] / lost) if own and lost else None,
        tokens=float(mean("tokens")[0]),
        length_ratio=ratio("tokens", "tokens", "base") if own else None,
    )


def _share(found: Collection[Answer], form: Form) -> float:
    return sum(one.form == form for one in found) / len(found)


def _subjects(method: str, runs: Sequence[Answers], base: Answers) -> list[Subject]:
    made = []
    for name in base:
        pairs: dict[str, list[tuple[bool, bool]]] = {}
        for one in runs:
            for key, before in base[name].items():
                if before.subject and key in one.get(name, {}):
                    pairs.setdefault(before.subject, []).append((before.right, one[name][key].right))
        for subject, found in sorted(pairs.items()):
            n = len(found)
            made.append(
                Subject(
                    method=method,
                    benchmark=name,
                    subject=subject,
                    questions=n // len(runs),
                    accuracy=sum(after for _, after in found) / n,
                    base=sum(before for before, _ in found) / n,
                    right_to_wrong=sum(before and not after for before, after in found) / n,
                    wrong_to_right=sum(after and not before for before, after in found) / n,
                )
            )
    return made
