"""The terminal's table shows the page's figures at every width."""

import pytest
from rich.console import Console

from tasks.report.views.terminal import NANO, Headline
from tasks.report.views.wording import number


def shown(data, width: int) -> str:
    console = Console(width=width, force_terminal=False, color_system=None)
    with console.capture() as captured:
        console.print(Headline(data))
    return captured.get()


@pytest.mark.parametrize("width", [80, 100, 120, 200])
def test_no_figure_is_cut_at_any_width(report_data, width):
    text = shown(report_data, width)
    assert "…" not in text
    for summary in report_data.summaries:
        for estimate, scale, digits in (
            (summary.averages.math, 100, 1),
            (summary.averages.general, 100, 1),
            (summary.tc_yield, 100, 1),
            (summary.final_loss, 1, 3),
        ):
            if estimate is not None:
                assert number(scale * estimate.value, digits) in text
                assert f"{number(scale * estimate.low, digits)} to {number(scale * estimate.high, digits)}" in text
    assert max(len(line) for line in text.splitlines()) <= width


def test_a_narrow_terminal_keeps_the_columns_that_matter_most(report_data):
    text = shown(report_data, 80)
    for name in ("downstream", "general", "yield", "SFT loss", "rewriting agent", "Mind the Gap"):
        assert name in text
    assert "Math↑" not in text and "Math↑" in shown(report_data, 120)


@pytest.mark.parametrize(("width", "depths"), [(60, (1, 2, 8)), (120, (1, 2, 4, 8))])
def test_pass_at_k_stands_in_the_terminal_with_its_ends_at_every_width(report_data, width, depths):
    text = shown(report_data, width).partition("Sampled answers, 8 to each of 320")[2].partition("—")[0]
    assert [k for k in (1, 2, 4, 8) if f"pass@{k} " in text.replace("\n", " ")] == [*depths]
    for row in report_data.pass_at_k:
        if row.benchmark is None:
            assert all(number(100 * row.figures[k].value) in text for k in depths)


def test_noise_and_nano_are_said_in_words(report_data):
    text = shown(report_data, 200)
    assert "within noise" in text and NANO in text


def test_control_characters_and_markup_do_not_reach_the_terminal(report_data):
    data = report_data.model_copy(deep=True)
    for summary in data.summaries[1:]:
        summary.method = "\x1b[2J[bold red]x[/]\x00\ud800" + "y" * 10**6
    data.notes = ["\x1b]0;title\x07 [link=http://x]"]
    data.backbone.name = "\x9b31m"
    text = shown(data, 100)
    assert not any((ord(c) < 32 and c != "\n") or 0x7F <= ord(c) < 0xA0 for c in text)
    assert "[bold red]" in text and len(text) < 20_000
    text.encode("utf-8")
