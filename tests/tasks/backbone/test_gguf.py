"""A GGUF file becomes the transformers folder that it was made of; what cannot be had right is refused."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("gguf")

from gguf import GGUFReader, dequantize  # noqa: E402
from safetensors.torch import load_file, save_file  # noqa: E402
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer  # noqa: E402

from tasks.backbone import gguf_weights  # noqa: E402
from tasks.backbone.check_engine import check  # noqa: E402
from tasks.backbone.gguf_engine import convert  # noqa: E402
from tasks.backbone.refusal import Refused  # noqa: E402
from tasks.backbone.spec import CheckSpec, GgufSpec  # noqa: E402
from tasks.rows.tokens import ChatTokens  # noqa: E402
from tests.conftest import ROOT  # noqa: E402
from tests.tasks.backbone.tiny_gguf import Q4_0, Q8_0, TEMPLATE, TOKENS, tiny_model, write_gguf  # noqa: E402

pytestmark = pytest.mark.inference

IDS = torch.tensor([[5, 70, 12, 260, 33, 33, 8, 91]])


def made(tmp_path: Path, model: Any, **how: Any) -> tuple[Path, dict[str, Any]]:
    """The folder that is made of `model` written as a GGUF file, and the figures."""
    (tmp_path / "file").mkdir()
    file = write_gguf(tmp_path / "file" / "model.gguf", model, **how)
    out = tmp_path / "out"
    out.mkdir()
    return out, convert(GgufSpec(gguf=file, chat_template=None, weights=True, out=out))


@pytest.mark.parametrize("kind", ["llama", "qwen2"])
def test_the_folder_holds_the_model_that_the_file_was_written_from(tmp_path: Path, kind: str) -> None:
    model = tiny_model(kind)
    out, figures = made(tmp_path, model)
    assert figures["tensors"] == len(model.state_dict()) - 1, "the head is the embedding"
    again = AutoModelForCausalLM.from_pretrained(out, dtype=torch.float32)
    for weights in model.parameters():  # not by model.to(bfloat16): that rounds the rotary frequencies too
        weights.data = weights.data.to(torch.bfloat16).float()
    with torch.inference_mode():
        assert torch.allclose(again(IDS).logits, model(IDS).logits, atol=1e-5)
    saved = json.loads((out / "config.json").read_text())
    assert saved["tie_word_embeddings"] is True
    assert "quantization_config" not in saved
    assert saved["rms_norm_eps"] == model.config.rms_norm_eps, "not its float32 in decimals"


def test_a_head_that_is_the_embedding_printed_again_is_tied_and_the_finer_print_kept(tmp_path: Path) -> None:
    out, figures = made(tmp_path, tiny_model("qwen2"), head=Q8_0, embedding=Q4_0, matrices=Q8_0)
    assert figures["tied_again"] is True
    assert 0 < figures["kl_of_tying"] < 1
    weights = load_file(out / "model.safetensors")
    assert "lm_head.weight" not in weights
    tensors = {one.name: one for one in GGUFReader(tmp_path / "file" / "model.gguf").tensors}
    finer = dequantize(tensors["output.weight"].data, tensors["output.weight"].tensor_type)
    assert torch.equal(weights["model.embed_tokens.weight"], torch.tensor(finer).to(torch.bfloat16))


def test_a_head_that_was_trained_apart_stays_apart(tmp_path: Path) -> None:
    out, figures = made(tmp_path, tiny_model("qwen2", tied=False), head=Q8_0, embedding=Q8_0)
    assert figures["tied_again"] is False
    assert figures["kl_of_tying"] == 0
    assert "lm_head.weight" in load_file(out / "model.safetensors")


def test_digits_are_split_where_the_file_says_so(tmp_path: Path) -> None:
    out, _ = made(tmp_path, tiny_model(), pre="smollm")
    tokenizer = AutoTokenizer.from_pretrained(out)
    assert tokenizer.tokenize("hello 1234") == ["hello", "Ġ", "1", "2", "3", "4"]
    assert {"12", "34"} < set(TOKENS), "transformers alone would take these"
    (tmp_path / "other").mkdir()
    out, _ = made(tmp_path / "other", tiny_model(), pre="gpt-2")
    assert AutoTokenizer.from_pretrained(out).tokenize("hello 1234") == ["hello", "Ġ", "12", "34"]


def test_generation_stops_at_every_token_that_ends_a_turn_or_the_text(tmp_path: Path) -> None:
    out, figures = made(tmp_path, tiny_model())
    chat = ChatTokens(out)
    assert chat.stop_ids == {2, 0}, "<|im_end|>, which the file names, and <|endoftext|>, which it does not"
    assert figures["stop_ids"] == 2
    assert chat.end_of_turn == 2
    assert chat.prompt("hello").count(1) == 2, "<|im_start|> of two turns, and no BOS before them"


def test_a_file_without_a_chat_template_is_refused_until_one_is_given(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"backbone\.chat_template="):
        made(tmp_path, tiny_model(), template=None)
    spec = GgufSpec(gguf=tmp_path / "file" / "model.gguf", chat_template=TEMPLATE, weights=True, out=tmp_path / "out")
    convert(spec)
    assert (tmp_path / "out" / "chat_template.jinja").read_text() == TEMPLATE


def test_the_tokenizer_is_made_without_the_weights(tmp_path: Path) -> None:
    file = write_gguf(tmp_path / "model.gguf", tiny_model())
    convert(GgufSpec(gguf=file, chat_template=None, weights=False, out=tmp_path / "out"))
    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert written >= {"config.json", "tokenizer.json", "chat_template.jinja"}
    assert not [name for name in written if name.endswith(".safetensors")]


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ({"pre": "of-another-world"}, "how it cuts text is not known"),
        ({"more": {"rope_freqs.weight": np.ones(8, np.float32)}}, "rope_freqs.weight"),
        ({"more": {"blk.0.attn_gate.weight": np.ones((8, 8), np.float32)}}, "no place in the model"),
    ],
)
def test_what_would_be_lost_without_a_word_is_refused(tmp_path: Path, how: dict[str, Any], says: str) -> None:
    with pytest.raises(Refused, match=says):
        made(tmp_path, tiny_model(), **how)


def test_a_saved_tensor_that_differs_from_the_file_is_found(tmp_path: Path) -> None:
    out, _ = made(tmp_path, tiny_model(), matrices=Q8_0)
    reader = GGUFReader(tmp_path / "file" / "model.gguf")
    fields = {name: field.contents() for name, field in reader.fields.items()}
    weights = load_file(out / "model.safetensors")
    key = "model.layers.1.self_attn.k_proj.weight"
    weights[key] = weights[key].flip(0)
    save_file(weights, out / "model.safetensors", {"format": "pt"})
    with pytest.raises(Refused, match=key):
        gguf_weights.compare(reader, fields, out, AutoConfig.from_pretrained(out))


def spec_of(folder: Path, **checks: Any) -> CheckSpec:
    return CheckSpec(**({"max_plain_nll": 4.0, "answers_end": True} | checks), folder=folder, out=folder, cuda=False)


def test_random_weights_are_no_backbone(tmp_path: Path) -> None:
    model = tiny_model()
    model.model.embed_tokens.weight.data[[0, 2]] = 0  # no end by chance: some other token is always likelier
    out, _ = made(tmp_path, model)
    with pytest.raises(Refused, match=r"backbone\.max_plain_nll=null"):
        check(spec_of(out))
    with pytest.raises(Refused, match="none of its greedy answers"):
        check(spec_of(out, max_plain_nll=None))
    assert check(spec_of(out, max_plain_nll=None, answers_end=False)) == {}


def test_nano_ends_its_answers_and_reads_no_english() -> None:
    nano = ROOT / "infra" / "nano" / "model"
    assert check(spec_of(nano, max_plain_nll=None))["answer_tokens"] > 1
    with pytest.raises(Refused, match="reads no English"):
        check(spec_of(nano))
