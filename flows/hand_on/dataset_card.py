"""The card of a training set: what the hub shows, and what a reader needs to trust or to doubt it.

In:  Provenance of the training set, the manifest of its score
Out: "---\\nconfigs: …\\n---\\n# assemble/nano/sdft-seed0 …"     README.md
"""

from typing import Any

from flows.hand_on.markdown import code, header, table
from flows.hand_on.provenance import Provenance, repository
from tasks.runtime.files.markdown import words
from tasks.runtime.store.store import Manifest

# Licences of the paper's corpora, as their pages on the hub state them. Of others the store knows none.
LICENCES = {"AI-MO/NuminaMath-CoT": "apache-2.0", "nvidia/OpenMathReasoning": "cc-by-4.0"}
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
_COLUMNS = (
    ("`id`, `question`", "the row, as in its corpus"),
    ("`target`, `kind`", "what to train on: a `rewrite`, a `self_solution` or the `expert`'s own solution"),
    ("`passed`, `answer_verdict`, `answer_reason`, `extracted`, `gold`", "the gate's verdict on the rewrite"),
    ("`reasoning_valid`, `reasoning_reason`, `judge`", "what the judge said of its reasoning, where it was asked"),
    ("`fallback_reason`", "why the expert's solution was kept, where a rewrite was tried"),
    ("`nll`, `tokens`", "mean NLL of the target under pi_0, nats a token, and its length; null where not scored"),
    ("`prompt_key`, `model_key`", "digest of the prompt templates; store key of the model that wrote the target"),
    ("`expert`, `row`", "the expert's solution; the row's other fields as JSON"),
    ("`prompt`, `completion`", "the conversation to train on, as TRL reads it"),
)


def dataset_card(told: Provenance, score: Manifest | None, prompt_key: str, rows: int, licence: str) -> str:
    """The text of README.md."""
    method, seed = told.run
    named = "/".join(told.name.split("/")[1:-1]) or told.name
    parts = [
        header(_fields(named, rows, licence)),
        f"# Training set {words(named)}\n",
        "Demonstrations for supervised fine-tuning, made by rewriting-agent: "
        f"backbone {words(told.backbone or 'none (experts alone)')}, method {words(method or 'not noted')}, "
        f"seed {words('not noted' if seed is None else seed)}. {_rule(told.made)}\n",
        "## What is in it\n",
        _contents(told.made, score, rows),
        "## Columns\n",
        table(("column", "holds"), _COLUMNS),
        "## Sources\n",
        _sources(told),
        "## Kept apart from benchmarks\n",
        _decontamination(told),
        "## Reading it\n",
        _READING,
        "## Where it comes from\n",
        _provenance(told, score, prompt_key),
    ]
    return "\n".join(parts)


def _rule(made: Manifest) -> str:
    if "yield" not in made.metrics:
        return "Nothing was rewritten: every target is the expert's solution."
    kept = "the row was left out or the expert's solution kept, as its settings say below"
    return f"Every rewrite was verified; where none passed, {kept}."


def _fields(named: str, rows: int, licence: str) -> dict[str, Any]:
    size = next((name for limit, name in _SIZES if rows < limit), "n>1M")
    return ({"license": licence} if licence else {}) | {
        "pretty_name": named,
        "task_categories": ["text-generation"],
        "tags": ["sft", "rewritten", "rewriting-agent"],
        "size_categories": [size],
        "configs": [
            {"config_name": "default", "data_files": [{"split": "train", "path": "data/train-*.parquet"}]},
            {"config_name": "messages", "data_files": [{"split": "train", "path": "messages/train-*.parquet"}]},
        ],
    }


def _contents(made: Manifest, score: Manifest | None, rows: int) -> str:
    metrics = made.metrics
    said = [("rows", f"{rows:,}")]
    said += [(f"targets of kind {words(kind)}", f"{count:,}") for kind, count in metrics.get("kinds", {}).items()]
    if "yield" in metrics:
        share, passed, of = metrics["yield"], metrics["yield_passed"], metrics["yield_of"]
        said.append(("yield: rewrites that passed the gate", f"{share:.1%} ({passed:,} of {of:,})"))
    reasons = metrics.get("fallback_reasons", {}).items()
    said += [(f"fell back to the expert: {words(reason)}", f"{count:,}") for reason, count in reasons]
    if score is not None and isinstance(score.metrics.get("nll"), float):
        said.append(("mean NLL of the targets under pi_0, nats a token", f"{score.metrics['nll']:.3f}"))
        said.append(("targets that could not be scored", f"{score.metrics.get('skipped', 0):,}"))
    return table(("", "of this set"), said)


def _sources(told: Provenance) -> str:
    rows = []
    for corpus in told.of_kind("corpus"):
        hub = repository(corpus.identity)
        where = f"{words(hub[0])} at {code(hub[1])}" if hub else f"files of the maker's own, key {code(corpus.key)}"
        licence = LICENCES.get(hub[0], "not known") if hub else "not known"
        read, bad = corpus.metrics.get("rows", 0), corpus.metrics.get("quarantined", 0)
        rows.append((words(corpus.config.get("name", "")), where, licence, f"{read:,}", f"{bad:,}"))
    said = table(("corpus", "from", "licence", "rows", "set aside as unusable"), rows)
    return (
        said
        + "\nWhoever passes the set on answers for the licences of its sources and of the model that rewrote them.\n"
    )


def _decontamination(told: Provenance) -> str:
    samples = told.of_kind("sample")
    if not samples:
        return "The sample that it was drawn from is gone from the store: nothing can be said.\n"
    [sample, *_] = samples
    tested = told.of_kind("questions")
    against = ", ".join(words(name) for one in tested for name in one.config.get("benchmarks", [])) or "no benchmark"
    limit = sample.config.get("overlap")
    rule = (
        "Rows whose question is a benchmark's were left out"
        + (f", and rows that hold {limit:.0%} or more of the 13-grams of one" if limit is not None else "")
        + f". Compared with: {against}.\n\n"
    )
    numbers = [(words(name), f"{n:,}") for name, n in sample.metrics.items() if isinstance(n, int)]
    return rule + table(("count of the draw", "rows"), numbers)


def _provenance(told: Provenance, score: Manifest | None, prompt_key: str) -> str:
    commit = told.made.run.get("commit", "")
    said = [("training set", code(told.made.key)), ("content digest", code(told.made.digest))]
    chosen = ", ".join(f"{name}: {value}" for name, value in told.made.config.items())
    said.append(("how targets were chosen", words(chosen)))
    said += [("commit of rewriting-agent", words(commit or "not noted")), ("prompts", code(prompt_key))]
    if score is not None:
        said.append(("scored under pi_0", code(score.inputs["backbone"].key)))
    made_of = [(words(name), code(key)) for name, key in told.lines() if key != told.made.key]
    gone = [("gone from the store", code(key)) for key in told.gone]
    return table(("", ""), said) + "\n" + table(("made from", "key"), made_of + gone)


_READING = """\
```python
from datasets import load_dataset

rows = load_dataset("FOLDER", split="train")                       # all columns
SFTTrainer(model, train_dataset=rows.select_columns(["prompt", "completion"]))   # TRL, loss on the completion
load_dataset("FOLDER", "messages", split="train")                  # id and messages alone
```

LLaMA-Factory: `dataset_dir: FOLDER`, `dataset: rewritten`. axolotl: `axolotl.yaml` holds its `datasets:` entry.
"""
