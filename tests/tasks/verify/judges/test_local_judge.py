"""Judges that the run starts itself, with the nano model: an engine on a socket, and `vllm serve`."""

import os
import time
from pathlib import Path
from typing import Any

import pytest

from tasks.runtime.engines.supervisor import descendants
from tasks.runtime.settings import ROOT
from tasks.verify.judges.canaries import JudgeUnavailable
from tasks.verify.judges.config import JudgeConfig
from tasks.verify.judges.judge import make_judge
from tasks.verify.judges.local_judge import LocalJudge
from tasks.verify.types import JudgeItem

NANO = ROOT / "infra" / "nano" / "model"
ITEMS = [
    JudgeItem("right", "3 + 4?", "7", "3 + 4 = 7. \\boxed{7}"),
    JudgeItem("wrong", "3 + 4?", "7", "3 + 4 = 8. \\boxed{7}"),
    JudgeItem("long", "3 + 4?", "7", "3 + 4 = 7. " * 400),
]

pytestmark = [
    pytest.mark.inference,
    pytest.mark.slow,
    pytest.mark.skipif(not (NANO / "model.safetensors").exists(), reason="the nano model is not built (make nano)"),
]


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    # nano reads 512 tokens; a judge's prompt is longer. Its verdicts mean nothing either way, the protocol is real.
    monkeypatch.setenv("VLLM_ALLOW_LONG_MAX_MODEL_LEN", "1")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


def _config(tmp_path: Path, **options: Any) -> JudgeConfig:
    small: dict[str, Any] = {"max_tokens": 800, "context": 3000, "concurrency": 4, "startup_s": 400, "deadline_s": 300}
    return JudgeConfig(
        **(small | {"model": str(NANO), "cache": tmp_path / "verdicts.sqlite", "prefilter": True} | options)
    )


@pytest.mark.parametrize("backend", ["vllm", "transformers"])
def test_a_local_engine_answers_every_row_and_dies_with_its_judge(backend: str, tmp_path: Path) -> None:
    with LocalJudge(_config(tmp_path, kind="local", backend=backend, votes=1)) as judge:
        verdicts = judge.judge(ITEMS)
        assert judge.usage.calls == 3
        assert judge.engine.child is not None
        engine = judge.engine.child.process.pid
        assert descendants(engine)
        # nano cannot judge. As free text its reply is no verdict; vLLM holds it to the schema, in which it may still
        # call a solution valid and name a wrong step, or talk until it is cut off.
        for verdict in verdicts[:2]:
            print(backend, verdict)
            assert verdict.valid is not None or "reply" in verdict.reason
        assert verdicts[2].valid is None and "do not fit" in verdicts[2].reason
        os.kill(descendants(engine)[0], 9)
        assert judge.judge(ITEMS[:1])[0].valid is None  # the engine is dead: no verdict
        assert judge.usage.calls == 3
        judge.judge(ITEMS[:1])  # and is started anew
        assert judge.usage.calls == 4
    assert not descendants(engine)


def test_an_engine_that_cannot_start_says_why(tmp_path: Path) -> None:
    config = _config(tmp_path, kind="local", model=str(tmp_path / "nothing"))
    with LocalJudge(config) as judge, pytest.raises(JudgeUnavailable, match="did not start"):
        judge.check()


def test_vllm_serve_is_started_checked_asked_and_ended(tmp_path: Path) -> None:
    before = set(descendants(os.getpid()))
    # nano, held to the whole schema, may fill its reply with a reason that does not end: ask it for the verdict alone.
    schema = {"type": "object", "properties": {"valid": {"type": "boolean"}}, "required": ["valid"]}
    form = {"type": "json_schema", "json_schema": {"name": "verdict", "schema": schema}}
    config = _config(tmp_path, kind="openai", max_tokens=32, extra_body={"response_format": form})
    with make_judge(config) as judge:
        verdicts = judge.judge(ITEMS)
        assert set(descendants(os.getpid())) - before
        assert verdicts[0].valid is not None and verdicts[0].judge.startswith("openai/model:")
        assert verdicts[1].valid is False and verdicts[1].judge.startswith("arithmetic/")
        assert verdicts[2].valid is None and "HTTP 400" in verdicts[2].reason  # too long for the context
        asked = judge.usage.calls  # type: ignore[attr-defined]
        assert judge.judge(ITEMS[:1]) == verdicts[:1]
        assert judge.usage.calls == asked  # type: ignore[attr-defined]
    deadline = time.monotonic() + 20
    while set(descendants(os.getpid())) - before and time.monotonic() < deadline:
        time.sleep(0.2)
    assert not set(descendants(os.getpid())) - before
