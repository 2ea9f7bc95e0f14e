"""A store of made-up runs, as large as asked, for the dashboard's benchmark and tests; no number in it is a result.

make_store(root, runs=1000): corpora, a sample, its split, and for each run what flows/pipeline.py makes of them (19
artifacts and a report), with manifests, rows and report.json as the stages write them. Contents repeat: files are hard
links to a few variants, so that 20,000 artifacts take seconds and little disk.
"""

import hashlib
import json
import os
import random
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tasks.report.data import Artifact as Reference
from tasks.report.data import (
    Averages,
    Backbone,
    Edge,
    Estimate,
    Example,
    Graph,
    GrpoStep,
    LossPoint,
    Node,
    ReportData,
    Run,
    Score,
    TargetNLL,
    Targets,
    Version,
    to_json,
)
from tasks.report.statistics import proportion
from tasks.runtime.digest import digest_entries
from tasks.runtime.store import MANIFEST, Artifact, FileEntry, Manifest

BENCHMARKS = {"math": ["nano_seen_kinds", "nano_new_kinds"], "general": ["nano_facts", "nano_words", "nano_lists"]}
METHODS = ("sft", "sdft", "mind_the_gap", "rewriting_agent")
QUESTIONS, ROWS, VARIANTS = 240, 200, 8
FIRST = 1.79e9  # when the first artifact was made, in seconds since 1970
Lines = list[dict[str, Any]]


@dataclass
class _Writer:
    root: Path
    made: int = 0
    evaluated: int = 0  # models
    manifests: dict[str, Manifest] = field(default_factory=dict)
    variants: dict[str, tuple[Path, FileEntry]] = field(default_factory=dict)

    def add(
        self,
        kind: str,
        name: str,
        inputs: Mapping[str, Artifact],
        config: dict[str, Any],
        files: Mapping[str, str | Lines],
        task_run: str = "",
        flow_run: str = "made-up",
        **more: Any,
    ) -> Artifact:
        """An artifact whose files are texts, rows, or (a string that begins with @) an earlier variant's content."""
        self.made += 1
        key = hashlib.sha256(f"{kind} {name}".encode()).hexdigest()[:32]
        folder = self.root / "artifacts" / key
        folder.mkdir(parents=True)
        entries = [self._file(folder, path, content) for path, content in files.items()]
        manifest = Manifest(
            kind=kind,
            key=key,
            digest=digest_entries(
                (one.path, one.bytes, one.sha256) for one in [*entries, FileEntry(path=name, bytes=0, sha256="")]
            ),
            inputs=dict(inputs),
            config=config,
            environment={"name": "core", "lock": "0" * 64},
            files=entries,
            timings={"started": FIRST + 30.0 * self.made, "seconds": 12.5, "engines": []},
            cost={"core_seconds": 25.0, "gpu_seconds": 0.0},
            run={
                "flow_run": flow_run,
                "flow_run_id": str(uuid.uuid5(uuid.NAMESPACE_URL, flow_run)),
                "task_run": f"{kind} {task_run}",
                "commit": "0123456789ab",
            },
            **more,
        )
        (folder / MANIFEST).write_text(manifest.model_dump_json(), encoding="utf-8")
        self.manifests[key] = manifest
        return manifest.artifact()

    def _file(self, folder: Path, path: str, content: str | Lines) -> FileEntry:
        if isinstance(content, str) and content.startswith("@"):
            source, entry = self.variants[content]
            os.link(source, folder / path)
            return entry.model_copy(update={"path": path})
        text = (
            content
            if isinstance(content, str)
            else "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in content)
        )
        (folder / path).write_text(text, encoding="utf-8")
        data = text.encode()
        return FileEntry(path=path, bytes=len(data), sha256=hashlib.sha256(data).hexdigest())

    def keep(self, name: str, rows: Lines) -> str:
        """Keep rows as a variant that files can link to; returns what stands for it."""
        folder = self.root / "variants"
        folder.mkdir(exist_ok=True)
        entry = self._file(folder, name, rows)
        self.variants[f"@{name}"] = (folder / name, entry)
        return f"@{name}"


def make_store(
    root: Path, runs: int, text: str = "It is $x^2 = 4$.", changed: Mapping[str, Any] | None = None
) -> dict[str, str]:
    """Write the store; returns keys of some artifacts by name. `text` stands in every place that a model or a data set
    fills; run i has method i mod 4 and seed i div 4, each with a report of its own."""
    root.mkdir(parents=True, exist_ok=True)
    writer, chance = _Writer(root), random.Random(0)
    rows = [
        {
            "id": f"made_up/{n:05}",
            "corpus": "made_up",
            "source": text,
            "question": f"{text} {n}?",
            "solution": f"{text} Therefore $\\boxed{{{n}}}$",
            "answer": str(n),
            "verifiable": True,
            "why_not": "",
        }
        for n in range(ROWS)
    ]
    corpus = writer.add(
        "corpus", "made_up", {}, {"name": "made_up"}, {"rows.jsonl": rows}, "made_up", identity="c0ffee"
    )
    backbone = writer.add(
        "backbone", "tiny", {}, {"tokenizer_only": False}, {"config.json": "{}"}, "tiny", metrics={"parameters": 1_000}
    )
    asked = [
        {"id": f"{name}/{n}", "benchmark": name, "question": f"{text} {n}?"}
        for names in BENCHMARKS.values()
        for name in names
        for n in range(QUESTIONS)
    ]
    writer.add(
        "questions",
        "all",
        {},
        {"benchmarks": [*BENCHMARKS["math"], *BENCHMARKS["general"]]},
        {"questions.jsonl": asked},
    )
    sample = writer.add(
        "sample",
        "one",
        {"corpora.made_up": corpus, "tokenizers.tiny": backbone},
        {"rows": ROWS, "seed": 0},
        {"rows.jsonl": rows},
    )
    parts = {
        part: writer.add(
            "split", part, {"sample": sample}, {"part": part}, {"rows.jsonl": rows if part == "sft" else []}, part
        )
        for part in ("sft", "agent", "held_out")
    }
    base = _scores(writer, chance, "base", backbone, 0.7, text)
    kept = {"corpus": corpus.key, "backbone": backbone.key, "sft_split": parts["sft"].key}
    for number in range(runs):
        method, seed = METHODS[number % len(METHODS)], number // len(METHODS)
        roles = _run(writer, chance, method, seed, backbone, parts, rows, text)
        report = _report(writer, chance, method, seed, roles, base, backbone, text, changed or {})
        kept |= {f"{role}:{method}/{seed}": one.key for role, one in roles.items()} | {
            f"report:{method}/{seed}": report.key
        }
    return kept


def _run(
    writer: _Writer,
    chance: random.Random,
    method: str,
    seed: int,
    backbone: Artifact,
    parts: Mapping[str, Artifact],
    rows: Lines,
    text: str,
) -> dict[str, Artifact]:
    run, tag = f"{method}/{seed}", f"({method}/{seed})"
    inputs, roles = {"rows": parts["sft"]}, dict[str, Artifact]()
    adapter = {}
    if method == "rewriting_agent":
        steps = [
            {"step": n, "pass_rate": 0.4 + 0.01 * n, "reward": 1 + 0.01 * n, "nll": 1 - 0.01 * n} for n in range(1, 41)
        ]
        roles["agent"] = writer.add(
            "train_agent",
            run,
            {"backbone": backbone, "rows": parts["agent"]},
            {"seed": seed},
            {"steps.jsonl": steps},
            f"seed {seed} {tag}",
        )
        adapter = {"adapter": roles["agent"]}
    passed = {row["id"]: chance.random() < 0.8 for row in rows}
    if method != "sft":
        for shard in ("000", "001"):
            config = {"shard": int(shard), "shards": 2, "seed": 0}
            name = f"@rewrites{chance.randrange(VARIANTS)}"
            if name not in writer.variants:
                writer.keep(name[1:], [_rewrite(row["id"], text) for row in rows])
            inputs[f"rewrites.{shard}"] = writer.add(
                "rewrite",
                f"{run} {shard}",
                {"backbone": backbone, "rows": parts["sft"], **adapter},
                config,
                {"rewrites.jsonl": name},
                tag,
            )
            verdicts = [_verdict(row["id"], passed[row["id"]], text) for row in rows] if seed < 2 else []
            inputs[f"rewrite_verdicts.{shard}"] = writer.add(
                "verify",
                f"{run} {shard}",
                {"rows": parts["sft"], "rewrites": inputs[f"rewrites.{shard}"]},
                {"judge": "arithmetic/2"},
                {"verdicts.jsonl": verdicts},
                tag,
            )
    assembled = [_target(row, method, passed[row["id"]], text) for row in rows]
    # Later seeds repeat the rows of the first ones: what is measured is reading, not this disk.
    content = writer.keep(f"rows-{method}-{seed % 2}", assembled) if seed < 2 else f"@rows-{method}-{seed % 2}"
    roles["dataset"] = writer.add("assemble", run, inputs, {"fallback": True}, {"rows.jsonl": content}, tag)
    loss = [{"step": n, "loss": 1 / n} for n in range(1, 101)]
    roles["model"] = writer.add(
        "finetune",
        run,
        {"backbone": backbone, "dataset": roles["dataset"]},
        {"loss": "nll", "learning_rate": 8e-4, "seed": 42 + seed},
        {"loss.jsonl": loss if seed < 1 else loss[:20]},
        f"nll seed {42 + seed} {tag}",
        seeds={"seed": 42 + seed},
    )
    nll = [{"id": row["id"], "nll": 0.5 + chance.random(), "tokens": 30} for row in rows] if seed < 2 else []
    roles["target_nll"] = writer.add(
        "score", run, {"backbone": backbone, "rows": roles["dataset"]}, {}, {"scores.jsonl": nll}, tag
    )
    roles["drift"] = writer.add(
        "drift", run, {"backbone": backbone, "model": roles["model"]}, {}, {"texts.jsonl": []}, tag
    )
    for number in range(7):  # what else a run leaves: measurements of its agent, self-solutions
        writer.add(
            "measure",
            f"{run} {number}",
            {"backbone": backbone, "rows": parts["held_out"], **adapter},
            {"seed": number},
            {"rewrites.jsonl": []},
            tag,
        )
    return roles | _scores(writer, chance, run, roles["model"], 0.6 + 0.3 * chance.random(), text)


def _scores(
    writer: _Writer, chance: random.Random, run: str, model: Artifact, skill: float, text: str
) -> dict[str, Artifact]:
    """An evaluation a benchmark."""
    writer.evaluated += 1
    number = writer.evaluated % (2 * VARIANTS)
    found = {}
    for names in BENCHMARKS.values():
        for name in names:
            variant = f"@{name}{number}"
            if variant not in writer.variants:
                writer.keep(
                    variant[1:], [_answer(f"{name}/{n}", chance.random() < skill, text) for n in range(QUESTIONS)]
                )
            identity = {"benchmarks": {name: {"data": name, "definition": "1"}}}
            tag = f"({run})" if "/" in run else ""
            found[f"scores/{name}"] = writer.add(
                "evaluate",
                f"{run} {name}",
                {"model": model},
                {"benchmarks": [name]},
                {"answers.jsonl": variant},
                tag,
                identity=identity,
            )
    return found


def _rewrite(row: str, text: str) -> dict[str, Any]:
    return {"id": row, "text": f"{text} {row}", "finished": True, "tokens": 9}


def _target(row: dict[str, Any], method: str, passed: bool, text: str) -> dict[str, Any]:
    """A row of a training set: a rewrite that passed, else the expert's solution."""
    rewritten, tried = method != "sft" and passed, method != "sft"
    return {
        "id": row["id"],
        "question": row["question"],
        "target": f"{text} {row['id']}" if rewritten else row["solution"],
        "kind": "rewrite" if rewritten else "expert",
        "verdict": _verdict(row["id"], passed, text) if tried else None,
        "fallback_reason": "wrong" if tried and not passed else None,
    }


def _verdict(row: str, passed: bool, text: str) -> dict[str, Any]:
    answer = {"verdict": "correct" if passed else "wrong", "reason": text, "extracted": text, "gold": text}
    return {
        "id": row,
        "passed": passed,
        "answer": answer,
        "reasoning": {"valid": passed, "first_wrong_step": text, "reason": text, "judge": "made up"}
        if passed
        else None,
    }


def _answer(question: str, correct: bool, text: str) -> dict[str, Any]:
    return {
        "id": question,
        "correct": correct,
        "verdict": "correct" if correct else "wrong",
        "reason": text,
        "extracted": text,
        "gold": text,
        "subset": "",
        "finished": True,
        "tokens": 9,
        "text": text,
    }


def _report(
    writer: _Writer,
    chance: random.Random,
    method: str,
    seed: int,
    roles: Mapping[str, Artifact],
    base: Mapping[str, Artifact],
    backbone: Artifact,
    text: str,
    changed: Mapping[str, Any],
) -> Artifact:
    """report.json of a run and the base, about as large as a real one of two runs (95 kB)."""

    def scores() -> dict[str, Score]:
        found = {}
        for names in BENCHMARKS.values():
            for name in names:
                share = proportion(hits := chance.randrange(QUESTIONS), QUESTIONS)
                found[name] = Score(accuracy=share.rate, n=QUESTIONS, correct=hits, low=share.low, high=share.high)
        return found

    def averages() -> Averages:
        value = chance.random()
        return Averages(
            math=Estimate(value=value, low=value - 0.03, high=value + 0.03),
            general=Estimate(value=1 - value / 3, low=0.6, high=1.0),
        )

    references = {role: Reference(**one.model_dump()) for role, one in roles.items()}
    run = Run(
        method=method,
        seed=seed,
        scores=scores(),
        averages=averages(),
        tc_yield=proportion(160, 200),
        targets=Targets(kinds={"rewrite": 160, "expert": 40}),
        target_nll=TargetNLL(mean=Estimate(value=chance.random(), low=0.1, high=1.0), median=0.5, n=ROWS),
        loss=[LossPoint(step=n, loss=1 / n, epoch=n / 50, learning_rate=1e-3) for n in range(1, 101)],
        grpo=[GrpoStep(step=n, pass_rate=0.5, nll_passing=1.0, diversity=0.1, length=30.0) for n in range(40)],
        artifacts=references,
    )
    untrained = Run(
        method="base",
        scores=scores(),
        averages=averages(),
        artifacts={role: Reference(**one.model_dump()) for role, one in base.items()},
    )
    nodes = [Node(key=one.key, kind=one.kind, digest=one.digest) for one in roles.values()]
    data = ReportData(
        backbone=Backbone(name="tiny", digest=backbone.digest, nano=True),
        benchmarks=BENCHMARKS,
        base=untrained,
        runs=[run],
        examples=[
            Example(id=f"made_up/{n:05}", question=text * 8, versions=[Version(name="expert", text=text * 120)])
            for n in range(30)
        ],
        lineage=Graph(nodes=nodes, edges=[Edge(source=one.key, target=nodes[0].key, name="made") for one in nodes[1:]]),
    )
    inputs = {
        f"{role.split('/')[0]}.{method}/{seed}" + (f".{role.split('/')[1]}" if "/" in role else ""): one
        for role, one in roles.items()
    }
    inputs |= {f"scores.base.{role.split('/')[1]}": one for role, one in base.items()}
    return writer.add(
        "report",
        f"{method} {seed}",
        inputs,
        {"backbone": "tiny", "changed": dict(changed)},
        {"report.json": to_json(data), "report.html": f"<p>{method}</p>"},
        f"seed {seed}",
        f"tiny-{method}-seed-{seed}",
    )
