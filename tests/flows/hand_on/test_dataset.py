"""A training set that was taken out of the store is read by `datasets` as it is, and its card shows text as text."""

import json
from pathlib import Path

import pytest
import yaml
from datasets import load_dataset
from markdown_it import MarkdownIt

from flows.hand_on.dataset import write_dataset
from flows.hand_on.provenance import HandOnError, find
from tasks.rows.prompts import prompts_digest, question_prompt
from tasks.runtime.store.store import StoreError
from tests.flows.hand_on.made import training_set


@pytest.fixture
def written(tmp_path: Path) -> Path:
    home, made = training_set(tmp_path / "store")
    assert write_dataset(home, made, tmp_path / "out", licence="cc-by-4.0") == 3
    return tmp_path / "out"


def test_datasets_loads_the_folder_with_verdicts_nll_and_keys(written: Path, tmp_path: Path) -> None:
    rows = load_dataset(str(written), split="train", cache_dir=str(tmp_path / "cache"))
    assert rows["id"][:] == ["c/1", "c/2", "c/3"]
    one = rows[1]
    assert (one["kind"], one["passed"], one["answer_verdict"]) == ("rewrite", True, "correct")
    assert (one["nll"], one["tokens"], rows[0]["nll"]) == (0.5, 7, None)
    assert (one["prompt_key"], one["model_key"], rows[0]["model_key"]) == (prompts_digest(), "b0" * 16, None)
    assert one["prompt"] == [{"role": "user", "content": question_prompt(one["question"])}]
    assert one["completion"] == [{"role": "assistant", "content": one["target"]}]
    assert one["target"].startswith("rewritten a|b\n---") and "�" in one["target"]  # a lone surrogate is no UTF-8
    assert one["expert"].startswith("expert c/2") and json.loads(one["row"])["source"].startswith("a|b")
    assert rows[0]["fallback_reason"] == "wrong"
    messages = load_dataset(str(written), "messages", split="train", cache_dir=str(tmp_path / "cache"))
    assert messages[1]["messages"] == one["prompt"] + one["completion"]


def test_the_card_tells_yield_sources_and_provenance_and_no_text_acts_in_it(written: Path) -> None:
    card = (written / "README.md").read_text(encoding="utf-8")
    _, head, body = card.split("---\n", 2)
    fields = yaml.safe_load(head)
    assert fields["license"] == "cc-by-4.0" and fields["size_categories"] == ["n<1K"]
    for said in (
        "25.0% (1 of 4)",
        "apache-2.0",
        "13\\_gram | 5",
        "abc123",
        "`" + "a0" * 16 + "`",
        "`" + "b0" * 16 + "`",
    ):
        assert said in body
    html = MarkdownIt("gfm-like", {"linkify": False}).render(body)
    assert html.count("<h1>") == 1 and "<script" not in html and "<a " not in html
    assert "a|b --- # H &lt;script&gt;x&lt;/script&gt; [l](http://e.org) `c` @u &amp;amp;" in html  # as it was written


def test_nothing_is_overwritten_and_a_failure_leaves_nothing(tmp_path: Path) -> None:
    home, made = training_set(tmp_path / "store")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("mine")
    with pytest.raises(FileExistsError, match="is there already"):
        write_dataset(home, made, tmp_path / "out")
    rows = home.path(made.inputs["rows"].key) / "rows.jsonl"
    rows.write_text("".join(rows.read_text(encoding="utf-8").splitlines(keepends=True)[:-1]), encoding="utf-8")
    with pytest.raises(ValueError, match=r"row c/3.*is in the training set"):
        write_dataset(home, made, tmp_path / "other")
    assert {path.name for path in tmp_path.iterdir()} == {"store", "out"}
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine"]


def test_other_prompts_than_todays_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, made = training_set(tmp_path / "store")
    monkeypatch.setattr("flows.hand_on.dataset.prompts_digest", lambda: "changed")
    with pytest.raises(HandOnError, match="made with other prompts"):
        write_dataset(home, made, tmp_path / "out")


def test_a_training_set_is_found_by_key_name_and_run(tmp_path: Path) -> None:
    home, made = training_set(tmp_path / "store")
    for asked in ("a0a0", home.name(made), "assemble", "nano-sdft-seed-0"):
        assert find(home, asked, ("assemble",), "dataset", "training set") == made
    with pytest.raises(StoreError, match="no training set has a key or name that begins with 'c0c0'"):
        find(home, "c0c0", ("assemble",), "dataset", "training set")
