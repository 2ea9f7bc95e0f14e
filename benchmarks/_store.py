"""A store of made-up runs, as large as asked, for the dashboard's benchmark and tests; no number in it is a result.

make_store(root, runs=1000): corpora, a sample, its split, and for each run what flows/pipeline.py makes of them (19
artifacts and a report), with manifests, rows and report.json as the stages write them. Contents repeat: files are hard
links to a few variants, so that 20,000 artifacts take seconds and little disk.
"""

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks._made_up import BENCHMARKS, QUESTIONS, ROWS, add_report, answer_row, rewrite_row, target_row, verdict_of
from benchmarks._store_writer import Lines, Writer
from tasks.runtime.store.store import Artifact

VARIANTS = 8
METHODS = ("sft", "sdft", "mind_the_gap", "rewriting_agent")


def make_store(
    root: Path, runs: int, text: str = "It is $x^2 = 4$.", changed: Mapping[str, Any] | None = None
) -> dict[str, str]:
    """Write the store; returns keys of some artifacts by name. `text` stands in every place that a model or a data set
    fills; run i has method i mod 4 and seed i div 4, each with a report of its own."""
    root.mkdir(parents=True, exist_ok=True)
    writer, chance = Writer(root), random.Random(0)
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
        report = add_report(writer, chance, method, seed, roles, base, backbone, text, changed or {})
        kept |= {f"{role}:{method}/{seed}": one.key for role, one in roles.items()} | {
            f"report:{method}/{seed}": report.key
        }
    return kept


def _run(
    writer: Writer,
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
                writer.keep(name[1:], [rewrite_row(row["id"], text) for row in rows])
            inputs[f"rewrites.{shard}"] = writer.add(
                "rewrite",
                f"{run} {shard}",
                {"backbone": backbone, "rows": parts["sft"], **adapter},
                config,
                {"rewrites.jsonl": name},
                tag,
            )
            verdicts = [verdict_of(row["id"], passed[row["id"]], text) for row in rows] if seed < 2 else []
            inputs[f"rewrite_verdicts.{shard}"] = writer.add(
                "verify",
                f"{run} {shard}",
                {"rows": parts["sft"], "rewrites": inputs[f"rewrites.{shard}"]},
                {"judge": "arithmetic/2"},
                {"verdicts.jsonl": verdicts},
                tag,
            )
    assembled = [target_row(row, method, passed[row["id"]], text) for row in rows]
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
    writer: Writer, chance: random.Random, run: str, model: Artifact, skill: float, text: str
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
                    variant[1:], [answer_row(f"{name}/{n}", chance.random() < skill, text) for n in range(QUESTIONS)]
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
