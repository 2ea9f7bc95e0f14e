"""Packed rows do not see each other, and their loss is that of the rows alone."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.sft

NANO = Path(__file__).resolve().parents[3] / "infra" / "nano" / "model"


def _rows(vocabulary: int, seed: int = 0) -> list[dict[str, list[int]]]:
    """Rows of 5 to 60 random tokens, the first two to four of them a prompt."""
    import random

    draw = random.Random(seed)
    rows = []
    for length in (5, 60, 17, 33, 8, 41):
        ids = [draw.randrange(vocabulary) for _ in range(length)]
        prompt = draw.randint(2, 4)
        rows.append({"input_ids": ids, "labels": [-100] * prompt + ids[prompt:]})
    return rows


@pytest.fixture(scope="module")
def nano() -> Any:
    import torch
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(NANO, dtype=torch.float32).eval()


def _packed(model: Any, batch: dict[str, Any]) -> Any:
    inputs = {name: value for name, value in batch.items() if name not in ("labels", "weights")}
    return model.get_decoder()(**inputs, use_cache=False).last_hidden_state


def test_a_packed_row_is_read_as_if_it_were_alone(nano: Any) -> None:
    import copy

    import torch

    from tasks.finetune.sequences import collate
    from tasks.score.rows_attention import use_rows_attention

    rows = _rows(nano.config.vocab_size)
    packing = copy.deepcopy(nano)
    use_rows_attention(packing)
    batch = collate(rows)
    assert batch["input_ids"].shape == (1, 192) and batch["row_ends"] == (5, 65, 82, 115, 123, 164, 192)
    with torch.no_grad():
        together, start = _packed(packing, batch)[0], 0
        for row in rows:
            alone = nano.get_decoder()(torch.tensor([row["input_ids"]])).last_hidden_state[0]
            assert torch.allclose(together[start : start + len(alone)], alone, atol=2e-5)
            start += len(alone)
        other = [dict(row) for row in rows]
        other[1]["input_ids"] = [7] * 60
        changed = _packed(packing, collate(other))[0]
    assert torch.equal(changed[:5], together[:5]) and torch.equal(changed[65:], together[65:])
    assert not torch.allclose(changed[5:65], together[5:65])


def _by_hand(loss: str, logits_BTV: Any, base_BTV: Any, labels_BT: Any, count: Any, rows: Any) -> Any:
    """A step's loss from whole logits of a padded batch: LLaMA-Factory's, or the formula spelled out."""
    import torch
    from llamafactory.train.trainer_utils import dft_loss_func, eaft_loss_func

    if loss == "dft":
        return dft_loss_func({"logits": logits_BTV}, labels_BT, count)
    if loss == "eaft":
        return eaft_loss_func({"logits": logits_BTV}, labels_BT, count)
    if loss == "talr":
        nll_BT = -logits_BTV[:, :-1].log_softmax(2).gather(2, labels_BT[:, 1:, None].clamp(min=0))[:, :, 0]
        of_rows = [nll_T[labels_T != -100] for nll_T, labels_T in zip(nll_BT, labels_BT[:, 1:], strict=True)]
        scale = TAU * sorted(one.mean().item() for one in of_rows)[2]  # of six rows the lower of the two in the middle
        weights_N = torch.cat([(-one.detach() / scale).exp() for one in of_rows])
        assert 0 < (weights_N < 0.01).sum() < len(weights_N)
        return (weights_N.clamp(min=0.01) * torch.cat(of_rows)).sum() / count
    total, ratios = torch.tensor(0.0), list[float]()
    for logits_TV, base_TV, labels_T, row in zip(logits_BTV, base_BTV, labels_BT, rows, strict=True):
        for place in range(1, len(labels_T)):
            if (token := labels_T[place]) != -100:
                p_V, q_V = logits_TV[place - 1].softmax(0), base_TV[place - 1].softmax(0)
                nll = -p_V[token].log()
                if loss in ("psft", "clipped_iw"):
                    clipped = torch.minimum(p_V[token] / q_V[token], torch.tensor(CLIP))
                    ratios.append(clipped.item())
                    total = total + (-clipped if loss == "psft" else clipped.item() * nll)
                    continue
                weight = p_V[token].detach() if loss == "asft" else row.get("weight", 1.0)
                kl = (q_V * (q_V.log() - p_V.log())).sum() if loss in ("sft_kl", "asft") else 0.0
                total = total + weight * nll + 0.3 * kl
    if loss in ("psft", "clipped_iw"):
        assert min(ratios) < CLIP - 0.1 and 0 < sum(one > CLIP - 1e-6 for one in ratios) < len(ratios)
    return total / (sum(ratios) if loss == "clipped_iw" else count)


CLIP, TAU = 1.1, 0.4
ASKED: dict[str, dict[str, Any]] = {"sft_kl": {"anchor": 0.3}, "asft": {"anchor": 0.3}}
ASKED |= {"clipped_iw": {"clip": CLIP}, "psft": {"clip": CLIP}, "flow": {"tau": 1.0}, "talr": {"tau": TAU}}


@pytest.mark.parametrize("loss", ["nll", "dft", "eaft", "sft_kl", "asft", "clipped_iw", "psft", "flow", "talr"])
@pytest.mark.parametrize("passes", [[(0, 6)], [(0, 4), (4, 6), (6, 6)]], ids=["one pass", "three passes"])
def test_loss_and_gradients_are_those_of_an_independent_computation_however_a_step_is_divided(
    nano: Any, loss: str, passes: list[tuple[int, int]]
) -> None:
    """The last of three passes is empty. pi_0 is the model before its weights were moved, so that of the ratios to it
    some are clipped and some are not."""
    import copy

    import torch

    from tasks.finetune.config import FinetuneConfig
    from tasks.finetune.sequences import collate
    from tasks.finetune.token_losses import WEIGHTS, loss_of, mean_of_rows, summed_loss
    from tasks.score.rows_attention import use_rows_attention

    rows: list[dict[str, Any]] = _rows(nano.config.vocab_size)
    if loss == "flow":
        rows = [row | {"weight": weight} for row, weight in zip(rows, (0.1, 1.0, 0.4, 0.7, 0.9, 0.2), strict=True)]
    count = torch.tensor(sum(label != -100 for row in rows for label in row["labels"]))
    longest = max(len(row["input_ids"]) for row in rows)
    ids_BT, labels_BT = torch.zeros((len(rows), longest), dtype=torch.long), torch.full((len(rows), longest), -100)
    mask_BT = torch.zeros_like(ids_BT)
    for i, row in enumerate(rows):
        length = len(row["input_ids"])
        ids_BT[i, :length], mask_BT[i, :length] = torch.tensor(row["input_ids"]), 1
        labels_BT[i, :length] = torch.tensor(row["labels"])
    moved = copy.deepcopy(nano).train()
    torch.manual_seed(0)
    with torch.no_grad():
        for weight in moved.parameters():
            weight += 0.05 * weight.abs().mean() * torch.randn_like(weight)
    plain, packing, base = moved, copy.deepcopy(moved), copy.deepcopy(nano)
    with torch.no_grad():
        base_BTV = base(ids_BT, attention_mask=mask_BT).logits
    if loss == "nll":
        expected = plain(ids_BT, attention_mask=mask_BT, labels=labels_BT, num_items_in_batch=count).loss
    else:
        expected = _by_hand(loss, plain(ids_BT, attention_mask=mask_BT).logits, base_BTV, labels_BT, count, rows)
    expected.backward()

    use_rows_attention(packing)
    use_rows_attention(base)
    config = FinetuneConfig.model_validate({"loss": loss} | ASKED.get(loss, {}))

    def summed(batch: dict[str, Any], of_token: Any) -> Any:
        with torch.no_grad():
            beside = (base.get_output_embeddings(), _packed(base, batch)) if config.compares else None
        head, hidden = packing.get_output_embeddings(), _packed(packing, batch)
        return summed_loss(head, hidden, batch["labels"], of_token, 50, beside, batch.get("weights"))

    def of_rows(batch: dict[str, Any]) -> Any:
        head, hidden = packing.get_output_embeddings(), _packed(packing, batch)
        return mean_of_rows(head, hidden, batch["labels"], batch["row_ends"], chunk=50)

    found, batches = torch.tensor(0.0), [collate(rows[first:last]) for first, last in passes]
    with torch.no_grad():
        scale = TAU * torch.cat([of_rows(batch) for batch in batches]).median()
    if loss in WEIGHTS:
        with torch.no_grad():
            count = sum(summed(batch, loss_of(config, WEIGHTS)) for batch in batches)
    for batch in batches:
        one = summed(batch, loss_of(config, scale=scale)) / count
        one.backward()
        found += one.detach()
    assert found.item() == pytest.approx(expected.item(), rel=5e-7, abs=2e-6)
    for (name, ours), theirs in zip(packing.named_parameters(), plain.parameters(), strict=True):
        scale = theirs.grad.abs().max()
        assert torch.allclose(ours.grad, theirs.grad, atol=1e-4 * scale), name


def test_llamafactorys_asft_depends_on_the_micro_batch_and_ours_does_not() -> None:
    """Why its flag is not used (0.9.5): each micro-batch is a mean over its own tokens, whatever the step's are."""
    import torch
    from llamafactory.train.trainer_utils import asft_loss_func

    from tasks.finetune.token_losses import asft

    torch.manual_seed(0)
    logits, base = torch.randn(2, 9, 30), torch.randn(2, 9, 30)
    labels = torch.randint(0, 30, (2, 9))
    labels[0, :7] = -100  # two tokens of one row, eight of the other
    whole = asft_loss_func({"logits": logits}, labels, base)
    halves = [asft_loss_func({"logits": logits[i : i + 1]}, labels[i : i + 1], base[i : i + 1]) for i in range(2)]
    assert abs((sum(halves) / 2 - whole).item()) > 0.01 * whole.item()
    sums = [asft(logits[i, :-1][k], labels[i, 1:][k], base[i, :-1][k], 0.1).sum()
            for i in range(2) for k in [labels[i, 1:] != -100]]  # fmt: skip
    assert (sum(sums) / 10).item() == pytest.approx(whole.item(), rel=1e-5)


def test_no_more_logits_than_a_chunks_are_ever_in_memory() -> None:
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode

    from tasks.finetune.token_losses import nll, summed_loss

    largest = 0

    class Largest(TorchDispatchMode):
        def __torch_dispatch__(self, call: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None) -> Any:
            nonlocal largest
            out = call(*args, **(kwargs or {}))
            if isinstance(out, torch.Tensor):
                largest = max(largest, out.numel())
            return out

    tokens, hidden, vocabulary, chunk = 512, 4, 1000, 32
    head = torch.nn.Linear(hidden, vocabulary, bias=False)
    states = torch.randn(1, tokens, hidden, requires_grad=True)
    labels = torch.randint(0, vocabulary, (1, tokens))
    with Largest():
        summed_loss(head, states, labels, nll, chunk).backward()
    assert states.grad is not None and states.grad[0, :-1].abs().sum(dim=1).min() > 0
    assert chunk * vocabulary <= largest < 2 * chunk * vocabulary < tokens * vocabulary


@pytest.mark.parametrize("count", [21, 17, 3, 0])
def test_the_head_is_called_as_often_in_every_pass_however_many_tokens_it_has(count: int) -> None:
    """Under ZeRO-3 its weights are gathered from all processes at each call. Until 2026-11-30 a process with more
    tokens called it more often, which broke the run over gloo."""
    import torch

    from tasks.finetune.token_losses import mean_of_rows, nll, summed_loss

    head, calls = torch.nn.Linear(4, 11), 0

    def counted(states_NH: Any) -> Any:
        nonlocal calls
        calls += 1
        return head(states_NH)

    labels = torch.full((1, 40), -100)
    labels[0, 5 : 5 + count] = 7
    states = torch.randn(1, 40, 4, requires_grad=True)
    summed = summed_loss(counted, states, labels, nll, chunk=8, calls=3)
    summed.backward()
    assert calls == 6, "three chunks forwards, and again backwards"
    wanted = (labels[0] != -100).nonzero()[:, 0]
    assert summed.item() == pytest.approx(nll(head(states[0, wanted - 1]), labels[0, wanted]).sum().item(), rel=1e-6)
    rows = mean_of_rows(counted, states.detach(), labels, (20, 40), chunk=8, calls=3)
    assert calls == 9 and len(rows) == (2 if count > 15 else 1 if count else 0)


def test_models_whose_attention_is_not_plain_are_refused_by_name(tmp_path: Path) -> None:
    from transformers import MistralConfig, MistralForCausalLM

    from tasks.score.rows_attention import NotPlain, use_rows_attention

    small: dict[str, Any] = {"vocab_size": 32, "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1}
    config = MistralConfig(**small, num_attention_heads=2, num_key_value_heads=1, sliding_window=8)
    with pytest.raises(NotPlain, match=r"mistral: .*sliding windows.*packing=false"):
        use_rows_attention(MistralForCausalLM(config))
    config.sliding_window = None
    use_rows_attention(MistralForCausalLM(config))
