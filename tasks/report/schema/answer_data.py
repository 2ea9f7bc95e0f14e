"""What became of the base's answers, as the report's data.

{"method": "sft", "group": "general", "questions": 720, "right_to_wrong": {"value": 0.081, …},
 "wrong_to_right": {"value": 0.012, …}, "forms": {"well-formed": 0.97, "no box": 0.03, …}, …}
"""

from typing import Literal

from pydantic import Field, FiniteFloat

from tasks.report.schema.values import Count, Estimate, Model, Share

Group = Literal["math", "general"]
Form = Literal["well-formed", "no box", "no answer", "another script", "cut off", "loop", "prompt too long"]


class Answered(Model):
    """One method's answers beside the base's to the same questions: means over a group's benchmarks, over seeds."""

    method: str
    group: Group
    questions: Count = Field(description="of all benchmarks of the group, of one seed")
    seeds: Count
    forms: dict[Form, Share] = Field(description="every answer has one form: the first of its faults, or none")
    well_formed: Estimate = Field(description="share of answers that end, in the base's script, with a box")
    accuracy_well_formed: Estimate | None = Field(
        default=None, description="right answers of the well-formed ones; null where a benchmark has none"
    )
    accuracy_as_released: Estimate | None = Field(
        default=None, description="right answers by the check of the authors' released code, of all"
    )
    right_to_wrong: Estimate | None = Field(default=None, description="of all questions; null for the base")
    wrong_to_right: Estimate | None = None
    right_to_wrong_corrected: Estimate | None = Field(
        default=None, description="without what guessing explains; equal to the other where nothing can be guessed"
    )
    wrong_to_right_corrected: Estimate | None = None
    lost_to_form: Share | None = Field(
        default=None, description="of the answers that went from right to wrong, those that are not well-formed"
    )
    tokens: FiniteFloat = Field(description="mean length of an answer")
    length_ratio: Estimate | None = Field(default=None, description="mean length by the base's")


class Subject(Model):
    """One subject of a benchmark: its share of right answers beside the base's, over all seeds of a method."""

    method: str
    benchmark: str
    subject: str
    questions: Count
    accuracy: Share
    base: Share
    right_to_wrong: Share
    wrong_to_right: Share
