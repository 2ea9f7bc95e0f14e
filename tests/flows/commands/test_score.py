"""`rewriting-agent score`: a user's file and a model in, a table and a recommendation out."""

import os
import subprocess
import sys
from itertools import islice
from pathlib import Path

import pytest
import yaml

from tasks.rows.jsonl import read_rows, write_rows
from tests.conftest import ROOT

CORPUS = ROOT / "infra" / "nano" / "corpora" / "open_math_reasoning.jsonl.gz"
HUB = "backbone: {name: mine, model: meta-llama/Llama-3.2-1B-Instruct}"


def score(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"COLUMNS": "200"}
    command = [sys.executable, "-m", "flows", "score", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=500)


@pytest.mark.slow
def test_a_file_is_compared_with_the_models_own_answers(tmp_path: Path) -> None:
    file, scored = tmp_path / "mine.jsonl", tmp_path / "scored.jsonl"
    rows = [
        {
            "id": f"r{number}",
            "problem": row["problem"],
            "solution": row["generated_solution"],
            "source": "[forum]" if number < 32 else "book",
        }
        for number, row in enumerate(islice(read_rows(CORPUS), 40))
    ]
    too_long = {"id": "long", "problem": rows[0]["problem"], "solution": "7 plums and " * 400, "source": "book"}
    write_rows(file, [*rows, too_long, {"problem": "no solution"}])
    done = score(str(file), "--backbone", "nano", "--own", "40", "--max-new-tokens", "96", "--json", str(scored))
    assert done.returncode == 0, done.stderr
    written = list(read_rows(scored))
    assert [row["id"] for row in written] == [row["id"] for row in rows], "those that fit, in the file's order"
    assert all(row["nll"] > 0 and row["tokens"] > 0 for row in written)
    own = [row["own_nll"] for row in written if row["own_nll"] is not None]
    assert len(own) >= 30 and sum(own) / len(own) < sum(row["nll"] for row in written) / len(written)
    lines = done.stdout.splitlines()
    cells = {cell[0]: cell[1:] for line in lines if len(cell := [c.strip() for c in line.split("│")[1:-1]]) == 5}
    assert {source: cell[0] for source, cell in cells.items()} == {"all": "40", "[forum]": "32", "book": "8"}
    assert cells["book"][2].endswith("*") and not cells["[forum]"][2].endswith("*")
    assert "* of all sources" in done.stdout
    (misfit,) = (line for line in lines if line.startswith("1 rows do not fit the model's context; first: "))
    assert "512" in misfit
    assert any(line.startswith("1 rows cannot be read; first: line 42: field 'solution'") for line in lines)
    assert "ff-distribution: a target is less likely" in done.stdout, "nano's experts write otherwise than nano"


@pytest.mark.slow
def test_rows_of_another_domain_are_asked_as_they_stand(tmp_path: Path) -> None:
    """By the prompt that the backbone's file, or --domain, says; the NLLs are the scorer's own."""
    file, ours = tmp_path / "mine.jsonl", tmp_path / "mine.yaml"
    raw = [{"question": row["problem"], "solution": row["generated_solution"]} for row in islice(read_rows(CORPUS), 8)]
    write_rows(file, raw)
    values = yaml.safe_load((ROOT / "infra" / "backbones" / "nano.yaml").read_text())
    values["corpora"] = [{"name": "mine", "path": str(file), "domain": "general"}]
    ours.write_text(yaml.safe_dump(values))
    nlls = []
    for number, arguments in enumerate((["-b", str(ours)], ["--domain", "general"], ["--domain", "math"])):
        out = tmp_path / f"{number}.jsonl"
        done = score(str(file), *arguments, "--own", "8", "--max-new-tokens", "96", "--json", str(out))
        assert out.exists(), done.stderr
        nlls.append([row["nll"] for row in read_rows(out)])
    assert nlls[0] == nlls[1] != nlls[2]
    row = raw[0]
    script = (
        "import sys; from pathlib import Path; from tasks.rows.tokens import ChatTokens;"
        "from tasks.score.load import load_backbone; from tasks.score.nll import NLLScorer, Target;"
        "folder = Path('infra/nano/model'); model = load_backbone(folder, 'auto', False);"
        "scorer = NLLScorer.from_model(model, ChatTokens(folder));"
        "targets = [Target(d, *sys.argv[1:], domain=d) for d in ('general/1', 'math')];"
        "print(*(one.nll for one in scorer.score(targets)))"
    )
    python = ROOT / ".envs" / "inference" / "bin" / "python"
    told = subprocess.run([python, "-c", script, row["question"], row["solution"]], cwd=ROOT, capture_output=True)
    general, math = map(float, told.stdout.split()[-2:])
    assert nlls[0][0] == pytest.approx(general, abs=1e-4) and nlls[2][0] == pytest.approx(math, abs=1e-4)


def test_a_model_on_the_hub_without_a_commit_is_refused(tmp_path: Path) -> None:
    file, backbone = tmp_path / "mine.jsonl", tmp_path / "mine.yaml"
    write_rows(file, [{"problem": "1 + 1?", "solution": "2"}])
    backbone.write_text(HUB)
    done = score(str(file), "--backbone", str(backbone))
    assert done.returncode == 1
    assert "give `revision` as a full commit" in done.stderr
