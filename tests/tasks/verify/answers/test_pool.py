"""The comparing processes: deadlines, crashes, threads, memory, and what is left of them."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tasks.verify.config import VerifyConfig
from tasks.verify.verify import Candidate, Verifier

ROOT = Path(__file__).resolve().parents[4]
SLOW = r"\int_0^1 \sin(x^x)\log(x+\sqrt{x})\,dx"  # passes the guards; no decision in any sensible time
EQUAL = (r"\frac{x+2}{7}", r"\frac{x}{7}+\frac{2}{7}")


OTHERS: set[int] = set()  # zygotes of verifiers that other tests have opened and left


def children() -> list[psutil.Process]:
    return [
        process
        for process in psutil.Process().children(recursive=True)
        if process.status() != psutil.STATUS_ZOMBIE and "tasks.verify.answers.zygote" in " ".join(process.cmdline())
        if not OTHERS & {process.pid, process.ppid()}
    ]


@pytest.fixture(scope="module")
def verifier() -> Iterator[Verifier]:
    OTHERS.update(process.pid for process in children())
    with Verifier(VerifyConfig(processes=2, deadline_seconds=0.5)) as verifier:
        verifier.check_answer(*EQUAL)
        yield verifier


def test_a_hanging_comparison_costs_its_row_only(verifier: Verifier) -> None:
    began = time.monotonic()
    verdicts = verifier.check_answers(
        [EQUAL, (r"\pi^2", SLOW), (r"\sqrt{2}+y", r"y+\sqrt 2"), (r"\sqrt 3", r"-\sqrt3")]
    )
    assert [verdict.verdict for verdict in verdicts] == ["correct", "undecided", "correct", "wrong"]
    assert "no decision within 0.5 s" in verdicts[1].reason
    assert time.monotonic() - began < 10


@pytest.mark.parametrize(
    "answer",
    [
        "9^{9^{9^{9^{9}}}}",
        "2^{2^{2^{2^{2^{2}}}}}",
        "(10^{9999})^{9999}",
        "10^{10^{10}}",
        "100000!",
        "((5000!)!)!",
        r"\binom{99999999}{5000000}",
        "{" * 5000 + "x" + "}" * 5000,
        "(" * 700 + "x" + ")" * 700,
        "x^2+" * 300_000 + "1",
        "7" * 1_000_000,
        r"\sqrt{" * 30 + "2" + "}" * 30,
        r"\frac{1}{" * 500,
        "x\x00y",
        "а+1",  # a Cyrillic letter
    ],
)
def test_what_would_not_end_ends(verifier: Verifier, answer: str) -> None:
    began = time.monotonic()
    for text in (answer, f"so $\\boxed{{{answer}}}$"):
        assert verifier.check_answer(r"a+1", text).verdict in ("wrong", "undecided", "no_answer")
    assert time.monotonic() - began < 15


def test_a_killed_child_is_replaced(verifier: Verifier) -> None:
    assert verifier.check_answer(*EQUAL).correct
    zygote = next(process for process in children() if process.ppid() == os.getpid())
    for worker in zygote.children():
        worker.kill()
    answers = [(rf"x+{number}\sqrt{{2}}", rf"{number}\sqrt 2+x") for number in range(3, 9)]
    assert all(verdict.correct for verdict in verifier.check_answers(answers))


def test_a_killed_zygote_is_replaced(verifier: Verifier) -> None:
    zygote = next(process for process in children() if process.ppid() == os.getpid())
    workers = zygote.children()
    zygote.kill()
    psutil.wait_procs(workers, timeout=5)
    assert not any(worker.is_running() and worker.status() != psutil.STATUS_ZOMBIE for worker in workers)
    answers = [(rf"y+{number}\sqrt{{2}}", rf"{number}\sqrt 2+y") for number in range(3, 9)]
    assert all(verdict.correct for verdict in verifier.check_answers(answers))


def test_many_threads_share_the_children_and_get_their_own_answers(verifier: Verifier) -> None:
    wrong: list[str] = []

    def work(thread: int) -> None:
        for number in range(6):
            same = verifier.check_answer(rf"{thread}x+\sqrt{{{number + 2}}}", rf"\sqrt{{{number + 2}}}+{thread}\cdot x")
            other = verifier.check_answer(rf"{thread}x+\sqrt{{{number + 2}}}", rf"\sqrt{{{number + 3}}}+{thread}x")
            if not same.correct or other.verdict != "wrong":
                wrong.append(f"{thread}/{number}: {same} {other}")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(11, 17)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert not wrong
    assert len(children()) <= 1 + verifier.config.processes


def test_order_and_ids_are_kept(verifier: Verifier) -> None:
    candidates = [
        Candidate(str(number), "", rf"{number}+\sqrt{{x}}", rf"\boxed{{\sqrt x+{number + number % 2}}}")
        for number in range(40)
    ]
    verdicts = verifier(candidates)
    assert [verdict.id for verdict in verdicts] == [str(number) for number in range(40)]
    assert [verdict.passed for verdict in verdicts] == [number % 2 == 0 for number in range(40)]


def test_a_solution_that_was_cut_off_does_not_pass(verifier: Verifier) -> None:
    verdict = verifier([Candidate("1", "", "72", r"\boxed{72}", finished=False)])[0]
    assert verdict.passed is False
    assert verdict.answer.verdict == "no_answer"


def test_children_are_recycled_and_none_is_left() -> None:
    before = {process.pid for process in children()}
    with Verifier(VerifyConfig(processes=1, rows_per_process=5)) as verifier:
        pids = set()
        for start in range(0, 20, 4):
            rows = [(rf"z+{number}\sqrt{{5}}", rf"{number}\sqrt 5+z") for number in range(start, start + 4)]
            assert all(verdict.correct for verdict in verifier.check_answers(rows))
            pids |= {process.pid for process in children()} - before
        assert len(pids) >= 3  # the zygote and two workers
    deadline = time.monotonic() + 5
    while {process.pid for process in children()} - before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not {process.pid for process in children()} - before


@pytest.mark.parametrize("busy", [False, True])
def test_no_child_outlives_a_parent_that_was_killed(busy: bool, tmp_path: Path) -> None:
    script = textwrap.dedent(
        f"""
        import sys, time
        from tasks.verify.config import VerifyConfig
        from tasks.verify.verify import Verifier
        verifier = Verifier(VerifyConfig(processes=1, deadline_seconds=60))
        verifier.check_answer({EQUAL[0]!r}, {EQUAL[1]!r})
        import psutil
        print(*[p.pid for p in psutil.Process().children(recursive=True)], flush=True)
        verifier.check_answer("1", {SLOW!r}) if {busy} else time.sleep(60)
        """
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert parent.stdout is not None
    pids = [int(pid) for pid in parent.stdout.readline().split()]
    assert len(pids) == 2
    time.sleep(0.5)
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    gone, alive = psutil.wait_procs([psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)], timeout=5)
    assert not [process for process in alive if process.status() != psutil.STATUS_ZOMBIE], gone


def test_a_power_of_a_hundred_million_digits_costs_its_row_only() -> None:
    with Verifier(VerifyConfig(processes=1, memory_mib=512, deadline_seconds=2)) as verifier:
        verdicts = verifier.check_answers([("x+1", r"\left(3^{20000}\right)^{20000}+x"), EQUAL])
    assert verdicts[0].verdict in ("undecided", "wrong")
    assert verdicts[1].correct
