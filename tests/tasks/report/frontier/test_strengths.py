"""Strengths of a method in a frontier of made-up answers: one is taken, all are shown."""

from tasks.report.frontier.build import build
from tasks.report.frontier.data import GENERAL
from tasks.report.frontier.figure import front
from tasks.report.frontier.page import render
from tasks.report.frontier.tables import markdown
from tests.tasks.report.frontier.test_build import RATES, SKILL, made, measured


def test_a_strength_is_chosen_by_downstream_accuracy_alone_and_every_point_is_shown() -> None:
    """Of three the middle one learns the most; the strongest keeps the most, and has no say for it."""
    skill = {"sft": SKILL["sft"], "sft_kl=2": [(0.62, 0.99), (0.55, 0.95)], "sft_kl": [(0.5, 0.8), (0.7, 0.7)]}
    base, runs = made(seeds=2, skill=skill | {"sft_kl=0.5": [(0.8, 0.95), (0.95, 0.8)]})
    found = build("nano", True, measured(base, runs), confidence=0.95, resamples=100, seed=0)
    assert found.methods() == ["sft", "sft_kl"] and found.strengths_of("sft_kl") == [0.1, 0.5, 2.0]
    assert [one.strengths for one in found.matched] == [[0.5], [0.5]] and not found.strengths_of("sft")
    own = {one.method: one for one in found.own_best}
    assert (own["sft_kl"].strengths, own["sft_kl"].rates, own["sft"].strengths) == ([0.5], [0.0012], [])
    assert sorted((one.strengths, one.rates) for one in found.same_rate) == [
        ([strength], [rate]) for strength in (0.1, 0.5, 2.0) for rate in RATES
    ]
    points = found.points_of("sft_kl")
    assert [(one.strength, one.rate) for one in front(points, GENERAL)] == [(2.0, 8e-4), (0.5, 8e-4), (0.5, 1.2e-3)]
    told = markdown(found)
    assert "| SFT + KL, weight 0.1 | 0.0008 |" in told and "own best rate and strength, chosen on half" in told
    assert all(f"SFT + KL, weight {one}" in told for one in ("0.1", "0.5", "2"))
    page = render(found)
    assert "SFT + KL, weight 0.1–2" in page and "the others are hollow" in page
