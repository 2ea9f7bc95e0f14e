"""The answers' table as a page and a terminal show it, and what must be said where a model lost its form.

Answered(method="dft", group="general", forms={"well-formed": 0.02, "no box": 0.98}, …) beside the base's 0.99
  -> "DFT: 98.0 % of its general answers are not well-formed (no box 98.0), 1.0 % of the base's; its accuracy there …"
"""

from typing import Any

from tasks.report.figures.figures import method_label
from tasks.report.schema.answer_data import Answered, Form, Group, Subject
from tasks.report.schema.data import ReportData
from tasks.report.views.wording import percent

ALARM = 0.1  # of answers: so many more than the base's are not well-formed
SUBJECTS = 15  # rows of the table by subject
GROUPS: dict[Group, str] = {"math": "downstream", "general": "general"}


def faults(row: Answered) -> list[tuple[Form, float]]:
    """The forms of answers that are not well-formed, the most frequent first."""
    return sorted(
        ((form, share) for form, share in row.forms.items() if form != "well-formed"), key=lambda one: -one[1]
    )


def alarming(data: ReportData) -> list[Answered]:
    """Methods whose answers lost their form on a group of benchmarks, so that accuracy there says little else."""
    base = {row.group: row for row in data.answered if row.method == "base"}
    return [
        row
        for row in data.answered
        if row.group in base and base[row.group].well_formed.value - row.well_formed.value >= ALARM
    ]


def table(data: ReportData) -> list[tuple[str, list[dict[str, Any]]]]:
    """By group of benchmarks, a row a method."""
    alarm = alarming(data)
    found = []
    for group, name in GROUPS.items():
        rows = [row for row in data.answered if row.group == group]
        shown = [{field: getattr(row, field) for field in Answered.model_fields} for row in rows]
        for one, row in zip(shown, rows, strict=True):
            one |= {"faults": faults(row), "alarming": row in alarm}
        found += [(name, shown)] if shown else []
    return found


def forgotten(data: ReportData) -> list[Subject]:
    """The subjects in which most answers were lost."""
    lost = [row for row in data.subjects if row.accuracy < row.base]
    return sorted(lost, key=lambda row: (row.accuracy - row.base) * row.questions)[:SUBJECTS]


def said(data: ReportData) -> list[str]:
    """A sentence for each method whose answers lost their form."""
    base = {row.group: row for row in data.answered if row.method == "base"}
    lines = []
    for row in alarming(data):
        listed = ", ".join(f"{form} {percent(share)}" for form, share in faults(row))
        rest = row.accuracy_well_formed
        among = f"among the well-formed {percent(rest.value)} % are right" if rest else "none is well-formed everywhere"
        lines.append(
            f"{method_label(row.method)}: {percent(1 - row.well_formed.value)} % of its {GROUPS[row.group]} answers "
            f"are not well-formed ({listed}); of the base’s {percent(1 - base[row.group].well_formed.value)} %; "
            f"{among}. Part of what it seems to have forgotten there is the form."
        )
    return lines
