"""The committed backbone: its tokenizer loses nothing, its chat has one BOS, transformers and vLLM load it alike."""

import json
import os
import subprocess
import sys
from random import Random

import pytest

from infra.nano.kinds import NEW, SEEN, draw
from infra.nano.recipe import HERE, check_recipe
from infra.nano.styles import expert
from tasks.rows import prompts

MODEL = HERE / "model"
QUESTION = prompts.question_prompt("Ana has 7 plums. How many?")


def _bare_tokenizer():
    from tokenizers import Tokenizer

    return Tokenizer.from_file(str(MODEL / "tokenizer.json"))


def test_tokenizer_loses_nothing():
    tokenizer = _bare_tokenizer()
    r = Random("round trip")
    problem = draw(r, NEW)
    texts = [
        QUESTION,
        prompts.rewriting_prompt(problem.question, expert(problem, r)),
        prompts.general_prompt("Which?", "A. x\nB. y"),
        "  Ünïcode → 12345,  tabs\tand\n\nlines $\\frac{1}{2}$ 🙂",
    ]
    for text in texts:
        assert tokenizer.decode(tokenizer.encode(text, add_special_tokens=False).ids, skip_special_tokens=False) == text


def test_each_fixed_prompt_text_is_one_token():
    tokenizer = _bare_tokenizer()
    for name in ("MATH_PREFIX", "REWRITING_PREFIX", "REWRITING_MIDDLE", "GENERAL_PREFIX", "GENERAL_MIDDLE"):
        assert len(tokenizer.encode(getattr(prompts, name), add_special_tokens=False).ids) == 1, name


def test_numbers_and_the_words_of_solutions_are_single_tokens():
    tokenizer = _bare_tokenizer()
    assert all(len(tokenizer.encode(f" {n}", add_special_tokens=False).ids) == 1 for n in range(200))
    r = Random("words")
    for kinds in (SEEN, NEW):
        for _ in range(100):
            text = expert(draw(r, kinds), r)
            assert len(tokenizer.encode(text, add_special_tokens=False).ids) < 100


def test_empty_text_encodes_to_bos_alone():
    tokenizer = _bare_tokenizer()
    assert tokenizer.encode("").tokens == ["<|bos|>"]


@pytest.mark.inference
def test_chat_has_one_bos_and_ends_where_the_assistant_writes():
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(MODEL)
    chat = [{"role": "user", "content": QUESTION}]
    ids = tokenizer.apply_chat_template(chat, add_generation_prompt=True, tokenize=True, return_dict=False)
    text = tokenizer.apply_chat_template(chat, add_generation_prompt=True, tokenize=False)
    assert ids == tokenizer.encode(text, add_special_tokens=False)
    assert ids.count(tokenizer.bos_token_id) == 1 and ids[0] == tokenizer.bos_token_id
    full = tokenizer.apply_chat_template(
        [*chat, {"role": "assistant", "content": "It is 7."}], tokenize=True, return_dict=False
    )
    target = tokenizer.encode("It is 7." + tokenizer.eos_token, add_special_tokens=False)
    assert full == ids + target
    assert tokenizer.encode("") == [tokenizer.bos_token_id]


@pytest.mark.inference
def test_model_loads_in_float32_with_a_head_dimension_vllm_can_run():
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(MODEL)
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    assert 1e6 <= sum(parameter.numel() for parameter in model.parameters()) <= 5e6
    assert model.config.head_dim in (32, 64)
    assert model.generation_config.eos_token_id == model.config.eos_token_id


@pytest.mark.slow
@pytest.mark.inference
def test_vllm_answers_as_transformers_does():
    """In a process of its own: vLLM reads its settings from the environment when it is imported."""
    settings = {
        "VLLM_ENABLE_V1_MULTIPROCESSING": "0", "OMP_NUM_THREADS": "1", "VLLM_CPU_KVCACHE_SPACE": "1",
        "HF_HUB_OFFLINE": "1", "TORCHDYNAMO_DISABLE": "1",
    }  # fmt: skip
    program = f"""
import gzip, json
from transformers import AutoModelForCausalLM, AutoTokenizer
from vllm import LLM, SamplingParams
from infra.nano.sampling import generate
from infra.nano.vocabulary import encode_prompt
from tasks.rows.prompts import question_prompt
rows = [json.loads(line) for line in gzip.open("{HERE}/benchmarks/nano_seen_kinds.jsonl.gz")][:16]
prompts = [question_prompt(row["question"]) for row in rows]
tokenizer = AutoTokenizer.from_pretrained("{MODEL}")
model = AutoModelForCausalLM.from_pretrained("{MODEL}").eval()
llm = LLM("{MODEL}", dtype="float32", enforce_eager=True, distributed_executor_backend="uni", max_model_len=256)
inputs = [{{"prompt_token_ids": encode_prompt(tokenizer, prompt)}} for prompt in prompts]
outputs = llm.generate(inputs, SamplingParams(temperature=0, max_tokens=96), use_tqdm=False)
assert [output.outputs[0].text for output in outputs] == generate(model, tokenizer, prompts)
print("same")
"""
    done = subprocess.run(
        [sys.executable, "-c", program], env={**os.environ, **settings}, capture_output=True, text=True, timeout=300,
        cwd=HERE.parents[1],
    )  # fmt: skip
    assert done.stdout.endswith("same\n"), done.stderr[-2000:]


def test_special_tokens_and_template_are_saved_with_the_model():
    config = json.loads((MODEL / "tokenizer_config.json").read_text())
    assert (config["bos_token"], config["eos_token"], config["pad_token"]) == ("<|bos|>", "<|end|>", "<|pad|>")
    assert "bos_token" in (MODEL / "chat_template.jinja").read_text()


@pytest.mark.inference
@pytest.mark.slow
def test_a_rebuild_with_another_seed_writes_a_whole_folder_that_fits_its_recipe(tmp_path):
    command = [sys.executable, "-m", "infra.nano", "--seed", "7", "--steps", "2", "--out", str(tmp_path)]
    subprocess.run(command, cwd=HERE.parents[1], check=True, capture_output=True, timeout=300)
    assert check_recipe(tmp_path) == []
    (tmp_path / "model" / "config.json").write_text("{}")
    (tmp_path / "corpora" / "numinamath_cot.jsonl.gz").unlink()
    assert len(check_recipe(tmp_path)) == 2


@pytest.mark.sft
def test_llama_factory_reads_the_same_token_ids_from_the_chat_template():
    """The trap: where the template writes BOS and `encode("")` has none, BOS is repeated before every user turn."""
    from llamafactory.data import get_template_and_fix_tokenizer
    from llamafactory.hparams import DataArguments
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(MODEL)
    template = get_template_and_fix_tokenizer(tokenizer, DataArguments(template=None))
    chat = [{"role": "user", "content": QUESTION}, {"role": "assistant", "content": "It is 7.\n$\\boxed{7}$"}]
    prompt, response = template.encode_oneturn(tokenizer, chat)
    ids = tokenizer.apply_chat_template(chat, tokenize=True, return_dict=False)
    assert prompt + response == ids
    assert ids.count(tokenizer.bos_token_id) == 1
    assert response[-1] == tokenizer.eos_token_id
