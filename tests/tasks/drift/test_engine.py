"""The engines on nano: nothing has moved from itself; a disturbed copy has, and every text says so once."""

import json
import math
import shutil
import sys

import pytest

from tasks.rows.jsonl import read_rows, write_rows
from tests.conftest import ROOT

pytestmark = pytest.mark.inference
NANO = ROOT / "infra" / "nano" / "model"
GENERAL, OWN, CHOICES = "general text: sums", "own answers: b", "choices: b"


def passage(name, text):
    return {"id": name, "thermometer": GENERAL, "prompt": None, "text": text, "finished": False}


def answer(name, prompt, text):
    return {"id": name, "thermometer": OWN, "prompt": prompt, "text": text, "finished": True}


def choice(name, prompt, right):
    return {"id": name, "thermometer": CHOICES, "prompt": prompt, "options": ["A", "B"], "answer": right}


TEXTS = [
    *(passage(f"p/{n}", f"{n} + 1 = {n + 1}. " * (n + 1)) for n in range(6)),
    *(answer(f"a/{n}", f"What is {n} + 1?", f"It is {n + 1}.") for n in range(6)),
    *(choice(f"a/{n}", f"Is {n} odd?", "AB"[n % 2]) for n in range(6)),
    passage("long", "1 + 1 = 2. " * 200),
    answer("turn", "Say <|end|>", "no"),
]


@pytest.fixture(scope="module")
def disturbed(tmp_path_factory):
    import torch
    from safetensors.torch import load_file, save_file

    folder = tmp_path_factory.mktemp("other")
    shutil.copytree(NANO, folder, dirs_exist_ok=True)
    weights = load_file(NANO / "model.safetensors")
    torch.manual_seed(0)
    save_file({name: one + 0.02 * torch.randn_like(one) for name, one in weights.items()}, folder / "model.safetensors",
              metadata={"format": "pt"})  # fmt: skip
    return folder


def call(main, spec, monkeypatch):
    spec.out.mkdir(parents=True, exist_ok=True)
    (spec.out / "spec.json").write_text(spec.model_dump_json())
    monkeypatch.setattr(sys, "argv", ["engine", str(spec.out / "spec.json")])
    main()


def read(out, monkeypatch, texts=TEXTS, **config):
    from tasks.drift.config import DriftConfig
    from tasks.drift.read_engine import main
    from tasks.drift.spec import ReadSpec

    write_rows(out / "given.jsonl", texts)
    given = {"backbone": NANO, "texts": out / "given.jsonl", "out": out, "cuda": False}
    call(main, ReadSpec(config=DriftConfig(**config), **given), monkeypatch)
    return out


def run(out, model, monkeypatch, texts=TEXTS, **config):
    from tasks.drift.config import DriftConfig
    from tasks.drift.engine import main
    from tasks.drift.spec import DriftSpec

    base = read(out / "base", monkeypatch, texts, **config)
    call(main, DriftSpec(config=DriftConfig(**config), base=base, model=model, out=out, cuda=False), monkeypatch)
    return {(row["thermometer"], row["id"]): row for row in read_rows(out / "texts.jsonl")}


def test_a_model_has_not_moved_from_itself(tmp_path, monkeypatch):
    found = run(tmp_path, NANO, monkeypatch)
    assert len(found) == 18
    for (thermometer, _), row in found.items():
        if thermometer == CHOICES:
            assert row["correct"] == row["correct_base"]
        else:
            assert (row["kl"], row["kl_reverse"], row["agreement"]) == (0, 0, 1) and row["nll"] == row["nll_base"] > 0
    aside = {row["id"]: row["reason"] for row in read_rows(tmp_path / "base" / "skipped.jsonl")}
    assert set(aside) == {"long", "turn"} and "allowed" in aside["long"] and "special token" in aside["turn"]
    metrics = {"texts": 18, "dtype": "float32"}
    assert json.loads((tmp_path / "scratch" / "metrics.json").read_text()) == metrics
    assert json.loads((tmp_path / "base" / "scratch" / "metrics.json").read_text()) == metrics | {"skipped": 2}


def test_a_disturbed_model_has_and_portions_change_nothing(tmp_path, disturbed, monkeypatch):
    found = run(tmp_path / "one", disturbed, monkeypatch)
    read = [row for row in found.values() if row["thermometer"] != CHOICES]
    assert len(read) == 12 and all(row["kl"] > 0 and row["kl_reverse"] > 0 for row in read)
    assert not any("letters" in row for row in found.values())
    small = run(tmp_path / "small", disturbed, monkeypatch, tokens_per_batch=64, letters=True)
    for key, row in small.items():
        if key[0] == CHOICES:  # log-likelihoods, of which the likeliest is what was counted
            for letters, correct in ((row["letters"], "correct"), (row["letters_base"], "correct_base")):
                assert sum(map(math.exp, letters)) < 1 and (max(letters) == letters[row["right"]]) == row[correct]
            assert row["letters"] != row["letters_base"] and row["right"] == int(row["id"][2:]) % 2
        numbers = {name: value for name, value in row.items() if isinstance(value, float)}
        assert numbers == pytest.approx({name: found[key][name] for name in numbers}, abs=2e-5)


def test_a_killed_attempt_goes_on_block_by_block(tmp_path, disturbed, monkeypatch):
    from tasks.drift import engine, states

    monkeypatch.setattr(states, "BLOCK", 5)
    whole = run(tmp_path / "whole", disturbed, monkeypatch)
    compare, seen = engine.compare, []

    def dies(*given):
        if len(seen) == 2:
            raise KeyboardInterrupt
        seen.append(given)
        return compare(*given)

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(engine, "compare", dies)
        run(tmp_path / "killed", disturbed, patched)
    done = sorted((tmp_path / "killed" / "scratch" / "blocks").glob("*.jsonl"))
    assert len(done) == 2
    done[0].write_text(done[0].read_text().replace('"tokens"', '"kept": true, "tokens"'))
    resumed = run(tmp_path / "killed", disturbed, monkeypatch)
    assert sum(row.pop("kept", False) for row in resumed.values()) == 5
    assert resumed == whole


def test_a_killed_reading_goes_on_block_by_block(tmp_path, monkeypatch):
    from tasks.drift import read_engine, states

    monkeypatch.setattr(states, "BLOCK", 5)
    whole = read(tmp_path / "whole", monkeypatch)
    save, blocks = states.save, []

    def dies(path, tensors):
        if len(blocks) == 2:
            raise KeyboardInterrupt
        blocks.extend([path] if path.parent.name == "states" else [])
        save(path, tensors)

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(read_engine, "save", dies)
        read(tmp_path / "killed", patched)
    made = [path.stat().st_mtime_ns for path in blocks]
    killed = read(tmp_path / "killed", monkeypatch)
    assert [path.stat().st_mtime_ns for path in blocks] == made and len(made) == 2
    for file in (
        "texts.jsonl",
        "skipped.jsonl",
        "head.safetensors",
        *(f"states/{n:06d}.safetensors" for n in range(4)),
    ):
        assert (killed / file).read_bytes() == (whole / file).read_bytes()


def test_the_nll_of_an_answer_is_the_scorers(tmp_path, monkeypatch):
    from tasks.rows.prompts import question_prompt
    from tasks.rows.tokens import ChatTokens
    from tasks.score.load import load_backbone
    from tasks.score.nll import NLLScorer, Target

    scorer = NLLScorer.from_model(load_backbone(NANO, "float32", cuda=False), ChatTokens(NANO))
    (score,) = scorer.score([Target("a", "What is 3 + 1?", "It is 4.")])
    found = run(tmp_path, NANO, monkeypatch, [answer("a", question_prompt("What is 3 + 1?"), "It is 4.")])
    assert found[OWN, "a"]["nll"] == pytest.approx(score.nll, abs=1e-5)
    assert found[OWN, "a"]["tokens"] == score.tokens
