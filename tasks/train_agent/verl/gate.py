"""The gate r_task (eq. 5) of one rewrite, as verl's asynchronous reward function: it runs beside the rollout.

In:  a decoded rewrite, its row's question and reference, whether it ended itself
Out: {"score": 1.0, "verdict": {"id": "r1", "passed": true, "answer": {…}, …}, "seconds": 0.8, "error": null}

A reward manager of verl sees one trajectory at a time, never its group: only the gate belongs here. The total of eq. 3
needs the whole group and is computed in trainer.py, which replaces this score. Where the backbone is its own judge the
gate is half open here: v_ans alone. The backbone is in the actor, and trainer.py asks it for v_rea when the rollout is
over.
"""

import asyncio
import atexit
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

from tasks.train_agent.spec import TrainSpec
from tasks.verify.types import AnswerVerdict, Candidate, ReasoningVerdict, Verdict
from tasks.verify.verify import Verifier

_opening = Lock()


async def gate(
    data_source: str,
    solution_str: str,
    ground_truth: str,
    extra_info: dict[str, Any],
    spec: str,
    **unused: Any,
) -> dict[str, Any]:
    """`custom_reward_function` of verl; `spec` is the path of the run's TrainSpec.

    Never raises: verl would set the whole group aside. The trainer raises what `error` holds. `seconds` is the time in
    the gate, without the wait for a free thread; it overlaps the rollout and the gate's other calls.
    """
    candidate = Candidate(
        extra_info["id"], extra_info["question"], ground_truth, solution_str, bool(extra_info["finished"])
    )
    try:
        verdict, seconds = await asyncio.get_running_loop().run_in_executor(_threads(spec), _verdict, spec, candidate)
    except Exception:
        return {"score": 0.0, "verdict": None, "seconds": 0.0, "error": traceback.format_exc(limit=-3)}
    return {"score": float(verdict.passed is True), "verdict": verdict.row(), "seconds": seconds, "error": None}


def read_verdict(row: dict[str, Any]) -> Verdict:
    """The verdict of `Verdict.row()`."""
    reasoning = row["reasoning"]
    return Verdict(
        row["id"],
        row["passed"],
        AnswerVerdict(**row["answer"]),
        None if reasoning is None else ReasoningVerdict(**reasoning),
    )


def _verdict(spec: str, candidate: Candidate) -> tuple[Verdict, float]:
    """The verdict and the seconds it took."""
    with _opening:
        verifier = _verifier(spec)
    start = time.perf_counter()
    verdict = verifier([candidate])[0]
    return verdict, time.perf_counter() - start


@cache
def _verifier(spec: str) -> Verifier:
    """The gate of the run, opened once a process and closed at its end."""
    gate = TrainSpec.model_validate_json(Path(spec).read_text(encoding="utf-8")).config.gate
    stack = ExitStack()
    atexit.register(stack.close)
    return stack.enter_context((gate.without_judge() if gate.asks_backbone else gate).open())


@cache
def _threads(spec: str) -> ThreadPoolExecutor:
    """One thread a call in flight: a call waits for a judge or for a child process."""
    config = TrainSpec.model_validate_json(Path(spec).read_text(encoding="utf-8")).config
    return ThreadPoolExecutor(config.gate.judge.concurrency, thread_name_prefix="gate")
