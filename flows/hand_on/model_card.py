"""The card of a model: what it was made from, what it scores, what it forgot, how it was trained.

In:  Provenance of a fine-tuned model or an agent
Out: "---\\nbase_model: …\\n---\\n# finetune/nano/sft-seed0 …"     README.md

Scores stand in it only where a report holds them, with that report's intervals.
"""

from typing import Any

from flows.hand_on.markdown import code, header, table
from flows.hand_on.provenance import Provenance, repository
from tasks.report.reading.provenance import is_nano
from tasks.report.report import read_report
from tasks.report.schema.data import ReportData
from tasks.report.schema.run_data import Averages, Run
from tasks.report.schema.values import Estimate
from tasks.runtime.files.markdown import words
from tasks.runtime.store.store import Manifest


def model_card(told: Provenance, licence: str, with_sft: bool) -> str:
    """The text of README.md."""
    method, seed = told.run
    is_agent = told.made.kind == "train_agent"
    named = "/".join(told.name.split("/")[1:-1]) or told.name
    what = "The rewriting agent: a LoRA adapter that rewrites demonstrations" if is_agent else "A fine-tuned model"
    parts = [
        header(_fields(told, licence, is_agent)),
        f"# {'Agent' if is_agent else 'Model'} {words(named)}\n",
        f"{what}, made by rewriting-agent: backbone {words(told.backbone)}, method {words(method or 'not noted')}, "
        f"seed {words('not noted' if seed is None else seed)}.\n",
    ]
    found = report_of(told)
    if is_nano(told.backbone):
        parts.append("nano is a toy of about a million parameters: its figures claim nothing about large models.\n")
    parts += ["## Scores\n", _scores(told, found)] if not is_agent else ["## As a rewriter\n", _rewriter(found)]
    parts += ["## Training\n", table(("setting", "value"), _settings(told.made.config))]
    parts.append(table(("figure of the training", "value"), _settings(told.made.metrics)))
    if with_sft:
        parts.append("`sft/` holds the configuration: `cd sft && llamafactory-cli train sft.yaml`.\n")
    return "\n".join([*parts, "## Where it comes from\n", _lineage(told)])


def report_of(told: Provenance) -> tuple[Manifest, str, ReportData] | None:
    """The newest report that has this artifact, what it calls its run ("sft/0"), and its data."""
    for one in told.home.manifests():
        if one.kind == "report":
            for place, artifact in one.inputs.items():
                role, _, run = place.partition(".")
                if role in ("model", "agent") and artifact.key == told.made.key:
                    return one, run, read_report(told.home.path(one.key))
    return None


def _fields(told: Provenance, licence: str, is_agent: bool) -> dict[str, Any]:
    pi_0 = told.above.get(told.made.inputs["backbone"].key)
    base = repository(pi_0.identity) if pi_0 else None
    return (
        ({"license": licence} if licence else {})
        | ({"base_model": base[0]} if base else {})
        | {"library_name": "peft" if is_agent else "transformers", "pipeline_tag": "text-generation"}
        | {"tags": ["sft" if not is_agent else "grpo", "rewriting-agent"]}
    )


def _scores(told: Provenance, found: tuple[Manifest, str, ReportData] | None) -> str:
    run = _run(found)
    if found is None or run is None:
        return "No report in the store has it: nothing is claimed.\n"
    manifest, _, data = found
    rows = []
    for name, score in run.scores.items():
        base = data.base.scores.get(name)
        said = [f"{one.accuracy:.1%} [{one.low:.1%}, {one.high:.1%}]" if one else "" for one in (base, score)]
        rows.append((words(name), *said, f"{score.n:,}"))
    for label, of in (("mean, downstream", "math"), ("mean, general", "general")):
        rows.append((label, *(_share(getattr(one.averages, of)) for one in (data.base, run)), ""))
    head = f"Accuracy with {data.confidence:.0%} intervals, from report {code(manifest.key)}; one training seed.\n\n"
    return head + table(("benchmark", "base", "this model", "questions"), rows) + _forgotten(run.averages)


def _forgotten(averages: Averages) -> str:
    drop = averages.general_drop_percent
    if drop is None:
        return "\nWhat was forgotten was not measured.\n"
    low, high, value = (None if one is None else round(one, 1) + 0.0 for one in (drop.low, drop.high, drop.value))
    interval = "" if low is None or high is None else f" [{low:.1f}, {high:.1f}]"
    return f"\n**What was forgotten**: {value:.1f} %{interval} of the base's mean on general benchmarks.\n"


def _rewriter(found: tuple[Manifest, str, ReportData] | None) -> str:
    method = found[1].partition("/")[0] if found else ""
    rows = [one for one in found[2].held_out if one.rewriter in ("untrained", method)] if found else []
    if found is None or not rows:
        return "No report in the store has it: nothing is claimed.\n"
    said = []
    for one in rows:
        seen, likely = f"{one.rows:,} × {one.candidates}", _plain(one.nll_passing)
        said.append((words(one.rewriter), seen, f"{one.seeds}", _share(one.pass_rate), likely))
    head = ("rewriter", "held-out rows", "seeds", "pass rate", "NLL of passing rewrites, nats a token")
    return f"From report {code(found[0].key)}, which counts all its seeds together.\n\n" + table(head, said)


def _run(found: tuple[Manifest, str, ReportData] | None) -> Run | None:
    if found is None:
        return None
    method, _, seed = found[1].partition("/")
    return next((one for one in found[2].runs if one.method == method and str(one.seed) == seed), None)


def _share(one: Estimate | None) -> str:
    if one is None:
        return ""
    return f"{one.value:.1%}" + ("" if one.low is None or one.high is None else f" [{one.low:.1%}, {one.high:.1%}]")


def _plain(one: Estimate | None) -> str:
    if one is None:
        return ""
    return f"{one.value:.3f}" + ("" if one.low is None or one.high is None else f" [{one.low:.3f}, {one.high:.3f}]")


def _settings(said: dict[str, Any]) -> list[tuple[str, str]]:
    return [(words(name), words(value)) for name, value in said.items() if value is not None]


def _lineage(told: Provenance) -> str:
    said = [(words(told.name), code(told.made.key)), ("content digest", code(told.made.digest))]
    said.append(("commit of rewriting-agent", words(told.made.run.get("commit") or "not noted")))
    said += [(words(name), code(key)) for name, key in told.lines() if key != told.made.key]
    return table(("made from", "key"), said + [("gone from the store", code(key)) for key in told.gone])
