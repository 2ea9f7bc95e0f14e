"""A rule that is switched off decides nothing, and only that one."""

import ast

import pytest

from benchmarks import _switches as switches
from benchmarks.rules import sources

SOURCE = """
import re

_PLURAL = re.compile("[a-z]+s")
_UNITS = {"cm": 1, "m": 100, "km": 100_000, "mm": 0}


def scale(text: str) -> int | None:
    text = text.lower()
    text = text.replace("kilo", "k")
    if _PLURAL.fullmatch(text):
        return 0
    return _UNITS.get(text)
"""


def scale(kind: str, text: str, entry: str = "") -> int | None:
    """What the module above says of `text` with its one rule of that kind off."""
    (rule,) = [one for one in switches.rules("units", SOURCE) if one.kind == kind and one.text.startswith(entry)]
    module: dict[str, object] = {}
    exec(compile(switches.switched_off(rule, SOURCE), "units", "exec"), module)
    return module["scale"](text)  # type: ignore[operator, no-any-return]


def test_each_kind_of_rule_has_a_neutral_value() -> None:
    assert scale("function", "cm") is None
    assert scale("branch", "cms") is None
    assert scale("pattern", "cms") is None
    assert scale("entry", "cm", "cm") is None
    assert scale("entry", "m", "cm") == 100
    assert scale("step", "CM", "text = text.lower()") is None
    assert scale("substitution", "kilom") is None
    assert scale("step", "KM", "text = text.replace") == 100_000


@pytest.mark.parametrize(("text", "kinds"), [("cms", {"branch", "pattern"}), ("kilom", {"substitution", "step"})])
def test_a_pair_is_seen_by_the_rules_that_it_comes_by(text: str, kinds: set[str]) -> None:
    found = switches.rules("units", SOURCE)
    module: dict[str, object] = {}
    exec(compile(switches.watched(list(enumerate(found)), SOURCE), "units", "exec"), module)
    switches.SEEN.clear()
    module["scale"](text)  # type: ignore[operator]
    assert {found[number].kind for number in switches.SEEN} == {"function"} | kinds


def test_rules_of_verification_can_be_switched_off() -> None:
    """One in nine, of every module: each compiles its module anew."""
    for module, source in sources().items():
        found = switches.rules(module, source)
        for rule in found[::9]:
            compile(switches.switched_off(rule, source), module, "exec")
        assert ast.unparse(switches.watched(list(enumerate(found)), source))
