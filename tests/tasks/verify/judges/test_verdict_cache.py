"""The verdict cache: what it keeps, what it never keeps, and who may share it."""

import subprocess
import sys
import threading
from itertools import groupby
from pathlib import Path

import pytest

from tasks.runtime.settings import ROOT
from tasks.verify.judges.judge import Cached
from tasks.verify.judges.verdict_cache import VerdictCache, key
from tasks.verify.types import JudgeItem, ReasoningVerdict

ITEM = JudgeItem("row/1", "1 + 1?", "2", "1 + 1 = 2")
VALID = ReasoningVerdict(True, None, "fine", "judge/1")
INVALID = ReasoningVerdict(False, "1 + 1 = 3", "is 2 \ud800", "judge/1")
NONE = ReasoningVerdict(None, None, "HTTP 500", "judge/1")


def test_verdicts_outlive_the_process_that_stored_them(tmp_path: Path) -> None:
    cache = VerdictCache(tmp_path / "deep" / "verdicts.sqlite")
    assert cache.put({"a": VALID, "b": INVALID}) == 2
    cache.close()
    found = VerdictCache(tmp_path / "deep" / "verdicts.sqlite").get(["a", "b", "c"])
    assert found["a"] == VALID
    assert found["b"].valid is False and found["b"].first_wrong_step == "1 + 1 = 3"
    assert "c" not in found


def test_a_failed_call_is_never_stored(tmp_path: Path) -> None:
    cache = VerdictCache(tmp_path / "verdicts.sqlite")
    assert cache.put({"a": NONE}) == 0
    assert cache.get(["a"]) == {}
    assert len(cache) == 0


def test_the_key_is_the_judge_and_the_content_and_not_the_row() -> None:
    base = key("judge/1", ITEM)
    assert key("judge/1", JudgeItem("row/2", ITEM.question, ITEM.gold, ITEM.solution)) == base
    others = [
        key("judge/2", ITEM),
        key("judge/1", JudgeItem("row/1", "1 + 2?", "2", "1 + 1 = 2")),
        key("judge/1", JudgeItem("row/1", "1 + 1?", "3", "1 + 1 = 2")),
        key("judge/1", JudgeItem("row/1", "1 + 1?", "2", "1 + 1 = 2.")),
        key("judge/1", JudgeItem("row/1", "1 + 1?2", "", "1 + 1 = 2")),
        key("judge/1", JudgeItem("row/1", "\ud800", "2", "1 + 1 = 2")),
    ]
    assert len({base, *others}) == len(others) + 1


class _Judge:
    """Counts what it is asked; gives no verdict on the first call about "flaky"."""

    name = "judge/1"

    def __init__(self) -> None:
        self.asked: list[str] = []

    def judge(self, items: list[JudgeItem]) -> list[ReasoningVerdict]:
        verdicts = []
        for item in items:
            first = item.solution not in self.asked
            self.asked.append(item.solution)
            verdicts.append(NONE if item.solution == "flaky" and first else VALID)
        return verdicts


def test_each_content_is_asked_once_and_a_failure_again(tmp_path: Path) -> None:
    inner = _Judge()
    cached = Cached(inner, VerdictCache(tmp_path / "verdicts.sqlite"))  # type: ignore[arg-type]
    items = [JudgeItem(str(n), "q", "g", text) for n, text in enumerate(["a", "b", "a", "flaky", "a"])]
    assert [verdict.valid for verdict in cached.judge(items)] == [True, True, True, None, True]
    assert inner.asked == ["a", "b", "flaky"]
    assert [verdict.valid for verdict in cached.judge(items)] == [True] * 5
    assert inner.asked == ["a", "b", "flaky", "flaky"]


def test_candidates_of_a_question_are_asked_together_and_answered_in_their_places(tmp_path: Path) -> None:
    class Told(_Judge):
        def judge(self, items: list[JudgeItem]) -> list[ReasoningVerdict]:
            super().judge(items)
            return [VALID if item.solution.endswith("right") else INVALID for item in items]

    inner = Told()
    items = [
        JudgeItem(f"{sample}/{row}", f"question {row}", "g", f"{row} sample {sample} {['wrong', 'right'][row % 2]}")
        for sample in range(8)
        for row in range(100)
    ]
    verdicts = Cached(inner, VerdictCache(tmp_path / "verdicts.sqlite")).judge(items)  # type: ignore[arg-type]
    assert [verdict.valid for verdict in verdicts] == [item.solution.endswith("right") for item in items]
    questions = [text.split()[0] for text in inner.asked]
    assert len(questions) == 800 and len([one for one, _ in groupby(questions)]) == 100


def test_what_was_judged_before_a_crash_is_kept(tmp_path: Path) -> None:
    class Crashing(_Judge):
        def judge(self, items: list[JudgeItem]) -> list[ReasoningVerdict]:
            if self.asked:
                raise RuntimeError("killed")
            return super().judge(items)

    cache = VerdictCache(tmp_path / "verdicts.sqlite")
    items = [JudgeItem(str(n), "q", "g", f"solution {n}") for n in range(Cached.BLOCK + 10)]
    with pytest.raises(RuntimeError, match="killed"):
        Cached(Crashing(), cache).judge(items)  # type: ignore[arg-type]
    assert len(cache) == Cached.BLOCK


def test_threads_share_it(tmp_path: Path) -> None:
    cache = VerdictCache(tmp_path / "verdicts.sqlite")

    def work(worker: int) -> None:
        for n in range(50):
            cache.put({f"{worker}/{n}": VALID, "shared": INVALID})
            assert cache.get([f"{worker}/{n}"])

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(cache) == 201


def test_processes_share_it(tmp_path: Path) -> None:
    path = tmp_path / "verdicts.sqlite"
    program = (
        "import sys; from pathlib import Path; from tasks.verify.judges.verdict_cache import VerdictCache;"
        "from tasks.verify.types import ReasoningVerdict as V; cache = VerdictCache(Path(sys.argv[1]));"
        "[cache.put({f'{sys.argv[2]}/{n}': V(True, None, '', 'j')}) for n in range(100)]"
    )
    workers = [subprocess.Popen([sys.executable, "-c", program, str(path), str(n)], cwd=ROOT) for n in range(2)]
    assert [worker.wait(60) for worker in workers] == [0, 0]
    assert len(VerdictCache(path)) == 200


def test_many_keys_are_looked_up_at_once(tmp_path: Path) -> None:
    cache = VerdictCache(tmp_path / "verdicts.sqlite")
    cache.put({str(n): VALID for n in range(5000)})
    assert len(cache.get([str(n) for n in range(6000)])) == 5000


def test_another_file_is_not_taken_for_a_cache(tmp_path: Path) -> None:
    path = tmp_path / "verdicts.sqlite"
    path.write_bytes(b"no database at all" * 100)
    with pytest.raises(ValueError, match="is no verdict cache"):
        VerdictCache(path)
    assert path.read_bytes().startswith(b"no database")
