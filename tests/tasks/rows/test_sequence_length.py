"""The core's count of a row's tokens is the one that training sees."""

import json
import shutil
from pathlib import Path

import pytest

from tasks.rows.sequence_length import ChatTemplateError, SequenceLengths
from tests.conftest import ROOT

NANO = ROOT / "infra" / "nano" / "model"
ROWS = [("What is 2 + 3?", "2 + 3 = 5\n$\\boxed{5}$"), ("Is 7 prime?", "Yes."), ("é 漢字 {{ 1 }}", "")]
# Constructs that templates on the hub use: a BOS of the template's own, trimming, namespaces, loop controls, tojson.
LLAMA = (
    "{{- bos_token }}\n{%- set ns = namespace(system='') %}\n{%- for message in messages %}\n"
    "    {%- if message['role'] == 'tool' %}{%- continue %}{%- endif %}\n"
    "    {{- '<|user|>' + message['role'] + '\\n\\n' + message['content'] | trim + '<|end|>' }}\n{%- endfor %}\n"
    "{%- if add_generation_prompt %}\n    {{- '<|assistant|>' + ({'a': 1} | tojson) + '\\n\\n' }}\n{%- endif %}"
)
WITHOUT_BOS = "{% for message in messages %}<|user|>{{ message['content'] }}<|end|>{% endfor %}<|assistant|>"


@pytest.mark.inference
@pytest.mark.parametrize("template", [None, LLAMA, WITHOUT_BOS])
def test_it_counts_what_training_sees(tmp_path: Path, template: str | None) -> None:
    from tasks.rows.prompts import question_prompt
    from tasks.rows.tokens import ChatTokens

    shutil.copytree(NANO, tmp_path, dirs_exist_ok=True)
    if template is not None:
        (tmp_path / "chat_template.jinja").write_text(template)
    chat = ChatTokens(tmp_path)
    seen = [len(chat.prompt(question_prompt(question))) + len(chat.target(target)) for question, target in ROWS]
    assert SequenceLengths(tmp_path).of(*zip(*ROWS, strict=True)) == seen


def test_a_template_that_refuses_is_named(tmp_path: Path) -> None:
    shutil.copytree(NANO, tmp_path, dirs_exist_ok=True)
    (tmp_path / "chat_template.jinja").write_text("{{ raise_exception('no system turn') }}")
    with pytest.raises(ChatTemplateError, match=r"chat_template.jinja cannot be rendered: no system turn"):
        SequenceLengths(tmp_path)


def test_a_template_cannot_reach_the_interpreter(tmp_path: Path) -> None:
    shutil.copytree(NANO, tmp_path, dirs_exist_ok=True)
    (tmp_path / "chat_template.jinja").write_text("{{ messages.__class__.__mro__[1].__subclasses__() }}")
    with pytest.raises(ChatTemplateError):
        SequenceLengths(tmp_path)


def test_special_tokens_are_read_in_both_spellings(tmp_path: Path) -> None:
    shutil.copytree(NANO, tmp_path, dirs_exist_ok=True)
    settings = json.loads((tmp_path / "tokenizer_config.json").read_text())
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(settings | {"bos_token": {"content": "<|bos|>"}}))
    assert SequenceLengths(tmp_path).of(["a"], ["b"]) == SequenceLengths(NANO).of(["a"], ["b"])
