"""A training set as a folder that others read: Parquet, a card, and the files of LLaMA-Factory and axolotl.

In:  the manifest of stage assemble
Out: FOLDER/data/train-00000-of-00001.parquet      {"id": "numinamath_cot/7d77…", "question": "Eva …", "target": "…",
         "kind": "rewrite", "passed": true, "answer_verdict": "correct", …, "nll": 0.71, "tokens": 45,
         "prompt_key": "95d6…", "model_key": "e587…", …, "prompt": [{"role": "user", …}], "completion": [{…}]}
     FOLDER/messages/train-00000-of-00001.parquet  {"id": "…", "messages": [{"role": "user", …}, …]}
     FOLDER/README.md, dataset_info.json (LLaMA-Factory), axolotl.yaml

`prompt` is the user turn that the models of this project are trained with, so a trainer that renders the chat template
trains on the same texts. Rows are read and written block by block: memory does not grow with the dataset but for NLLs.
"""

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from flows.hand_on.dataset_card import dataset_card
from flows.hand_on.new_folder import new_folder
from flows.hand_on.provenance import HandOnError, Provenance, provenance
from tasks.rows.jsonl import Row, RowError, read_rows
from tasks.rows.prompts import domain_of, prompts_digest, question_prompt
from tasks.runtime.files.plain_text import utf8
from tasks.runtime.files.whole_file import whole, write_json
from tasks.runtime.store.store import Manifest, Store

FILE = "train-00000-of-00001.parquet"
DATA, MESSAGES = f"data/{FILE}", f"messages/{FILE}"
NAME = "rewritten"  # what LLaMA-Factory's `dataset:` calls it
BLOCK = 1000  # rows
_OWN = {"id", "question", "solution", "target", "tokens"}  # fields of a split's row that have columns of another name


def write_dataset(home: Store, made: Manifest, folder: Path, licence: str = "") -> int:
    """Write the training set `made` into `folder`, which is made; returns the number of rows.

    Raises:
        FileExistsError: something lies at `folder`.
        HandOnError: its prompts are not those of this version, or the split that it was made of is gone.
        RowError: a row of the training set is not in the split that it was made of.
    """
    told = provenance(home, made)
    if made.inputs["rows"].key in told.gone:
        raise HandOnError(f"{told.name}: its split {made.inputs['rows'].key} is gone from {home.root}: run it again")
    score = _score(told)
    prompt_key = _prompt_key(told, score)
    with new_folder(folder) as out:
        rows = _rows(told, score, prompt_key)
        count = _write(rows, out)
        write_json(out / "dataset_info.json", LLAMA_FACTORY)
        with whole(out / "axolotl.yaml") as file:
            file.write(AXOLOTL)
        with whole(out / "README.md") as file:
            file.write(dataset_card(told, score, prompt_key, count, licence))
    return count


LLAMA_FACTORY = {
    NAME: {
        "file_name": MESSAGES,
        "formatting": "sharegpt",
        "columns": {"messages": "messages"},
        "tags": {"role_tag": "role", "content_tag": "content", "user_tag": "user", "assistant_tag": "assistant"},
    }
}

AXOLOTL = f"""\
# For axolotl: take this into your own configuration, the path seen from where axolotl is started.
datasets:
  - path: {MESSAGES}
    ds_type: parquet
    type: chat_template
    field_messages: messages
    message_property_mappings:
      role: role
      content: content
    roles_to_train: [assistant]
    train_on_eos: turn
train_on_inputs: false
"""


def _schema() -> Any:
    import pyarrow as pa

    turns = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
    text = ("id", "question", "target", "kind")
    verdict = ("answer_verdict", "answer_reason", "extracted", "gold")
    judged = ("reasoning_reason", "judge", "fallback_reason")
    return pa.schema(
        [(name, pa.string()) for name in text]
        + [("passed", pa.bool_())]
        + [(name, pa.string()) for name in verdict]
        + [("reasoning_valid", pa.bool_())]
        + [(name, pa.string()) for name in judged]
        + [("nll", pa.float64()), ("tokens", pa.int64())]
        + [(name, pa.string()) for name in ("prompt_key", "model_key", "expert", "row")]
        + [("prompt", turns), ("completion", turns)]
    )


def _messages_schema() -> Any:
    import pyarrow as pa

    turns = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
    return pa.schema([("id", pa.string()), ("messages", turns)])


def _write(rows: Iterator[Row], out: Path) -> int:
    """Both Parquet files, a row group a block."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    count = 0
    for name in (DATA, MESSAGES):
        (out / name).parent.mkdir(parents=True)
    with (
        pq.ParquetWriter(out / DATA, _schema(), compression="zstd") as data,
        pq.ParquetWriter(out / MESSAGES, _messages_schema(), compression="zstd") as messages,
    ):
        while block := list(islice(rows, BLOCK)):
            data.write_table(pa.Table.from_pylist(block, schema=_schema()))
            turns = [{"id": row["id"], "messages": row["prompt"] + row["completion"]} for row in block]
            messages.write_table(pa.Table.from_pylist(turns, schema=_messages_schema()))
            count += len(block)
    return count


def _rows(told: Provenance, score: Manifest | None, prompt_key: str) -> Iterator[Row]:
    """The rows as they are written, joined by id with the split that they were made of and with their NLL."""
    home, made = told.home, told.made
    nll = {} if score is None else {row["id"]: row for row in read_rows(home.path(score.key) / "scores.jsonl", ["id"])}
    models = _models(told)
    split_path = home.path(made.inputs["rows"].key) / "rows.jsonl"
    split = read_rows(split_path, ["id", "solution"])
    for row in read_rows(home.path(made.key) / "rows.jsonl", ["id", "question", "target", "kind"]):
        source = next((one for one in split if one["id"] == row["id"]), None)  # both in one order; rows may be left out
        if source is None:
            raise RowError(split_path, f"row {row['id']}", "id", "is in the training set and not, in its order, here")
        yield _row(row, source, nll.get(row["id"], {}), prompt_key, models.get(row["kind"]))


def _row(row: Row, source: Row, nll: Row, prompt_key: str, model_key: str | None) -> Row:
    verdict = row.get("verdict") or {}
    answer, reasoning = verdict.get("answer") or {}, verdict.get("reasoning") or {}
    carried = {name: value for name, value in source.items() if name not in _OWN}
    said: Row = {
        "id": row["id"],
        "question": row["question"],
        "target": row["target"],
        "kind": row["kind"],
        "passed": verdict.get("passed"),
        "answer_verdict": answer.get("verdict"),
        "answer_reason": answer.get("reason"),
        "extracted": answer.get("extracted"),
        "gold": answer.get("gold"),
        "reasoning_valid": reasoning.get("valid"),
        "reasoning_reason": reasoning.get("reason"),
        "judge": reasoning.get("judge"),
        "fallback_reason": row.get("fallback_reason"),
        "nll": nll.get("nll"),
        "tokens": nll.get("tokens"),
        "prompt_key": prompt_key,
        "model_key": model_key,
        "expert": source["solution"],
        "row": json.dumps(carried, ensure_ascii=False, sort_keys=True),
        "prompt": [{"role": "user", "content": utf8(question_prompt(row["question"], domain_of(row)))}],
        "completion": [{"role": "assistant", "content": utf8(row["target"])}],
    }
    return {name: utf8(value) if isinstance(value, str) else value for name, value in said.items()}


def _models(told: Provenance) -> dict[str, str]:
    """By kind of target the key of the model that wrote it: the agent where there is one, else pi_0."""
    found = {}
    for kind, stage in (("rewrite", "rewrite"), ("self_solution", "self_solve")):
        direct = [told.above.get(one.key) for one in told.made.inputs.values() if one.kind == stage]
        for manifest in direct:
            if manifest is not None:
                found[kind] = (manifest.inputs.get("adapter") or manifest.inputs["backbone"]).key
    return found


def _score(told: Provenance) -> Manifest | None:
    """What scored the targets under pi_0: its own backbone's where the set was made with one, else the newest."""
    key = told.made.key
    found = [one for one in told.home.manifests() if one.kind == "score" and "rewrites" not in one.inputs]
    found = [one for one in found if one.inputs["rows"].key == key]
    own = {one.key for one in told.of_kind("backbone")}
    return next((one for one in found if one.inputs["backbone"].key in own), next(iter(found), None))


def _prompt_key(told: Provenance, score: Manifest | None) -> str:
    """The digest of the prompts that its targets were sampled and scored with, which must be this version's."""
    now = prompts_digest()
    asked = [*told.of_kind("rewrite", "self_solve"), *([score] if score else [])]
    for one in asked:
        if one.identity != now:
            commit = one.run.get("commit", "")
            raise HandOnError(
                f"{told.home.name(one)} was made with other prompts than this version has"
                f"{f' (commit {commit})' if commit else ''}: hand it on with the version that made it"
            )
    return now
