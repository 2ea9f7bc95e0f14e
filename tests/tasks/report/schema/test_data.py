"""The JSON is what its schema and its documentation say."""

import json

import jsonschema
import pytest
from pydantic import ValidationError

from tasks.report.schema.data import ReportData, schema, to_json
from tasks.report.schema.run_data import Run, Score
from tests.conftest import ROOT

DOCS = ROOT / "docs"


def test_the_exported_schema_is_the_one_of_the_code():
    exported = json.loads((DOCS / "report.schema.json").read_text(encoding="utf-8"))
    assert exported == schema(), "run: python -m tasks.report.schema.data > docs/report.schema.json"


def test_a_report_fits_its_schema(report_data):
    jsonschema.Draft202012Validator(schema()).validate(json.loads(to_json(report_data)))


def test_every_field_is_documented():
    said = (DOCS / "report.md").read_text(encoding="utf-8")
    for model in (ReportData, Run):
        assert [name for name in model.model_fields if f"`{name}`" not in said] == []


def test_the_json_holds_no_nan_and_no_lone_surrogate(report_data):
    data = report_data.model_copy(deep=True)
    data.config = {"x": float("inf"), "y": ["\ud800"]}
    text = to_json(data)
    assert json.loads(text, parse_constant=pytest.fail)["config"] == {"x": None, "y": ["�"]}
    text.encode("utf-8")


def test_figures_that_cannot_be_are_refused():
    with pytest.raises(ValidationError):
        Score(accuracy=41.0, n=100, correct=41, low=0.3, high=0.5)
    with pytest.raises(ValidationError):
        Run(method="sft", final_loss=float("nan"))
    with pytest.raises(ValidationError):
        Run(method="sft", unknown=1)
