"""What all methods share is made once, and of nothing that it does not depend on."""

from pathlib import Path

import pytest

from flows.pipeline import pipeline
from flows.plan.start import walk_through
from tasks.runtime.settings import settings


def test_how_often_a_question_is_asked_changes_no_question(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else pass@k of a finished study would begin with its sample."""
    monkeypatch.setenv("REWRITING_AGENT_STORE", str(tmp_path))
    settings.cache_clear()
    found = []
    for changes in ([], ["evaluate.sampling.answers=8"]):
        steps = walk_through(pipeline.fn, {"method": "sft", "preset": ["smoke"], "changes": changes}).stages
        found.append({step.kind: (step.config, step.parts) for step in steps})
    plain, sampled = found
    [(of, one)], [(also, other)] = plain["questions"][1].items(), sampled["questions"][1].items()
    assert of == also and one.manifest.key == other.manifest.key
    said = {name: config.sampling for name, config in sampled["evaluate"][0].items()}
    assert said["nano_facts"] is None and said["nano_seen_kinds"].answers == 8
    settings.cache_clear()
