"""The least difference is found in 80 of 100 studies: simulated, with the same sampling of questions and of seeds."""

from math import sqrt
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import norm

from flows.plan.power import BETWEEN_SEEDS, DISCORDANCE, FEWEST, LEVEL, POWER, least_difference, power
from tasks.report.statistics.statistics import draw, two_sided
from tasks.rows.jsonl import write_rows
from tasks.runtime.store.store import Artifact, Manifest, Store


def test_eight_of_ten_studies_find_the_least_difference_if_seeds_agree() -> None:
    """Two benchmarks of different sizes; where the methods disagree, the better one is right more often by d / psi."""
    random, questions, psi = np.random.default_rng(0), {"a": 400, "b": 900}, {"a": 0.1, "b": 0.2}
    d = least_difference(questions, psi, 0.0, 4)
    variance = sum(psi[name] / n for name, n in questions.items()) / 4
    found = 0
    for _ in range(4000):
        differences = []
        for name, n in questions.items():
            disagree = random.random(n) < psi[name]
            better = random.random(n) < (1 + d / psi[name]) / 2
            differences.append(np.where(disagree, np.where(better, 1, -1), 0).mean())
        found += abs(np.mean(differences)) > norm.ppf(0.975) * np.sqrt(variance)
    assert found / 4000 == pytest.approx(0.8, abs=0.03)


@pytest.mark.parametrize(("seeds", "between"), [(3, 0.02), (8, 0.01)])
def test_eight_of_ten_studies_find_it_by_the_reports_own_p_value(seeds: int, between: float) -> None:
    """One benchmark of 50 questions, which leave a standard error of 1 point; each study's seeds have the spread that
    they happen to have, and its p-value is the report's."""
    n, psi, studies = 50, 0.005, 400
    d = least_difference({"a": n}, {"a": psi}, between, seeds)
    random, found = np.random.default_rng(0), 0
    for study in range(studies):
        of_seeds, of_questions = random.normal(0, between, (2, seeds, 1)), random.normal(0, sqrt(psi / 2), (2, 1, n))
        one, two = of_seeds + of_questions
        drawn = draw({"one": {"a": one + d}, "two": {"a": two}}, 999, study)
        found += two_sided(drawn["one"]["a"] - drawn["two"]["a"]) < LEVEL
    assert found / studies == pytest.approx(POWER, abs=0.06)


def test_few_seeds_ask_for_more_than_a_known_spread_would() -> None:
    """Questions leave nothing open, seeds all: of two seeds hardly anything is told, of many what is known."""
    known = {n: 2.802 * 0.02 * sqrt(2 / n) for n in (1, 2, 3, 16)}
    asked = {n: least_difference({"a": 10**9}, {"a": 0.1}, 0.02, n) / known[n] for n in known}
    assert asked[1] == pytest.approx(1, abs=0.001), "as if it were known: one seed carries no p"
    assert asked[2] > 5 and asked[3] == pytest.approx(2.0, abs=0.15) and asked[16] == pytest.approx(1.06, abs=0.04)


def test_more_questions_and_more_seeds_show_smaller_differences() -> None:
    one = least_difference({"a": 500}, {"a": 0.1}, 0.01, 1)
    assert least_difference({"a": 2000}, {"a": 0.1}, 0.0, 1) == pytest.approx(
        least_difference({"a": 500}, {"a": 0.1}, 0.0, 1) / 2
    )
    assert least_difference({"a": 500}, {"a": 0.1}, 0.01, 8) < one


def scores(
    home: Store, method: str, seed: int, wrong: int, n: int = 200, beside: str = "", made: str = "", **inputs: Artifact
) -> Manifest:
    """The evaluation of a model that answers the first so many of `n` questions wrongly."""
    key = f"{method}{seed}{beside.strip(', ')}{made}".replace(" ", "")
    home.path(key).mkdir(parents=True)
    write_rows(home.path(key) / "answers.jsonl", ({"id": str(i), "correct": i >= wrong} for i in range(n)))
    return Manifest(
        kind="evaluate",
        key=key,
        inputs=inputs,
        metrics={"benchmark": "nano_facts", "n": n, "accuracy": 1 - wrong / n},
        run={"task_run": f"evaluate ({beside}{method}/{seed})"},
    )


ASKED = {"nano_facts": 200}


def test_disagreement_and_spread_are_taken_from_earlier_models_where_there_are_enough(tmp_path: Path) -> None:
    home = Store(tmp_path)
    few = power({"nano_facts": FEWEST - 1}, 3, home, [scores(home, "few", n, 2, FEWEST - 1) for n in range(2)])
    assert [(one.group, one.discordance, one.between_seeds) for one in few] == [
        ("general", DISCORDANCE, 100 * BETWEEN_SEEDS)
    ]
    assert few[0].source.startswith("assumed")
    earlier = [scores(home, "sft", seed, wrong) for seed, wrong in enumerate((20, 24, 28))]
    earlier += [scores(home, "sdft", 0, 40)]
    (found,) = power(ASKED, 3, home, earlier)
    assert found.discordance == pytest.approx(21 / 202)
    assert found.between_seeds == pytest.approx(2.0)
    assert found.source.startswith("measured")
    assert found.of_questions < found.points
    # The same models of two rates: neither SFT beside SFT at another rate, nor rates for seeds.
    rates = {"rate 0.0002, ": 0, "rate 0.0008, ": 100}
    of_rates = [
        scores(home, "sft", seed, more + wrong, beside=at)
        for at, more in rates.items()
        for seed, wrong in enumerate((20, 24, 28))
    ]
    assert power(ASKED, 3, home, of_rates)[0].discordance == DISCORDANCE
    (found,) = power(ASKED, 3, home, [*of_rates, scores(home, "sdft", 0, 40, beside="rate 0.0002, ")])
    assert found.discordance == pytest.approx(21 / 202) and found.between_seeds == pytest.approx(2.0)


def test_models_of_other_questions_or_backbones_say_nothing_and_the_newest_of_a_name_counts(tmp_path: Path) -> None:
    home = Store(tmp_path)
    pi_0 = {
        name: Manifest(kind="backbone", key=f"b{name}", name=f"backbone/{name}/tokenizer/b{name}")
        for name in ("nano", "other")
    }

    def study(of: str, wrong: tuple[int, ...], n: int = 200, made: str = "") -> list[Manifest]:
        model = Artifact(kind="backbone", key=pi_0[of].key, digest="d")
        sdft = scores(home, "sdft", 0, wrong[0] + 20, n, made=f"{of}{made}", model=model)
        return [
            sdft,
            *(scores(home, "sft", at, one, n, "", f"{of}{made}", model=model) for at, one in enumerate(wrong)),
        ]

    ours, before = study("nano", (20, 24, 28)), study("nano", (20, 60, 100), made="before")
    others, smaller = study("other", (0, 100, 200)), study("nano", (1, 30, 60), n=100, made="smaller")
    told = power(ASKED, 3, home, [*pi_0.values(), *ours], ["nano"])
    assert told[0].between_seeds == pytest.approx(2.0) and told[0].discordance == pytest.approx(21 / 202)
    assert power(ASKED, 3, home, [*pi_0.values(), *others, *smaller, *ours, *before], ["nano"]) == told
    both = power(ASKED, 3, home, [*pi_0.values(), *ours, *others], ["nano", "other"])
    assert both[0].between_seeds == pytest.approx(100 * ((0.02**2 + 0.5**2) / 2) ** 0.5), "each by itself"
    assert power(ASKED, 3, home, [*pi_0.values(), *others], ["nano"])[0].source.startswith("assumed")
