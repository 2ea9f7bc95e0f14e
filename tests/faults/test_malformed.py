"""Malformed files, experiments and arguments, made from right ones by a seed: a sentence each, never a traceback alone.

In:  {"id": 1, "gold": "72", "solution": "…"}       with bytes turned, cut, doubled, or other values put in
Out: rows set aside with line, field and reason; or an error that names the file, and what to do
"""

import json
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from typer.testing import CliRunner

from flows.cli import app
from flows.experiment import Experiment, load_experiment
from flows.experiment_files import ExperimentError
from flows.overrides import OverrideError, parse
from tests.conftest import ROOT
from tests.faults.conftest import Figure, Times

ROWS = [{"id": n, "gold": str(2 * n), "solution": f"{n} + {n} = \\boxed{{{2 * n}}}"} for n in range(8)]
ODD: list[Any] = [None, "", -1, 1e400, float("nan"), [], {}, [[1]], "\ud800", "\x00", True, "9" * 5000, {"a": {"b": 1}}]


def garble(content: bytes, draw: random.Random) -> bytes:
    """The bytes with some of them turned, cut off, doubled, or with others put between."""
    at, to = sorted((draw.randrange(len(content)), draw.randrange(len(content))))
    match draw.randrange(6):
        case 0:
            return content[:at]
        case 1:
            return content[:at] + content[to:]
        case 2:
            return content[:to] + content[at:]
        case 3:
            return content[:at] + draw.randbytes(draw.randrange(1, 40)) + content[at:]
        case 4:
            return content[:at] + draw.choice([b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"[" * 3000, b'"']) + content[at:]
        case _:
            turned = bytearray(content)
            for _ in range(draw.randrange(1, 9)):
                turned[draw.randrange(len(turned))] ^= 1 << draw.randrange(8)
            return bytes(turned)


def parquet(path: Path) -> None:
    pq.write_table(pa.Table.from_pylist([row | {"id": str(row["id"])} for row in ROWS]), path)


FILES: dict[str, Callable[[Path], object]] = {
    "rows.jsonl": lambda path: path.write_text("".join(json.dumps(row) + "\n" for row in ROWS)),
    "rows.json": lambda path: path.write_text(json.dumps(ROWS, indent=1)),
    "rows.csv": lambda path: path.write_text("id,gold,solution\n" + "1,72,\\boxed{72}\n" * 8),
    "rows.parquet": parquet,
}


@pytest.mark.parametrize("name", FILES)
def test_rows(tmp_path: Path, name: str, figure: Figure, times: Times) -> None:
    file, draw, held = tmp_path / name, random.Random(14), 0
    FILES[name](file)
    whole = file.read_bytes()
    for _ in range(tried := times(1, 10)):
        file.write_bytes(garble(whole, draw))
        done = CliRunner().invoke(app, ["verify", str(file), "--processes", "1"])
        sentence = done.exit_code == 0 or name in "".join(done.output.split())
        held += (done.exception is None or isinstance(done.exception, SystemExit)) and sentence
        assert sentence and "Traceback" not in done.output, done.output
    figure(f"garbled {name}", tried=tried, held=held, how="verdicts and rows set aside, or an error that names it")


def test_values_of_rows(tmp_path: Path, figure: Figure, times: Times) -> None:
    file, draw = tmp_path / "rows.jsonl", random.Random(14)
    rows = [row | {draw.choice(["id", "gold", "solution"]): draw.choice(ODD)} for row in ROWS * times(2, 40)]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = CliRunner().invoke(app, ["verify", str(file), "--processes", "1", "--json", str(tmp_path / "out.jsonl")])
    assert done.exit_code == 1 and "Traceback" not in done.output, done.output
    said = len((tmp_path / "out.jsonl").read_text().splitlines())
    found = re.search(r"(\d+) rows are not verified", " ".join(done.output.split()))
    assert found and "field" in done.output, done.output
    aside = int(found[1])
    figure(
        "rows with odd values",
        tried=len(rows),
        held=said + aside,
        how=f"{said} with a verdict, {aside} told by line and field",
    )


def test_experiment_files(tmp_path: Path, figure: Figure, times: Times) -> None:
    draw, held, loaded, file = random.Random(14), 0, 0, tmp_path / "mine.yaml"
    whole = (ROOT / "infra" / "backbones" / "nano.yaml").read_bytes()
    for _ in range(tried := times(20, 400)):
        file.write_bytes(garble(whole, draw))
        try:
            load_experiment(str(file))
            loaded += 1
        except ExperimentError as error:
            held += "mine.yaml" in str(error)
    figure("garbled experiment file", tried=tried - loaded, held=held, how=f"named; {loaded} more were still right")


def test_values_of_experiments(tmp_path: Path, figure: Figure, times: Times) -> None:
    draw, held, loaded, file = random.Random(14), 0, 0, tmp_path / "mine.yaml"
    nano = yaml.safe_load((ROOT / "infra" / "backbones" / "nano.yaml").read_text())
    for _ in range(tried := times(20, 400)):
        changed = json.loads(json.dumps(nano))
        section = draw.choice(sorted(changed))
        field = section
        if isinstance(changed[section], dict):
            inner = draw.choice(sorted(changed[section]))
            changed[section][inner] = draw.choice(ODD[:8] + ODD[10:])
            field = inner
        else:
            changed[section] = draw.choice(ODD[:8] + ODD[10:])
        file.write_text(json.dumps(changed))  # JSON is YAML
        try:
            load_experiment(str(file))
            loaded += 1
        except ExperimentError as error:
            held += field in str(error) or section in str(error)
    figure(
        "experiment with an odd value", tried=tried - loaded, held=held, how=f"field named; {loaded} more were right"
    )


def test_arguments(figure: Figure, times: Times) -> None:
    draw, held, loaded = random.Random(14), 0, 0
    right = ["sample.rows=500", "corpora.0.path=mine.jsonl", "finetune.learning_rate=1e-4", "evaluate.limit=3"]
    for _ in range(tried := times(20, 400)):
        given = garble(draw.choice(right).encode(), draw).decode("utf-8", "replace")
        try:
            load_experiment("nano", parse([given], Experiment))
            loaded += 1
        except (ExperimentError, OverrideError) as error:
            held += len(str(error)) > 10
    figure("garbled --set", tried=tried - loaded, held=held, how=f"a sentence; {loaded} more were still right")
