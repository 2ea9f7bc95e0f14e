"""Every method and every stage has a colour on the dashboard's pages."""

import re

import pytest

from flows.experiment import STAGES
from infra.dashboard.site import method_class
from tasks.methods.method import methods
from tests.conftest import ROOT

CSS = (ROOT / "infra" / "dashboard" / "assets" / "dashboard.css").read_text(encoding="utf-8")
RULES = set(re.findall(r"\.([cs]-\w+)", CSS))


@pytest.mark.parametrize("method", ["base", *methods(), "no_dist", "k15", "sft/3", "sft_kl=0.5/3", ""])
def test_a_methods_colour_has_a_rule(method: str) -> None:
    assert set(method_class(method).split()) & RULES


def test_methods_are_told_apart_by_their_first_class() -> None:
    assert len({method_class(name).split()[0] for name in methods()}) == len(methods())


def test_stages_have_a_colour() -> None:
    grey = {"backbone"}
    assert {f"s-{name}" for name in STAGES} - RULES == {f"s-{name}" for name in grey}
