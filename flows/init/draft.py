"""From answers to the text of an experiment file that holds.

In:  Answers(model="nano", data=exam.jsonl, domain="multiple_choice", size="smoke", gpus=0)
Out: "# exam.jsonl and nano, …", what was found in the rows
"""

import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from flows.experiment import Experiment
from flows.experiment_files import merged
from flows.init.answers import AnswerError, Answers, Tree, drafted
from flows.init.fit import bad_share, fitted, with_lengths
from flows.init.rows import Found, look
from flows.init.written import as_yaml
from flows.overrides import problems
from tasks.rows.source import local_path
from tasks.verify.verifiers.options import VerifierOptions

WHY = {
    "sample.rows": "all that can be used",
    "split.sft_rows": "of nine tenths of the rows: some are too long, or ask a benchmark's question",
    "sample.max_tokens": "99 % of your rows are shorter",
    "train_agent.max_prompt_tokens": "a question with its answer and the rewriting prompt",
    "train_agent.max_new_tokens": "twice the tokens of an expert answer",
    "train_agent.prompts_per_step": "few rows: so that there are several steps",
    "finetune.global_batch": "few rows: so that there are several steps",
    "corpora.0.domain": "asked and rewritten without a word of mathematics",
    "corpora.0.max_bad_share": "rows that cannot be used are set aside and counted",
    "gate.verifier": "what decides that a rewrite is right (docs/your-domain.md)",
    "gate.answers.reasoning": "no judge: the model is too small; name a stronger one with gate.judge.url",
    "gate.judge.rubric": "what the judge is asked",
}


def draft(answers: Answers) -> tuple[str, Found]:
    """The file's text, and what was found in the rows.

    Raises:
        AnswerError: the answers do not fit together, or too few rows can be used.
    """
    values = drafted(answers)
    options = VerifierOptions.model_validate(answers.options)
    folder = _folder(values)
    found = look(answers.data, answers.domain, options, answers.mapping, answers.encoding, folder)
    if (share := bad_share(found)) is not None:
        values["corpora"][0]["max_bad_share"] = share
    changes = fitted(values, found)
    if found.lengths is not None and folder is not None and (context := _context(folder)):
        changes = merged(changes, with_lengths(values, found.lengths, context))
    values = merged(values, changes)
    try:
        Experiment.model_validate(values)
    except ValidationError as error:
        raise AnswerError(problems(error, Experiment)) from None
    name = values["backbone"]["name"]
    head = (
        f"{answers.data.name} and {name}, written by `rewriting-agent init`: domain {answers.domain}, size "
        f"{answers.size}, {answers.gpus or 'no'} GPU{'' if answers.gpus == 1 else 's'}.\n"
        "What is not here has the paper's value; every field can be added or changed. `rewriting-agent plan --backbone "
        "FILE` says what would run."
    )
    why = {field: said for field, said in WHY.items() if _has(changes, field) or not field.startswith(_SIZED)}
    return as_yaml(values, head, why), found


_SIZED = ("sample", "split", "train_agent", "finetune")  # remarks of these say why a value is not the preset's


def _has(values: Tree, field: str) -> bool:
    at: Any = values
    for name in field.split("."):
        if not isinstance(at, dict) or name not in at:
            return False
        at = at[name]
    return True


def _folder(values: Tree) -> Path | None:
    """The model's folder, where it is on this machine."""
    folder = local_path(values["backbone"]["model"])
    return folder if folder is not None and folder.is_dir() else None


def _context(folder: Path) -> int | None:
    said = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return said.get("max_position_embeddings")
