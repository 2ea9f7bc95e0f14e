"""A judge judges only rows whose own solutions pass it."""

from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import pytest

from tasks.measure.config import MeasureConfig
from tasks.measure.measure import measure
from tasks.rows.jsonl import read_rows, write_rows
from tasks.train_agent.config import TrainAgentConfig
from tasks.train_agent.train_agent import train_agent
from tasks.verify.config import VerifyConfig
from tasks.verify.fitness import CHECKED, UnfitJudge, require_fit, require_self_fit
from tasks.verify.gate import GateConfig
from tasks.verify.judges.config import JudgeConfig
from tasks.verify.judges.first_token import Reading
from tasks.verify.judges.self_judge import SelfJudge
from tasks.verify.stage import verify
from tasks.verify.types import JudgeItem
from tests.conftest import ROOT
from tests.tasks.verify.judges.judge_server import Answer, judge_server

SUM, ALGEBRA, WRONG = "3 + 4 = 7. \\boxed{7}", "Let $x^2 = y$. Then $x$ is odd. \\boxed{7}", "3 + 4 = 8. \\boxed{7}"
ALONE = GateConfig(judge=JudgeConfig(kind="arithmetic"))


def rows_of(folder: Path, *solutions: str) -> Path:
    folder.mkdir(exist_ok=True)
    rows = ({"id": str(i), "question": "How many?", "solution": text} for i, text in enumerate(solutions))
    write_rows(folder / "rows.jsonl", rows)
    return folder / "rows.jsonl"


def test_rows_whose_solutions_state_no_sums_are_refused_with_counts_and_what_to_set(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, *[SUM] * 20, *[ALGEBRA] * 15, *[WRONG] * 5)
    with pytest.raises(UnfitJudge) as error:
        require_fit(ALONE, rows)
    said = str(error.value)
    assert str(rows) in said and "refuses 20 of 40" in said
    assert "15 for no equality to check, 5 for a false equality" in said
    assert "gate.judge.kind=" in said and "gate.judge.allow_unfit=true" in said


def test_a_share_that_may_be_chance_is_let_through(tmp_path: Path) -> None:
    require_fit(ALONE, rows_of(tmp_path, *[SUM] * 3, *[ALGEBRA] * 2))  # 40 % of five rows: at least 12 %
    require_fit(ALONE, rows_of(tmp_path, *[SUM] * 90, *[ALGEBRA] * 10))
    require_fit(ALONE, rows_of(tmp_path))


@pytest.mark.parametrize(
    "gate",
    [
        GateConfig(judge=JudgeConfig(kind="arithmetic", allow_unfit=True)),
        GateConfig(judge=JudgeConfig(kind="openai", url="http://localhost:1/v1", model="m")),
        GateConfig(judge=JudgeConfig(kind="self")),
        ALONE.model_copy(update={"answers": VerifyConfig(reasoning=False)}),
    ],
    ids=["asked for", "a model judges", "the backbone judges", "nobody judges"],
)
def test_only_a_checker_that_judges_alone_is_checked(gate: GateConfig, tmp_path: Path) -> None:
    require_fit(gate, rows_of(tmp_path, *[ALGEBRA] * 50))


def test_a_checker_that_requires_no_step_is_fit_for_algebra_but_not_for_false_sums(tmp_path: Path) -> None:
    lenient = GateConfig(judge=JudgeConfig(kind="arithmetic", require_step=False))
    require_fit(lenient, rows_of(tmp_path, *[ALGEBRA] * 50))
    with pytest.raises(UnfitJudge, match="refuses 50 of 50"):
        require_fit(lenient, rows_of(tmp_path, *[WRONG] * 50))


def test_of_many_rows_some_are_checked_over_the_whole_file(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, *[SUM] * 600, *[ALGEBRA] * 601)
    with pytest.raises(UnfitJudge, match=r"refuses 201 of 401 "):
        require_fit(ALONE, rows)
    assert CHECKED == 500


@pytest.mark.parametrize("corpus", ["numinamath_cot", "open_math_reasoning"])
def test_nanos_rows_are_arithmetic_word_problems(corpus: str, tmp_path: Path) -> None:
    raw = islice(read_rows(ROOT / "infra" / "nano" / "corpora" / f"{corpus}.jsonl.gz"), 500)
    require_fit(ALONE, rows_of(tmp_path, *(row.get("solution") or row["generated_solution"] for row in raw)))


def test_of_public_corpora_gsm8k_is_fit_for_it_and_competition_mathematics_is_not(
    data_folder: Path, tmp_path: Path
) -> None:
    of: dict[str, list[str]] = {"gsm8k": [], "math": []}
    for row in read_rows(data_folder / "corpora" / "numinamath_cot_subset.jsonl.gz"):
        of[row["source"]].append(row["solution"])
    require_fit(ALONE, rows_of(tmp_path / "gsm8k", *of["gsm8k"]))
    with pytest.raises(UnfitJudge, match="of 500 of"):
        require_fit(ALONE, rows_of(tmp_path / "math", *of["math"]))
    numina = (row["response"] for row in read_rows(data_folder / "corpora" / "numinamath_cot_sample_1k.jsonl.gz"))
    with pytest.raises(UnfitJudge, match="of 500 of"):
        require_fit(ALONE, rows_of(tmp_path / "numina", *numina))


def test_no_stage_with_a_gate_begins_on_rows_that_its_judge_is_unfit_for(tmp_path: Path) -> None:
    rows, out = rows_of(tmp_path / "rows", *[ALGEBRA] * 50).parent, tmp_path / "out"
    out.mkdir()
    with pytest.raises(UnfitJudge):
        verify.plain(ALONE, out, rows=rows, rewrites=tmp_path)
    with pytest.raises(UnfitJudge):
        train_agent.plain(TrainAgentConfig(gate=ALONE), out, backbone=tmp_path, rows=rows)
    with pytest.raises(UnfitJudge):
        measure.plain(MeasureConfig(gate=ALONE), out, backbone=tmp_path, rows=rows)
    assert not list(out.iterdir())


def test_with_a_model_behind_it_the_checker_is_a_filter_that_requires_no_step(tmp_path: Path) -> None:
    rows, rewrites, out = rows_of(tmp_path / "rows", *[ALGEBRA] * 50).parent, tmp_path / "rewrites", tmp_path / "out"
    for folder in (rewrites, out):
        folder.mkdir()
    texts = [WRONG] * 2 + [ALGEBRA] * 48
    write_rows(rewrites / "rewrites.jsonl", ({"id": str(i), "text": t, "finished": True} for i, t in enumerate(texts)))
    with judge_server(lambda call, body: Answer("2 + 2 = 5" not in str(body))) as server:
        judge = JudgeConfig(kind="openai", url=server.url, model="model", cache=tmp_path / "verdicts.sqlite")
        metrics = verify.plain(GateConfig(judge=judge), out, rows=rows, rewrites=rewrites)
    assert metrics["passed"] == 48
    by = [row["reasoning"]["judge"].partition("/")[0] for row in read_rows(out / "verdicts.jsonl")]
    assert by == ["arithmetic"] * 2 + ["openai"] * 48


@pytest.mark.parametrize(("passing", "fit"), [(60, True), (40, True), (8, False), (0, False)])
def test_a_backbone_that_says_no_to_its_experts_does_not_judge(tmp_path: Path, passing: int, fit: bool) -> None:
    (tmp_path / "config.json").write_text("{}")
    items = [JudgeItem(str(number), "What is x?", "3", ALGEBRA) for number in range(128)]

    def read(asked: Sequence[JudgeItem]) -> list[Reading]:
        """Log-odds from -1.28 up by 0.02, then the passing ones."""
        return [Reading(-2.0, -2.0 - (0.5 if n >= len(asked) - passing else -1.28 + n / 50)) for n in range(len(asked))]

    gate = GateConfig(judge=JudgeConfig(kind="self"))
    judge = SelfJudge(gate.judge, tmp_path, read)
    if fit:
        require_self_fit(gate, judge, items)
        return
    said = rf"passes {passing} of 64 .* gate\.judge\.margin=-1\.\d\d would pass nine of ten"
    with pytest.raises(UnfitJudge, match=said):
        require_self_fit(gate, judge, items)
    require_self_fit(GateConfig(judge=JudgeConfig(kind="self", allow_unfit=True)), judge, items)


def choice_rows(folder: Path, answers: Sequence[str], solution: str) -> Path:
    folder.mkdir(exist_ok=True)
    rows = (
        {"id": str(i), "question": "Which?", "solution": solution.format(answer), "answer": answer}
        for i, answer in enumerate(answers)
    )
    write_rows(folder / "rows.jsonl", rows)
    return folder / "rows.jsonl"


def test_a_verifier_of_another_domain_must_accept_the_rows_own_solutions(tmp_path: Path) -> None:
    gate = GateConfig(verifier="multiple_choice", answers=VerifyConfig(reasoning=False))
    require_fit(gate, choice_rows(tmp_path, "ABCD" * 5, "It is so.\nAnswer: {}"))
    with pytest.raises(UnfitJudge, match=r"accepts 0 of 20 .*no option's letter.*gate\.options\.pattern"):
        require_fit(gate, choice_rows(tmp_path, "ABCD" * 5, "It is so, as everybody knows."))


def test_a_verifier_that_accepts_everything_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "checks.py"
    path.write_text(
        "def all(question, gold, solution):\n    return True\n"
        "def ends(question, gold, solution):\n    return solution.endswith(gold)\n",
        encoding="utf-8",
    )
    rows = choice_rows(tmp_path, "ABCD" * 5, "It is so.\nAnswer: {}")

    def gate(function: str) -> GateConfig:
        return GateConfig.model_validate({"verifier": "python", "options": {"function": f"{path}:{function}"}})

    require_fit(gate("ends"), rows)
    with pytest.raises(UnfitJudge, match=r"accepts everything: all of 20 .* and 'I do not know.' for each of 20"):
        require_fit(gate("all"), rows)


def test_the_verify_stage_decides_by_the_verifier_that_is_named(tmp_path: Path) -> None:
    choice_rows(tmp_path, "ABCD" * 5, "It is so.\nAnswer: {}")
    write_rows(
        tmp_path / "rewrites.jsonl",
        ({"id": str(i), "text": "I think so.\nThe answer is (B).", "finished": True} for i in range(20)),
    )
    gate = GateConfig(verifier="multiple_choice", answers=VerifyConfig(reasoning=False))
    assert verify.plain(gate, tmp_path, rows=tmp_path, rewrites=tmp_path)["passed"] == 5
