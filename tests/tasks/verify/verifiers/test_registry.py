"""Verifiers by name: those of other packages, what is refused, and what a key holds."""

import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from tasks.runtime.key import config_for_key
from tasks.verify.gate import GateConfig
from tasks.verify.judges.judge_prompt import GENERAL_RUBRIC, messages
from tasks.verify.judges.self_prompt import self_prompt
from tasks.verify.types import Candidate, JudgeItem
from tasks.verify.verifiers.registry import identity, names

PACKAGE = '''
from tasks.verify.verifiers.exact import ExactVerifier

class Icd10(ExactVerifier):
    """Compares codes by their category, the part before the point."""
    def _form(self, text):
        return super()._form(text).partition(".")[0]
'''


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package as pip leaves it in a folder of sys.path, with an entry point."""
    (tmp_path / "clinic_verifiers.py").write_text(PACKAGE, encoding="utf-8")
    described = tmp_path / "clinic-1.2.dist-info"
    described.mkdir()
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: clinic\nVersion: 1.2\n", encoding="utf-8")
    entry = "[rewriting_agent.verifiers]\nicd10 = clinic_verifiers:Icd10\n"
    (described / "entry_points.txt").write_text(entry, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "clinic_verifiers", raising=False)


def test_a_package_adds_a_verifier_by_an_entry_point(installed: None) -> None:
    assert "icd10" in names()
    gate = GateConfig.model_validate({"verifier": "icd10", "options": {"more": {"any": "thing"}}})
    verifier = gate.open_answers()
    right, wrong = verifier.check([Candidate("1", "", "G00.1", "Code: G00.9"), Candidate("2", "", "G00.1", "G01.0")])
    assert (right.verdict, wrong.verdict) == ("wrong", "wrong")  # "Code:" is no mark of an answer
    assert verifier.check([Candidate("3", "", "G00.1", "Answer: G00.9")])[0].correct
    assert identity("icd10") == "icd10/clinic==1.2" == gate.verifier_identity()


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"verifier": "multiple_choise"}, "did you mean multiple_choice"),
        ({"verifier": "exact", "options": {"tolerance": 1}}, "exact does not read options.tolerance"),
        ({"options": {"tolerance": 1}}, "math does not read options.tolerance"),
        ({"verifier": "judge"}, "needs a rubric"),
        ({"verifier": "judge", "judge": {"rubric": "It helps.", "kind": "arithmetic"}}, "cannot"),
        ({"verifier": "judge", "judge": {"rubric": "It helps."}, "answers": {"reasoning": False}}, "all would pass"),
        ({"verifier": "python", "options": {"function": "nowhere.py:check"}}, "nowhere.py is no file"),
        ({"verifier": "json_schema", "options": {"schema_file": "nowhere.json"}}, "nowhere.json is no file"),
    ],
)
def test_a_gate_that_cannot_work_says_what_to_set(values: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        GateConfig.model_validate(values)


def test_the_default_is_in_no_key_and_a_file_by_its_content(tmp_path: Path) -> None:
    assert config_for_key(GateConfig()).keys() == {"answers", "judge"}
    assert GateConfig().verifier_identity() is None
    one, other = tmp_path / "one.py", tmp_path / "other.py"
    for path in (one, other):
        path.write_text("def check(question, gold, solution):\n    return True\n", encoding="utf-8")

    def key(path: Path) -> object:
        gate = GateConfig.model_validate({"verifier": "python", "options": {"function": f"{path}:check"}})
        return config_for_key(gate)["options"]

    assert key(one) == key(other)
    other.write_text("def check(question, gold, solution):\n    return gold == solution\n", encoding="utf-8")
    assert key(one) != key(other) and str(tmp_path) not in str(key(other))


def test_a_rubric_replaces_mathematics_in_what_the_judge_is_asked() -> None:
    item = JudgeItem("r", "Where is my parcel?", "It is in {Bonn}.", "In Bonn.")
    assert "math" in messages(item)[0]["content"] and "math" in self_prompt(item)
    for asked in (messages(item, 0, "It is {polite}.")[0]["content"], self_prompt(item, rubric="It is {polite}.")):
        assert "It is {polite}." in asked and "math" not in asked.lower()
    own = GateConfig.model_validate({"verifier": "exact", "judge": {"rubric": "It is polite."}})
    assert own.asked.rubric == "It is polite." and GateConfig(verifier="exact").asked.rubric == GENERAL_RUBRIC
    assert GateConfig().asked.rubric is None
    assert "rubric=" in own.judge.identity() and "arithmetic" not in own.judge.identity()
    assert "rubric" not in GateConfig().judge.identity()
