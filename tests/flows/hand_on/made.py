"""A small store in which a training set lies with what it was made from; its texts try to act where they show."""

import json
from pathlib import Path
from typing import Any

from tasks.rows.prompts import prompts_digest
from tasks.runtime.files.plain_text import utf8
from tasks.runtime.store.store import Artifact, Manifest, Store

HOSTILE = "a|b\n---\n# H <script>x</script> [l](http://e.org) `c` @u &amp; ${7*7} \x1b[31m \ud800 - 'q' \"q\": {y: 1}"


def training_set(root: Path, text: str = HOSTILE) -> tuple[Store, Manifest]:
    """The store in `root` and the manifest of its training set: three rows, of which one was rewritten."""
    home, manifest_text = Store(root), utf8(text)
    pi_0 = publish(home, "backbone", "b0", {}, identity={"repository": "own/er", "revision": "0" * 40})
    corpus = publish(
        home,
        "corpus",
        "c0",
        {},
        config={"name": manifest_text},
        identity={"repository": "AI-MO/NuminaMath-CoT", "revision": "1" * 40},
        metrics={"rows": 9, "quarantined": 2},
    )
    sample = publish(
        home, "sample", "d0", {"corpora.c": corpus}, config={"overlap": 0.8}, metrics={"rows": 4, "13_gram": 5}
    )
    ids = [f"c/{number}" for number in range(4)]
    rows = [
        {"id": one, "question": f"{text} {one}?", "solution": f"expert {one} {text}", "source": text} for one in ids
    ]
    split = publish(home, "split", "e0", {"sample": sample}, files={"rows.jsonl": rows})
    rewrites = publish(home, "rewrite", "f0", {"backbone": pi_0, "rows": split}, identity=prompts_digest())
    targets: list[dict[str, Any]] = [
        {"id": row["id"], "question": row["question"], "target": row["solution"], "kind": "expert", "verdict": None}
        | {"fallback_reason": "wrong"}
        for row in rows[1:]  # the first was left out
    ]
    verdict = {"id": ids[2], "passed": True, "answer": {"verdict": "correct", "reason": "same integer"}}
    targets[1] |= {"target": f"rewritten {text}", "kind": "rewrite", "verdict": verdict, "fallback_reason": None}
    made = publish(
        home,
        "assemble",
        "a0",
        {"rows": split, "rewrites.0": rewrites},
        files={"rows.jsonl": targets},
        config={"fallback": True},
        metrics={"rows": 3, "kinds": {"expert": 2, "rewrite": 1}, "fallback_reasons": {manifest_text: 2}}
        | {"yield": 0.25, "yield_passed": 1, "yield_of": 4},
        run={"task_run": "assemble (sdft/0)", "commit": "abc123", "flow_run": "nano-sdft-seed-0"},
    )
    scores = [{"id": ids[2], "nll": 0.5, "tokens": 7}]
    inputs = {"backbone": pi_0, "rows": made}
    publish(
        home, "score", "g0", inputs, files={"scores.jsonl": scores}, identity=prompts_digest(), metrics={"nll": 0.5}
    )
    publish(home, "report", "h0", {"dataset.sdft/0": made}, run={"flow_run": "nano-sdft-seed-0"})
    return home, home.manifest(made.key)


def publish(
    home: Store, kind: str, key: str, inputs: dict[str, Artifact], *, files: dict[str, Any] | None = None, **said: Any
) -> Artifact:
    key = key * 16
    home.partial(key).mkdir(parents=True)
    for name, content in (files or {"file.json": {}}).items():
        path = home.partial(key) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith(".jsonl"):
            path.write_text("".join(json.dumps(row) + "\n" for row in content), encoding="utf-8")
        elif isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(json.dumps(content), encoding="utf-8")
    return home.publish(Manifest(kind=kind, key=key, inputs=inputs, **said))
