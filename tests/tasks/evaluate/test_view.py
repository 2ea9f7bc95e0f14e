"""Scores are shown beside the backbone's own, with the subjects in which most answers were lost first."""

from pathlib import Path

from tasks.evaluate.view import view
from tasks.runtime.key import twin
from tasks.runtime.store.store import Artifact, Manifest, Store


def put(home: Store, kind: str, key: str, **more: object) -> Manifest:
    home.partial(key).mkdir(parents=True)
    home.publish(Manifest.model_validate({"kind": kind, "key": key, "environment": {"lock": "0" * 64}} | more))
    return home.manifest(key)


def scores(*right: tuple[str, int, int]) -> dict[str, object]:
    """Metrics of an evaluation: (subject, right answers, questions)."""
    n, hits = sum(one[2] for one in right), sum(one[1] for one in right)
    return {"n": n, "accuracy": hits / n, "subsets": {name: {"n": m, "accuracy": k / m} for name, k, m in right}}


def test_a_model_is_shown_beside_its_backbone(tmp_path: Path) -> None:
    home = Store(tmp_path)
    pi_0 = put(home, "backbone", "a" * 32)
    model = put(home, "finetune", "b" * 32, inputs={"backbone": pi_0.artifact().model_dump()})
    config = {"benchmarks": ["mmlu"]}
    metrics = scores(("anatomy", 2, 10), ("law", 9, 10), ("sociology", 4, 10))
    made = put(
        home, "evaluate", "c" * 32, inputs={"model": model.artifact().model_dump()}, config=config, metrics=metrics
    )
    alone = view({"mmlu": made}, home)
    assert "| mmlu | 30 | 50\\.0 |  |  |" in alone and "Forgotten" not in alone

    of_base: dict[str, Artifact] = {"model": pi_0.artifact()}
    base = scores(("anatomy", 8, 10), ("law", 9, 10), ("sociology", 6, 10))
    put(home, "evaluate", twin(made, of_base), inputs={"model": of_base["model"].model_dump()}, metrics=base)
    shown = view({"mmlu": made}, home)
    assert "| mmlu | 30 | 50\\.0 | 76\\.7 | \\-26\\.7 |" in shown
    forgotten = shown[shown.index("Forgotten") :]
    assert forgotten.index("anatomy") < forgotten.index("sociology") and "law" not in forgotten


def test_instructions_are_shown_beside_the_prompts_that_hold_them(tmp_path: Path) -> None:
    home = Store(tmp_path)
    pi_0 = put(home, "backbone", "a" * 32)
    model = put(home, "finetune", "b" * 32, inputs={"backbone": pi_0.artifact().model_dump()})
    base, now = ({"instructions": {"n": 50, "kept": k, "accuracy": k / 50}} for k in (45, 40))
    of_model, of_base = ({"model": one.artifact()} for one in (model, pi_0))
    dumped = [{name: one.model_dump() for name, one in of.items()} for of in (of_model, of_base)]
    made = put(home, "evaluate", "c" * 32, inputs=dumped[0], metrics=scores(("", 20, 30)) | now)
    put(home, "evaluate", twin(made, of_base), inputs=dumped[1], metrics=scores(("", 25, 30)) | base)
    assert "instructions | 50 | 80\\.0 | 90\\.0 | \\-10\\.0 |" in view({"ifeval": made}, home)
