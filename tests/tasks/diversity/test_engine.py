"""What a rewrite adds to its row's diversity, of those that pass, by nano's real embedder."""

from pathlib import Path

import numpy as np
import pytest

from tasks.diversity.config import DiversitySpec
from tasks.generation.variables import engine_variables
from tasks.rows.jsonl import read_rows, write_rows
from tests.conftest import ROOT
from tests.tasks import engines

pytestmark = pytest.mark.inference

TEXTS = {
    "00": "Ana has 7 coins. 7 + 5 = 12. The answer is 12.",
    "01": "Ana has 7 coins. 7 + 5 = 12. So the answer is 12.",
    "02": "One begins with the sum of what is owned and what is found, which suffices: 7 + 5 = 12.",
    "03": "wrong",
}


def test_it_is_the_fall_of_the_mean_distance_without_it(tmp_path: Path) -> None:
    from tasks.score.embeddings import Embedder

    rewrites, verdicts = {}, {}
    for sample, text in TEXTS.items():
        name = f"{sample}-000"
        rewrites[name], verdicts[name] = tmp_path / f"{name}.rewrites", tmp_path / f"{name}.verdicts"
        write_rows(rewrites[name], [{"id": one, "text": text} for one in "ab"])
        write_rows(verdicts[name], [{"id": "a", "passed": sample != "03"}, {"id": "b", "passed": sample == "01"}])
    embedder = ROOT / "infra" / "nano" / "embedder"
    spec = DiversitySpec(rewrites=rewrites, verdicts=verdicts, embedder=str(embedder), out=tmp_path, cuda=False)
    engines.run("tasks.diversity.engine", spec, tmp_path, engine_variables(cuda=False))
    found = {(row["id"], row["sample"]): row["contribution"] for row in read_rows(tmp_path / "contributions.jsonl")}
    assert set(found) == {("a", "00"), ("a", "01"), ("a", "02"), ("b", "01")}
    vectors = Embedder(str(embedder), cuda=False)([TEXTS[one] for one in ("00", "01", "02")]).astype(float)

    def mean_distance(rows: np.ndarray) -> float:
        pairs = [(1 - rows[i] @ rows[j]) / 2 for i in range(len(rows)) for j in range(i)]
        return float(np.mean(pairs))

    whole = mean_distance(vectors)
    for number, sample in enumerate(("00", "01", "02")):
        expected = whole - mean_distance(np.delete(vectors, number, axis=0))
        assert found["a", sample] == pytest.approx(expected, abs=1e-6)
    assert max(found, key=lambda one: found[one]) == ("a", "02") and found["b", "01"] == 0.0
