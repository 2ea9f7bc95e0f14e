"""The thermometers in the report: paired over texts, the base beside them."""

from typing import Any

import pytest

from tasks.report.computed.drift import drifts
from tasks.report.schema.values import Estimate
from tasks.rows.jsonl import Row


def rows(shift: float, texts: int = 30, **more: Any) -> list[Row]:
    made: list[Row] = []
    for n in range(texts):
        figures = {"tokens": 9, "nll_base": 2 + n / 10, "nll": 2 + n / 10 + shift, "kl": shift * (1 + n / 100)}
        figures |= {"kl_reverse": 2 * shift, "agreement": 1 - shift}
        made.append({"id": f"p/{n}", "thermometer": "general text: code", **figures})
        made.append({"id": f"f/{n}", "thermometer": "own answers: facts", **figures})
        made.append({"id": f"s/{n}", "thermometer": "own answers: sums", **figures})
        right = n % 3 > 0
        made.append({"id": f"f/{n}", "thermometer": "choices: facts", "correct_base": True, "correct": right})
    return made


def table(**runs: list[list[Row]]) -> Any:
    return drifts(runs, ["facts"], 0.95, 200)


def test_every_thermometer_has_its_figure_and_the_base_its_own() -> None:
    found = table(sft=[rows(0.3), rows(0.5)], sdft=[rows(0.1), rows(0.2)])
    base, sft, sdft = found.rows
    assert [(one.method, one.seeds) for one in found.rows] == [("base", 1), ("sft", 2), ("sdft", 2)]
    assert set(found.texts.values()) == {30}
    assert base.figures["NLL of general text"].value == pytest.approx(2 + 1.45)
    assert base.figures["KL(pi_0 || pi), general answers"].value == 0
    assert base.figures["choices by likelihood"].value == 1
    assert sft.figures["NLL of general text"].value == pytest.approx(2 + 1.45 + 0.4)
    assert sft.figures["KL(pi || pi_0), general answers"].value == pytest.approx(0.8)
    assert sft.figures["KL(pi_0 || pi), downstream answers"].value == pytest.approx(0.4 * 1.145)
    assert sft.figures["choices by likelihood"].value == pytest.approx(2 / 3)
    assert sft.against_sft == {}
    assert sdft.against_sft["NLL of general text"].value == pytest.approx(-0.25)


def test_differences_are_paired_over_texts() -> None:
    """Texts differ by far more than the models: unpaired, the interval would hold 0."""
    sft, sdft = table(sft=[rows(0.3)], sdft=[rows(0.2)]).rows[1:]
    difference = sdft.against_sft["NLL of general text"]
    assert (difference.low, difference.high) == pytest.approx((-0.1, -0.1))
    own = sft.figures["NLL of general text"]
    assert own.high - own.low > 0.3


def test_texts_of_one_passages_questions_are_drawn_together() -> None:
    passages = {f"f/{n}": f"passage {n // 10}" for n in range(30)}
    alone, together = (
        drifts({"sft": [rows(0.3)]}, ["facts"], 0.95, 400, clusters=of) for of in ({}, {"facts": passages})
    )
    assert alone is not None and together is not None
    narrow, wide = alone.rows[1].figures, together.rows[1].figures

    def width(of: Estimate) -> float:
        return float(of.high - of.low)  # type: ignore[operator]

    for name in ("NLL of own answers, general", "KL(pi_0 || pi), general answers"):
        assert width(wide[name]) > 1.5 * width(narrow[name])
    right, text = "choices by likelihood", "NLL of general text"
    assert width(wide[right]) < 0.2 < width(narrow[right]), "two of three are right in every passage"
    assert width(wide[text]) == pytest.approx(width(narrow[text]), rel=0.2), "of no question"


def test_models_are_compared_on_the_texts_that_all_have_read() -> None:
    found = table(sft=[rows(0.3)], sdft=[rows(0.2, texts=12)])
    assert found.texts["NLL of general text"] == 12
    assert found.rows[0].figures["NLL of general text"].value == pytest.approx(2 + 0.55)


def test_without_any_measured_run_there_is_no_table() -> None:
    assert drifts({}, ["facts"], 0.95, 200) is None
