"""How long solutions are, before a model has counted them: by the table, or by a file's first rows."""

import csv
import gzip
import json
from pathlib import Path

import pytest

from flows.plan.lengths import BESIDE, PER_TOKEN, Drawn, Solutions, solutions
from tasks.corpus.corpus import CorpusConfig
from tasks.corpus.papers import NUMINAMATH_COT, PAPERS


@pytest.mark.parametrize("most", [384, 512, 1024, 2048])
def test_a_lognormal_says_which_of_numinamaths_rows_fit(data_folder: Path, most: int) -> None:
    text = gzip.decompress((data_folder / "corpora" / "numinamath_cot_sample_1k.jsonl.gz").read_bytes())
    counted = [len(json.loads(line)["response"]) / PER_TOKEN["math"] for line in text.splitlines()]
    short = [one for one in counted if one <= most]
    share, mean = solutions(NUMINAMATH_COT).within(most)
    assert share == pytest.approx(len(short) / len(counted), abs=0.03)
    assert mean == pytest.approx(sum(short) / len(short), rel=0.07)


def test_the_papers_mixture_is_mostly_long_traces() -> None:
    """A third of its rows have a prompt that the agent may read (E.2: 2,048 tokens), most of them NuminaMath-CoT's."""
    both = Drawn(tuple(map(solutions, PAPERS)), 8192)
    assert both.tokens == pytest.approx(3431, abs=5)
    assert both.prompted(2048) == pytest.approx(0.32, abs=0.01)
    assert both.rewritten() == 400, "an instruction-tuned model's, not the trace's"
    numinamath = Drawn((solutions(NUMINAMATH_COT),), 8192)
    assert (numinamath.tokens, numinamath.prompted(2048)) == (pytest.approx(425, abs=1), pytest.approx(0.99, abs=0.01))
    one_file = NUMINAMATH_COT.model_copy(update={"files": "data/train-00000-of-00005.parquet"})
    assert solutions(one_file).rows == 859494 // 5


def test_a_file_of_ones_own_is_looked_at(tmp_path: Path) -> None:
    """Whatever its kind and shape; rows that are none are passed over."""
    texts = ["x" * (54 if n % 2 else 270) for n in range(400)]
    chat = tmp_path / "chat.jsonl"
    turns = [[{"role": "user", "content": "why?"}, {"role": "assistant", "content": text}] for text in texts]
    chat.write_text("\n".join(["no JSON", *(json.dumps({"messages": one}) for one in turns)]) + "\n", encoding="utf-8")
    table = tmp_path / "rows.csv"
    with table.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["problem", "solution"], *(["why?", text] for text in texts)])
    for path in (chat, table):
        found = solutions(CorpusConfig(name="mine", path=str(path)))
        assert (found.rows, found.tokens) == (pytest.approx(400, rel=0.01), pytest.approx(60))
        assert found.spread == pytest.approx(0.805, abs=0.001)
    prose = solutions(CorpusConfig(name="mine", path=str(chat), domain="general"))
    assert prose.tokens == pytest.approx(162 / 4)
    drawn = Drawn((found,), 64 + BESIDE)
    assert drawn.tokens < 60 and drawn.rewritten() == drawn.tokens, "a rewrite is as long as a short demonstration"


def test_a_file_that_cannot_be_read_is_left_to_the_checks(tmp_path: Path) -> None:
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 and no more")
    (tmp_path / "broken.jsonl.gz").write_bytes(gzip.compress(b"x" * 9999)[:40])
    for path in ("broken.parquet", "broken.jsonl.gz", "none.jsonl"):
        found = solutions(CorpusConfig(name="mine", path=str(tmp_path / path)))
        assert (found.rows, found.tokens) == (0, 425)


def test_rows_of_which_none_is_short_enough() -> None:
    assert Drawn((Solutions(10, 7400, 0.1),), 100 + BESIDE).tokens == 100
    assert Drawn((), 8192).prompted(2048) == 0
