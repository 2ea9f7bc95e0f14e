"""The authors' check as it was read, its faults with it."""

from pathlib import Path

import pytest

from tasks.evaluate import benchmark
from tasks.report.reading.released_check import right_as_released


@pytest.mark.parametrize(
    ("text", "reference", "right"),
    [
        ("It is $\\boxed{72}$.", "72", True),
        ("First $\\boxed{3}$, then $\\boxed{72}$.", "72", False),  # the first box counts
        ("It is $\\boxed{\\frac{1}{2}}$.", "\\frac{1}{2}", False),  # up to the first closing brace
        ("It is $\\boxed{\\frac{1}{3}}$.", "\\frac{1", True),  # so one third passes for one half where both are read so
        ("Of 3 and 4 the sum is 7.", "7", True),  # without a box the last number
        ("The answer is C.", "C", False),  # a letter wants its box
        ("$\\boxed{ C }$", "C", True),
        ("$\\boxed{0.5}$", "1/2", False),
        ("", "1", False),
        ("$\\boxed{1}$", None, False),
    ],
)
def test_the_first_box_up_to_its_first_closing_brace_else_the_last_number(
    text: str, reference: str | None, right: bool
) -> None:
    assert right_as_released(text, reference) is right


def test_a_fifth_of_math_500_can_never_be_right(data_folder: Path) -> None:
    rows = benchmark.rows("math500", data_folder / "benchmarks")
    met = sum(right_as_released(f"$\\boxed{{{row['answer']}}}$", row["answer"]) for row in rows)
    assert (met, len(rows)) == (397, 500)
