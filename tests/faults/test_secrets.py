"""A run that is given a secret in every variable that one is given by: none of them is written down anywhere.

Searched: the store with its logs, manifests and reports, what the terminal shows, OpenLineage's events, MLflow's and
W&B's files, what is handed on to others, and the database of the Prefect server. The judge's endpoint puts the key that
it was sent into its errors. What a person types into an experiment: tests/tasks/runtime/files/test_secret.py.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from prefect.settings import PREFECT_API_URL, PREFECT_SERVER_DATABASE_CONNECTION_URL

from tests.conftest import ROOT
from tests.faults.conftest import Figure
from tests.flows.small import SMALL
from tests.tasks.verify.judges.judge_server import Answer, judge_server

pytestmark = [pytest.mark.faults, pytest.mark.timeout(1800)]

VARIABLES = (
    *("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "OPENAI_API_KEY", "WANDB_API_KEY", "REWRITING_AGENT_JUDGE_API_KEY"),
    *("OPENLINEAGE_API_KEY", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN", "AWS_SECRET_ACCESS_KEY"),
)
GIVEN = {name: f"marked{number}4f0c1d5a9e27b3c8{number}" for number, name in enumerate(VARIABLES)}


def command(folder: Path, *words: str, **variables: str) -> str:
    """What `rewriting-agent` shows, which must end well."""
    named = {"REWRITING_AGENT_STORE": str(folder / "store"), "PREFECT_API_URL": str(PREFECT_API_URL.value())}
    asked = [sys.executable, "-m", "flows", *words]
    done = subprocess.run(
        asked, cwd=ROOT, env=os.environ | GIVEN | named | variables, capture_output=True, text=True, timeout=1500
    )
    (folder / f"{words[0]}.log").write_text(done.stdout + done.stderr)
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    return done.stdout + done.stderr


def test_no_secret_is_written_down(prefect_server: None, tmp_path: Path, figure: Figure) -> None:
    key = GIVEN["REWRITING_AGENT_JUDGE_API_KEY"]

    def script(call: int, body: dict[str, Any]) -> Answer:
        user = body["messages"][1]["content"]
        if call % 3 == 1 and "2 + 2" not in user:  # the two rows of the health check are answered
            return Answer(status=(429, 500, 400)[call % 9 // 3], raw=f'{{"error": "bad key {key}"}}'.encode())
        return Answer(valid="2 + 2 = 5" not in user, step=None if "2 + 2 = 5" not in user else "2 + 2 = 5")

    sinks = {
        "OPENLINEAGE": str(tmp_path / "events.jsonl"),
        "MLFLOW": f"sqlite:///{tmp_path}/mlflow.db",
        "WANDB": "project",
        "TENSORBOARD": str(tmp_path / "tensorboard"),
    }
    others = {"WANDB_MODE": "offline", "WANDB_DIR": str(tmp_path)}
    others |= {f"REWRITING_AGENT_{name}": where for name, where in sinks.items()}
    with judge_server(script) as server:
        judge = f"gate.judge={{kind: openai, url: '{server.url}', model: model, prefilter: false}}"
        changed = [f"{field}={value}" for field, value in SMALL.items()]
        given = [word for one in [judge, *changed] for word in ("--set", one)]
        command(tmp_path, "run", "--backbone", "nano", "--method", "sdft", *given, **others)
    assert server.authorizations.count(f"Bearer {key}") > 10
    command(tmp_path, "report", "--json", str(tmp_path / "report.json"))
    command(tmp_path, "dataset", "assemble/nano/sdft-seed0", "--out", str(tmp_path / "dataset"))
    command(tmp_path, "dashboard", "--export", str(tmp_path / "pages"))
    database = Path(urlsplit(str(PREFECT_SERVER_DATABASE_CONNECTION_URL.value())).path[1:])
    assert database.is_file() and b"sdft" in database.read_bytes() + _beside(database)
    files = [path for path in tmp_path.rglob("*") if path.is_file()] + [*database.parent.glob(f"{database.name}*")]
    kinds = {path.suffix for path in files}
    assert {".json", ".jsonl", ".log", ".html", ".db"} <= kinds and (tmp_path / "wandb").is_dir()
    holding = {(name, str(path)) for path in files for name in GIVEN if GIVEN[name].encode() in path.read_bytes()}
    assert not holding, sorted(holding)
    what = f"in none of {len(files):,} files: store, logs, reports, pages, events, sinks, Prefect's database"
    figure("secret in a variable of a whole run", tried=len(GIVEN), held=len(GIVEN), how=what)


def _beside(database: Path) -> bytes:
    """What SQLite has not yet put into the file itself."""
    return b"".join(path.read_bytes() for path in database.parent.glob(f"{database.name}-wal"))
