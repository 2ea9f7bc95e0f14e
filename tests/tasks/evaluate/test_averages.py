"""Table 1's averages; that they are the paper's, row by row, is in tests/tasks/report/views/test_paper_tables.py."""

import pytest

from tasks.evaluate.averages import Averages, averages, change


def test_an_average_over_fewer_benchmarks_is_refused() -> None:
    with pytest.raises(KeyError, match="no accuracy of mmlu"):
        averages({"amc23": 0.1, "agieval": 0.2}, ["amc23"], ["mmlu", "agieval"])


def test_a_change_from_nothing_has_no_value() -> None:
    assert change(Averages(0.5, 0.5), Averages(0.0, 0.5)).math_gain is None
