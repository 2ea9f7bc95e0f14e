"""A ratio that fell by a tenth is found, whichever way it is better; what is no figure is passed over."""

from pathlib import Path

import pytest

from benchmarks._results import figures_in, keep, worse

KEPT = [
    {"name": "nll", "value": 800.0, "ratio": 3.0, "baseline": {"name": "padded loop", "value": 270.0}},
    {"name": "ready", "value": 9.0, "ratio": 2.0, "better": "lower", "baseline": {"name": "bare", "value": 4.5}},
    {"name": "share", "value": 0.1},
]


def changed(name: str, ratio: float) -> list[dict[str, object]]:
    return [one | {"ratio": ratio} if one["name"] == name else one for one in KEPT]


@pytest.mark.parametrize(
    ("name", "ratio", "found"),
    [("nll", 2.75, 0), ("nll", 2.6, 1), ("nll", 9.0, 0), ("ready", 2.15, 0), ("ready", 2.3, 1), ("ready", 1.0, 0)],
)
def test_a_ratio_that_is_a_tenth_worse_is_found(tmp_path: Path, name: str, ratio: float, found: int) -> None:
    keep("some", KEPT, tmp_path)
    said = worse("some", changed(name, ratio), tmp_path)
    assert len(said) == found and all(name in one for one in said)


def test_a_figure_that_is_gone_is_found_and_a_benchmark_without_figures_is_told(tmp_path: Path) -> None:
    keep("some", KEPT, tmp_path)
    assert worse("some", KEPT[1:], tmp_path) == ["nll: was 3.0, is not there any more"]
    with pytest.raises(FileNotFoundError, match="make bench BENCH=other KEEP=1"):
        worse("other", KEPT, tmp_path)


def test_figures_are_found_among_what_a_benchmark_prints() -> None:
    lines = ["Loading weights: 100%", '{"name": "nll", "value": 1.0}', "[1, 2]", '{"rule": "x"}', "7"]
    assert figures_in(lines) == [{"name": "nll", "value": 1.0}]
