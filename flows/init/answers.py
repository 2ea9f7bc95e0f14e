"""The five answers, and what each of them says of the experiment.

In:  Answers(model="Qwen/Qwen3-0.6B@c189…", data=exam.jsonl, domain="multiple_choice", size="small", gpus=1)
Out: {"backbone": {"name": "Qwen3-0.6B", "model": "Qwen/Qwen3-0.6B", "revision": "c189…"}, "corpora": [{…}], "gate": …}
"""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from flows.experiment_files import BACKBONES, PRESETS, backbone_names, merged
from tasks.rows.source import COMMIT
from tasks.verify.verifiers.options import VerifierOptions
from tasks.verify.verifiers.registry import MATH

Tree = dict[str, Any]
CPU = Path(__file__).with_name("cpu.yaml")
WHOLE = "whole"  # no preset: the defaults, which are the paper's sizes
SIZES = ("night", "small", "smoke")  # presets that say how much; the others say where, or with whose settings
_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")


class AnswerError(ValueError):
    """An answer that cannot be used; says what to type."""


@dataclass(frozen=True)
class Answers:
    """What was asked; `options` are the verifier's, `rubric` what a judge is asked."""

    model: str
    data: Path
    domain: str
    size: str
    gpus: int
    mapping: dict[str, str] = field(default_factory=dict)
    encoding: str | None = None
    options: Tree = field(default_factory=dict)
    rubric: str | None = None


def sizes() -> dict[str, str]:
    """How much may be computed: presets by name, each with the first sentence of its file; and the whole."""
    found = {name: _first_sentence(PRESETS / f"{name}.yaml") for name in SIZES}
    return found | {WHOLE: "The paper's sizes: 50,000 rows for the agent and 50,000 for SFT, or what there is."}


def drafted(answers: Answers) -> Tree:
    """The experiment's values, without what depends on how many and how long the rows are.

    Raises:
        AnswerError: no such model or size, or a model of the hub without its commit.
    """
    values = model_values(answers.model)
    on_cpu = values.get("train_agent", {}).get("rollout") == "transformers"  # the file of a model for CPUs
    if answers.gpus == 0 and not on_cpu:
        values = merged(_read(CPU), values)
    if answers.gpus:
        values = merged(values, _read(PRESETS / ("one_gpu.yaml" if answers.gpus == 1 else "four_gpus.yaml")))
    if answers.gpus > 1:
        values = merged(values, {"train_agent": {"verl": {"gpus": answers.gpus}}})
    if answers.size != WHOLE:
        if answers.size not in sizes():
            raise AnswerError(f"--size {answers.size}: there are {', '.join(sizes())}")
        values = merged(values, _read(PRESETS / f"{answers.size}.yaml"))
    values["corpora"] = [_corpus(answers)]
    gate = _gate(answers, values.pop("gate", {}))
    return values | ({"gate": gate} if gate else {})


def model_values(model: str) -> Tree:
    """The values of a backbone's file, or those of a folder, a GGUF file or a model on the hub. Raises AnswerError."""
    if model in backbone_names():
        return _read(BACKBONES / f"{model}.yaml")
    path = Path(model).expanduser()
    if path.exists():
        if not path.is_dir() and path.suffix.lower() != ".gguf":
            raise AnswerError(f"--model {model}: is a file; give the model's folder, or a GGUF file")
        if path.is_dir() and not (path / "config.json").is_file():
            raise AnswerError(f"--model {model}: holds no config.json, so it is no folder of a model")
        return {"backbone": {"name": path.resolve().name.removesuffix(".gguf"), "model": str(path.resolve())}}
    repository, _, commit = model.partition("@")
    if not _REPOSITORY.fullmatch(repository):
        raise AnswerError(
            f"--model {model}: no folder or file lies there, no backbone is called so ({', '.join(backbone_names())}), "
            "and it is no id on the hub (owner/name@commit)"
        )
    return {
        "backbone": {"name": repository.partition("/")[2], "model": repository, "revision": _commit(repository, commit)}
    }


def _commit(repository: str, commit: str) -> str:
    """The full commit of a model on the hub: as given, else the newest that the hub names."""
    if COMMIT.fullmatch(commit):
        return commit
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HTTPError

    try:
        found = HfApi().model_info(repository, revision=commit or None, timeout=20).sha
    except (HTTPError, OSError) as error:
        said = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise AnswerError(
            f"--model {repository}: the hub did not say which commit is meant ({said}); give it, 40 hex digits "
            f"(on the model's page, Files, History): --model {repository}@COMMIT, or copy the model and name its folder"
        ) from None
    return str(found)


def _corpus(answers: Answers) -> Tree:
    stem = answers.data.resolve().name.partition(".")[0].lower()
    found: Tree = {"name": re.sub(r"[^a-z0-9]+", "_", stem).strip("_") or "mine", "path": str(answers.data.resolve())}
    found |= {} if answers.domain == MATH else {"domain": "general"}
    found |= {"map": answers.mapping} if answers.mapping else {}
    return found | ({"encoding": answers.encoding} if answers.encoding else {})


def _gate(answers: Answers, gate: Tree) -> Tree:
    """How rewrites are verified, besides what the backbone's file says of a judge."""
    judge = dict(gate.get("judge", {}))
    if answers.rubric:
        judge = ({} if judge.get("kind") == "arithmetic" else judge) | {"rubric": answers.rubric}
    gate = {name: value for name, value in gate.items() if name != "judge"} | ({"judge": judge} if judge else {})
    if answers.domain == MATH:
        return gate
    options = VerifierOptions.model_validate(answers.options)  # its files by their whole paths
    told = options.model_dump(mode="json", include=options.given())
    gate |= {"verifier": answers.domain} | ({"options": told} if told else {})
    if judge.get("kind") == "arithmetic":  # it judges word problems alone, and this backbone is too small to judge
        gate |= {"answers": gate.get("answers", {}) | {"reasoning": False}}
        del gate["judge"]
    return gate


def _read(path: Path) -> Tree:
    return dict(yaml.safe_load(path.read_text(encoding="utf-8")))


def _first_sentence(path: Path) -> str:
    head = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            break
        head.append(line.lstrip("# "))
    return " ".join(head).partition(". ")[0].rstrip(".") + "."
