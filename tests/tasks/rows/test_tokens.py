"""Prompts and targets as token ids, under the chat templates of the families that people use."""

from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.inference

LLAMA_3 = (
    "{{ bos_token }}{% for m in messages %}{{ '<|start|>' + m['role'] + '<|stop|>\n\n' }}"
    "{{ m['content'] | trim + '<|eot|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|start|>assistant<|stop|>\n\n' }}{% endif %}"
)
CHATML = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>' + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
MISTRAL = (
    "{{ bos_token }}{% for m in messages %}{% if m['role'] == 'user' %}{{ '[INST] ' + m['content'] + '[/INST]' }}"
    "{% else %}{{ ' ' + m['content'] + eos_token }}{% endif %}{% endfor %}"
)
FAMILIES = {
    "llama-3": (LLAMA_3, "<|eot|>", True),
    "chatml": (CHATML, "<|im_end|>", False),
    "mistral": (MISTRAL, "</s>", True),
    "post-processor": (LLAMA_3.replace("{{ bos_token }}", ""), "<|eot|>", True),  # BOS by the post-processor alone
}


@pytest.fixture(params=FAMILIES)
def family(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Any, str, bool]:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import GenerationConfig, PreTrainedTokenizerFast

    from tasks.rows.tokens import ChatTokens

    template, end, bos = FAMILIES[request.param]
    special = ["<s>", "</s>", "<|start|>", "<|stop|>", "<|eot|>", "<|im_start|>", "<|im_end|>", "[INST]", "[/INST]"]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(
        ["some text 12"], trainers.BpeTrainer(special_tokens=special, initial_alphabet=alphabet, show_progress=False)
    )
    if bos:
        tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    # The tokenizer's EOS is not the end of turn, as in some Llamas: generation_config.json names that.
    wrapped = PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>" if bos else None, eos_token="</s>")
    wrapped.chat_template = template
    wrapped.save_pretrained(str(tmp_path))
    GenerationConfig(eos_token_id=[1, tokenizer.token_to_id(end)]).save_pretrained(str(tmp_path))
    return ChatTokens(tmp_path), end, bos


def test_a_prompt_begins_with_one_bos_and_ends_where_the_reply_begins(family: tuple[Any, str, bool]) -> None:
    tokens, _, bos = family
    ids = tokens.prompt("What is 1+2?")
    assert ids.count(0) == (1 if bos else 0)
    assert not bos or ids[0] == 0
    text = tokens.tokenizer.decode(ids)
    assert text.removeprefix("<s>") == tokens.render("What is 1+2?").removeprefix("<s>")


def test_a_target_ends_its_turn_once_and_a_cut_off_one_does_not(family: tuple[Any, str, bool]) -> None:
    tokens, end, _ = family
    finished, cut = tokens.target(" It is 3.\n"), tokens.target(" It is 3.\n", finished=False)
    assert finished[:-1] == cut
    assert tokens.tokenizer.decode(finished) == " It is 3.\n" + end  # as it was written: nothing trimmed
    assert finished[-1] in tokens.stop_ids
    assert 0 not in finished


@pytest.mark.sft
@pytest.mark.verl
def test_every_environment_reads_the_tokenizers_file_as_it_is(tmp_path: Path) -> None:
    """A class that rebuilds its pre-tokenizer, as Mistral's does in some releases, would read other ids."""
    import json
    import shutil

    from tokenizers import Tokenizer

    from tasks.rows.tokens import ChatTokens

    folder = Path(shutil.copytree(ROOT / "infra" / "nano" / "model", tmp_path / "model"))
    said = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps(said | {"tokenizer_class": "LlamaTokenizer"}))
    text = "Let $x = 2$.\n\nThen  x^2 = 4, naïve café. \\boxed{4}"
    raw = Tokenizer.from_file(str(folder / "tokenizer.json")).encode(text, add_special_tokens=False).ids
    chat = ChatTokens(folder)
    assert chat.target(text) == [*raw, chat.end_of_turn]
