"""Pieces go to whoever asks for them, each is answered once, whatever is killed meanwhile."""

import os
import signal
from collections import Counter
from typing import Any

import psutil
import pytest

from tasks.runtime.engines.dealing import Workers

PIECES = [[(number, number)] for number in range(40)]


def of(name: str, **variables: object) -> dict[str, str]:
    return {"NAMED": name} | {key: str(value) for key, value in variables.items()}


def workers(*variables: dict[str, str]) -> Workers:
    return Workers("tests.tasks.runtime.engines.dealt", variables)


def pids(of: Workers) -> list[int]:
    return [worker.process.pid for worker in of._living]


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_who_is_free_gets_the_next_piece_and_each_is_answered_once() -> None:
    both = workers(of("slow", SECONDS=0.2), of("quick", SECONDS=0.01))
    answers = dict(both.deal(PIECES))
    started = pids(both)
    assert {key: piece for key, (_, piece) in answers.items()} == dict(piece for [piece] in PIECES)
    shares = Counter(name for name, _ in answers.values())
    assert shares["quick"] > shares["slow"] > 0
    assert len(list(both.deal(PIECES[:3]))) == 3 and pids(both) == started, "they stay up for what follows"
    both.close()
    assert all(map(gone, started))


def test_who_is_up_first_leaves_the_others_their_share() -> None:
    both = workers(of("first", PLACES=1000, SECONDS=0.01), of("late", PLACES=1000, STARTS=1, SECONDS=0.01))
    taken = Counter(name for _, (name, _) in both.deal([[(number, "")] for number in range(600)]))
    both.close()
    assert taken["late"] > 100


def test_a_group_stays_together() -> None:
    groups = [[((row, sample), row) for sample in range(3)] for row in range(30)]
    both = workers(of("a", PLACES=4, SECONDS=0.005), of("b", PLACES=4, SECONDS=0.005))
    answers: dict[Any, Any] = dict(both.deal(groups))
    both.close()
    assert len(answers) == 90
    by_row = {row: {answers[row, sample][0] for sample in range(3)} for row in range(30)}
    assert all(len(names) == 1 for names in by_row.values()) and len(set.union(*by_row.values())) == 2


@pytest.mark.parametrize("forks", [{}, {"FORKS": 1}])
def test_what_a_killed_worker_had_goes_to_the_others(forks: dict[str, int]) -> None:
    both = workers(of("a", PLACES=5, SECONDS=0.02, **forks), of("b", PLACES=5, SECONDS=0.02))
    keys = []
    for number, (key, _) in enumerate(both.deal(PIECES)):
        keys.append(key)
        if number == 9:
            children = psutil.Process(pids(both)[0]).children()
            os.kill(pids(both)[0], signal.SIGKILL)
    assert sorted(keys) == list(range(40))
    assert len(pids(both)) == 1 and len(children) == len(forks)
    both.close()
    for child in children:
        child.kill()


def test_where_all_are_killed_the_engine_ends_as_a_killed_one() -> None:
    both = workers(of("a", SECONDS=0.02), of("b", SECONDS=0.02))
    with pytest.raises(SystemExit) as ended:
        for _ in both.deal(PIECES):
            for pid in pids(both):
                os.kill(pid, signal.SIGKILL)
    assert ended.value.code == 128 + signal.SIGKILL


def test_one_that_fails_ends_all(capfd: pytest.CaptureFixture[str]) -> None:
    both = workers(of("a", SECONDS=0.02), of("b", SECONDS=0.02))
    started: list[int] = []
    with pytest.raises(SystemExit, match="ended with 1: its output is above"):
        for _ in both.deal([*PIECES[:9], [("x", "bad")], *PIECES[9:]]):
            started = pids(both) or started
    assert len(started) == 2 and all(map(gone, started))
    assert "ValueError: a bad piece" in capfd.readouterr().err


def test_long_pieces_and_long_answers_at_once_do_not_wait_for_each_other() -> None:
    one = workers(of("a", PLACES=20))
    assert len(list(one.deal([[(number, "x" * 300_000)] for number in range(60)]))) == 60
    one.close()


def test_no_more_workers_are_started_than_there_are_groups() -> None:
    four = workers(*[of(name) for name in "abcd"])
    assert len(list(four.deal([]))) == 0 and not pids(four)
    assert len(list(four.deal(PIECES[:2]))) == 2 and len(pids(four)) == 2
    four.close()
