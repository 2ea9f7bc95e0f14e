"""The real engine on a tiny Llama: its loss, its resumption, its output."""

import json
import os
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from tasks.finetune.config import FinetuneConfig
from tasks.finetune.spec import FinetuneSpec
from tasks.rows.jsonl import read_rows, write_rows
from tests.tasks import engines

pytestmark = pytest.mark.sft

MODULE = "tasks.finetune.llamafactory"
ROWS = [
    {
        "id": f"r/{n}",
        "question": f"Tom has {n} apples and buys {n + 7}. How many?",
        "target": f"{n}+{n + 7}={2 * n + 7}",
    }
    for n in range(32)
]


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.tasks.finetune.tiny_llama import make

    return make(tmp_path_factory.mktemp("tiny"), pad=None)


def _spec(out: Path, backbone: Path, rows: list[dict[str, Any]], processes: int = 1, **config: Any) -> FinetuneSpec:
    out.mkdir(parents=True, exist_ok=True)
    write_rows(out / "rows.jsonl", rows)
    return FinetuneSpec(
        config=FinetuneConfig(**config),
        backbone=backbone,
        rows=out / "rows.jsonl",
        out=out,
        processes=processes,
        cuda=False,
    )


PLAIN: dict[str, Any] = {"learning_rate": 3e-3, "epochs": 2, "global_batch": 16, "tokens_per_pass": 800}


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory, backbone: Path) -> Path:
    """What plain SFT of all rows leaves."""
    out = tmp_path_factory.mktemp("plain")
    engines.run(MODULE, _spec(out, backbone, ROWS, **PLAIN), out)
    return out


def _losses(out: Path) -> list[float]:
    return [row["loss"] for row in read_rows(out / "loss.jsonl")]


def _wait_for_lines(path: Path, lines: int, process: engines.Running, out: Path) -> int:
    """Waits for so many lines; returns how many checkpoints there were at once at most."""
    deadline, most = time.monotonic() + 300, 0
    while not path.exists() or len(path.read_text().splitlines()) < lines:
        assert not process.ended() and time.monotonic() < deadline, engines.output(MODULE, out).read_text()[-3000:]
        most = max(most, len(list((out / "scratch" / "trainer").glob("checkpoint-*"))))
        time.sleep(0.005)
    return most


def test_loss_of_a_row_is_its_summed_nll_over_its_target_tokens(tmp_path: Path, backbone: Path) -> None:
    """NLL x |y| is the engine's unreduced loss: by a masked forward of the whole conversation, and as eq. 6 scores."""
    import torch
    from safetensors.torch import load_file
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from tasks.rows.prompts import question_prompt
    from tasks.rows.tokens import ChatTokens
    from tasks.score.nll import NLLScorer, Target

    rows = ROWS[:4]
    config: dict[str, Any] = {"learning_rate": 1e-12, "epochs": 1, "global_batch": 1, "per_device_batch": 1}
    config["packing"] = False
    engines.run(MODULE, _spec(tmp_path, backbone, rows, **config), tmp_path)

    tokenizer = AutoTokenizer.from_pretrained(str(backbone))
    model = AutoModelForCausalLM.from_pretrained(str(backbone), dtype=torch.float32)
    scorer = NLLScorer.from_model(model.eval(), ChatTokens(backbone))
    scores = scorer.score([Target(row["id"], row["question"], row["target"]) for row in rows])
    expected = []
    for row, score in zip(rows, scores, strict=True):
        turn = [{"role": "user", "content": question_prompt(row["question"])}]
        prompt = tokenizer.apply_chat_template(turn, add_generation_prompt=True, return_dict=True)["input_ids"]
        turn += [{"role": "assistant", "content": row["target"]}]
        ids = torch.tensor([tokenizer.apply_chat_template(turn, return_dict=True)["input_ids"]])
        with torch.no_grad():
            logits = model(ids).logits[0]
        nll = -logits.log_softmax(-1)[torch.arange(ids.shape[1] - 1), ids[0, 1:]]
        expected.append(nll[len(prompt) - 1 :].mean().item())
        assert score.tokens == ids.shape[1] - len(prompt)
        assert score.nll * score.tokens == pytest.approx(nll[len(prompt) - 1 :].sum().item(), abs=1e-4)
    assert sorted(_losses(tmp_path)) == pytest.approx(sorted(expected), abs=2e-6)

    before, after = (load_file(str(folder / "model.safetensors")) for folder in (backbone, tmp_path / "model"))
    assert before.keys() == after.keys()
    assert all(torch.allclose(before[name], after[name], atol=1e-6) for name in before)
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "generation_config.json"):
        assert (tmp_path / "model" / name).read_bytes() == (backbone / name).read_bytes()


def test_packed_steps_are_the_unpacked_ones_also_with_smaller_passes_after_a_kill(
    tmp_path: Path, backbone: Path
) -> None:
    """Same rows in every step, same loss, same gradient norm, same weights at the end, to rounding; with DFT's loss."""
    import torch
    from safetensors.torch import load_file

    from tasks.finetune.llamafactory import plan_of

    rows = [row | {"target": "\n".join([row["target"]] * (1 + n * n % 7))} for n, row in enumerate(ROWS[:27])]
    config: dict[str, Any] = {"learning_rate": 1e-3, "epochs": 2, "global_batch": 8, "loss": "dft"}
    plain, packed = tmp_path / "plain", tmp_path / "packed"
    engines.run(MODULE, _spec(plain, backbone, rows, packing=False, **config), plain)

    config |= {"tokens_per_pass": 800, "checkpoint_minutes": 0}
    spec, smaller = _spec(packed, backbone, rows, **config), _spec(packed, backbone, rows, less=1, **config)
    process = engines.start(MODULE, spec, packed)
    _wait_for_lines(packed / "scratch" / "losses.jsonl", 3, process, packed)
    process.kill()
    assert plan_of(spec).accumulation(2) < plan_of(smaller).accumulation(2)
    engines.run(MODULE, smaller, packed)

    steps = [list(read_rows(out / "loss.jsonl")) for out in (plain, packed)]
    assert [len(one) for one in steps] == [8, 8]  # the last step of an epoch has three rows
    for ours, theirs in zip(steps[1], steps[0], strict=True):
        assert ours["learning_rate"] == theirs["learning_rate"]
        assert ours["loss"] == pytest.approx(theirs["loss"], abs=1e-5)
        assert ours["grad_norm"] == pytest.approx(theirs["grad_norm"], rel=1e-4)
    ours, theirs = (load_file(str(out / "model" / "model.safetensors")) for out in (packed, plain))
    assert all(torch.allclose(ours[name], theirs[name], atol=1e-4) for name in theirs)


LAGGING: dict[str, Any] = {"packing": True, "loss": "psft", "clip": 1.1, "lag": 5}


@pytest.mark.parametrize(
    "of", [{"packing": True}, *(pytest.param(one, marks=pytest.mark.slow) for one in ({"packing": False}, LAGGING))]
)
def test_a_run_killed_at_any_step_ends_as_an_undisturbed_one(
    tmp_path: Path, backbone: Path, of: dict[str, Any]
) -> None:
    config: dict[str, Any] = {
        "learning_rate": 1e-3,
        "epochs": 12,
        "global_batch": 8,
        "per_device_batch": 4,
        "tokens_per_pass": 256,
    } | of
    calm, killed = tmp_path / "calm", tmp_path / "killed"
    engines.run(MODULE, _spec(calm, backbone, ROWS, **config), calm)
    assert not list((calm / "scratch" / "trainer").glob("checkpoint-*"))  # over before the first was due

    spec = _spec(killed, backbone, ROWS, checkpoint_minutes=0, **config)
    process = engines.start(MODULE, spec, killed)
    steps = killed / "scratch" / "losses.jsonl"
    most = _wait_for_lines(steps, 13, process, killed)
    process.kill()
    assert most in (1, 2)
    done = len(steps.read_text().splitlines())
    assert done < 48
    # What a kill amid the writing of a checkpoint leaves behind:
    (killed / "scratch" / "trainer" / "checkpoint-9999").mkdir()
    engines.run(MODULE, spec, killed)

    output = engines.output(MODULE, killed).read_text()
    assert "dropping checkpoint-9999" in output
    assert len(steps.read_text().splitlines()) <= 49 + of.get("lag", 1)  # it resumed: a step or two again
    assert len(list((killed / "scratch" / "trainer").glob("checkpoint-*"))) == 1
    assert (killed / "loss.jsonl").read_bytes() == (calm / "loss.jsonl").read_bytes()
    assert (killed / "model" / "model.safetensors").read_bytes() == (calm / "model" / "model.safetensors").read_bytes()
    losses = _losses(calm)
    assert len(losses) == 48
    assert min(losses) < losses[0] - (0.05 if "lag" in of else 0.5)  # psft: -1, and at most -1.1
    metrics = json.loads((killed / "scratch" / "metrics.json").read_text())
    assert metrics["steps"] == 48 and metrics["kept"] == 32


def test_checkpoints_of_another_number_of_ranks_are_dropped(tmp_path: Path) -> None:
    from tasks.finetune.llamafactory import drop_checkpoints_of_other_ranks

    checkpoint = tmp_path / "trainer" / "checkpoint-5"
    for processes, left in ((4, True), (4, True), (2, False)):
        if not checkpoint.exists():
            checkpoint.mkdir(parents=True)
        drop_checkpoints_of_other_ranks(tmp_path, processes)
        assert checkpoint.exists() == left


def test_dft_weighs_each_token_by_its_own_probability_and_iw_is_the_same(tmp_path: Path, backbone: Path) -> None:
    import torch
    from llamafactory.train.trainer_utils import dft_loss_func

    from tasks.finetune.arguments import arguments

    for loss, dft in (("nll", False), ("dft", True), ("importance_weighted", True)):
        spec = _spec(tmp_path, backbone, ROWS, loss=loss, packing=False)
        assert arguments(spec, accumulation=1)["use_dft_loss"] is dft
    torch.manual_seed(0)
    logits = torch.randn(2, 6, 11, dtype=torch.float64).float().requires_grad_()
    labels = torch.randint(0, 11, (2, 6))
    labels[:, :3] = -100
    loss = dft_loss_func({"logits": logits}, labels, torch.tensor(6))
    probability = logits.softmax(-1)[:, :-1].gather(-1, labels[:, 1:].clamp(min=0)[..., None])[..., 0]
    mask = labels[:, 1:] != -100
    by_hand = -(probability.detach() * probability.log())[mask].sum() / 6
    assert loss.item() == pytest.approx(by_hand.item(), rel=1e-6)
    assert torch.allclose(torch.autograd.grad(loss, logits)[0], torch.autograd.grad(by_hand, logits)[0], atol=1e-7)


@pytest.mark.slow
def test_two_processes_under_zero3_train_as_one_does_and_resume_when_a_rank_is_killed(
    tmp_path: Path, backbone: Path
) -> None:
    """The one unpacked, the two packed."""
    config: dict[str, Any] = {"learning_rate": 1e-3, "epochs": 20, "global_batch": 16, "tokens_per_pass": 400}
    one, two, killed = tmp_path / "one", tmp_path / "two", tmp_path / "killed"
    engines.run(MODULE, _spec(one, backbone, ROWS, packing=False, **config), one)
    extensions = os.environ.get("TORCH_EXTENSIONS_DIR", str(tmp_path / "extensions"))
    variables = {"DS_ACCELERATOR": "cpu", "TORCH_EXTENSIONS_DIR": extensions}
    engines.run(MODULE, _spec(two, backbone, ROWS, processes=2, **config), two, variables)
    assert _losses(two)[:10] == pytest.approx(_losses(one)[:10], abs=5e-6)
    assert _losses(two) == pytest.approx(_losses(one), rel=1e-3)

    spec = _spec(killed, backbone, ROWS, processes=2, checkpoint_minutes=0, **config)
    process = engines.start(MODULE, spec, killed, variables)
    steps = killed / "scratch" / "losses.jsonl"
    _wait_for_lines(steps, 8, process, killed)
    ranks = [child for child in process.process.children() if "tasks.finetune" in " ".join(child.cmdline())]
    assert len(ranks) == 2
    ranks[1].kill()
    assert process.wait(timeout=120) != 0  # torchrun ends the other rank and says so
    assert not any(rank.is_running() for rank in ranks)
    engines.run(MODULE, spec, killed, variables)
    assert (killed / "loss.jsonl").read_bytes() == (two / "loss.jsonl").read_bytes()
    assert (killed / "model" / "model.safetensors").read_bytes() == (two / "model" / "model.safetensors").read_bytes()


# The loss of a step does not depend on how it is divided: what each method adds, and how much it changes at least.
KINDS: dict[str, dict[str, Any]] = {
    "sft_kl": {"loss": "sft_kl", "anchor": 5.0},
    "asft": {"loss": "asft", "anchor": 5.0},
    "eaft": {"loss": "eaft"},
    "dft": {"loss": "dft"},
    "l2": {"l2": 2.0},
    "lora": {"lora_rank": 4, "lora_alpha": 8},
    "clipped_iw": {"loss": "clipped_iw", "clip": 1.2},
    "psft": {"loss": "psft", "clip": 1.1, "lag": 3},
    "flow": {"loss": "flow", "tau": 1.0},
    "talr": {"loss": "talr", "tau": 1.0},
}


@pytest.mark.parametrize("processes", [1, pytest.param(2, marks=pytest.mark.slow)])
@pytest.mark.parametrize("kind", ["sft_kl", *(pytest.param(one, marks=pytest.mark.slow) for one in [*KINDS][1:])])
def test_a_step_is_the_same_in_passes_of_another_size_and_under_zero3(
    tmp_path: Path, backbone: Path, plain: Path, kind: str, processes: int
) -> None:
    """Losses, and weights at the end. Anchors, ratios and LoRA begin at pi_0: their first loss is plain SFT's."""
    import torch
    from safetensors.torch import load_file

    from tasks.finetune.llamafactory import plan_of

    one, other = tmp_path / "one", tmp_path / "other"
    extensions = os.environ.get("TORCH_EXTENSIONS_DIR", str(tmp_path / "extensions"))
    config = PLAIN | KINDS[kind]
    first = _spec(one, backbone, ROWS, **config)
    engines.run(MODULE, first, one)
    zero3 = {"DS_ACCELERATOR": "cpu", "TORCH_EXTENSIONS_DIR": extensions} if processes > 1 else {}
    second = _spec(other, backbone, ROWS, processes=processes, **(config | {"tokens_per_pass": 400}))
    engines.run(MODULE, second, other, zero3)
    assert plan_of(first).accumulation(2) < processes * plan_of(second).accumulation(2), "the passes are the same"
    assert _losses(one) == pytest.approx(_losses(other), abs=2e-5)
    ours, theirs, before = (load_file(str(out / "model" / "model.safetensors")) for out in (one, other, plain))
    assert all(torch.allclose(ours[name], theirs[name], atol=1e-4) for name in ours)
    assert ours.keys() == before.keys() and any(
        not torch.allclose(ours[name], before[name], atol=1e-3) for name in ours
    )
    if kind == "psft":  # the first step's rate is 0; at the fourth pi becomes its own older policy
        assert [abs(loss + 1) < 1e-6 for loss in _losses(one)] == [True, True, False, True]
    if kind in ("sft_kl", "l2", "lora", "clipped_iw"):
        assert _losses(one)[0] == pytest.approx(_losses(plain)[0], abs=1e-6)
    assert all(abs(ours - theirs) > 1e-4 for ours, theirs in zip(_losses(one)[2:], _losses(plain)[2:], strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["nll", "sft_kl", "talr"])
def test_under_zero3_a_ranks_pass_may_have_several_chunks_of_logits_and_anothers_one(tmp_path: Path, kind: str) -> None:
    from tests.tasks.finetune.tiny_llama import make

    backbone = make(tmp_path / "backbone", context=8192, pad=None)
    rows = [
        {"id": f"r/{n}", "question": f"Tom {n}?", "target": " ".join(f"{i}+{n}={i + n}" for i in range(length))}
        for n, length in enumerate((700, 20) * 4)
    ]
    config = {"learning_rate": 1e-3, "epochs": 2, "global_batch": 4, "tokens_per_pass": 4096} | KINDS.get(kind, {})
    one, two = tmp_path / "one", tmp_path / "two"
    extensions = os.environ.get("TORCH_EXTENSIONS_DIR", str(tmp_path / "extensions"))
    zero3 = {"DS_ACCELERATOR": "cpu", "TORCH_EXTENSIONS_DIR": extensions}
    engines.run(MODULE, _spec(one, backbone, rows, **config), one)
    engines.run(MODULE, _spec(two, backbone, rows, processes=2, **config), two, zero3)
    assert _losses(two) == pytest.approx(_losses(one), abs=2e-5)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["clipped_iw", "psft"])
def test_a_steps_ratios_are_those_of_the_model_of_that_step_to_pi_0(tmp_path: Path, backbone: Path, kind: str) -> None:
    """A run of one epoch ends with the weights that one of two epochs has before its third step."""
    import torch
    from datasets import load_from_disk
    from transformers import AutoModelForCausalLM

    from tasks.finetune.llamafactory import plan_of

    config, half, whole = PLAIN | KINDS[kind], tmp_path / "half", tmp_path / "whole"
    engines.run(MODULE, _spec(half, backbone, ROWS, **(config | {"epochs": 1})), half)
    spec = _spec(whole, backbone, ROWS, **config)
    engines.run(MODULE, spec, whole)
    rows, found = load_from_disk(str(whole / "scratch" / "tokens")), []
    for folder in (half / "model", backbone):
        model = AutoModelForCausalLM.from_pretrained(str(folder), dtype=torch.float32)
        logprobs = []
        for row in next(plan_of(spec).rows(1)):
            ids, wanted = torch.tensor([rows[row]["input_ids"]]), torch.tensor(rows[row]["labels"])[1:] != -100
            with torch.no_grad():
                of_all = model(ids).logits[0, :-1].log_softmax(-1)
            logprobs.append(of_all.gather(1, ids[0, 1:, None])[:, 0][wanted])
        found.append(torch.cat(logprobs))
    ratios = (found[0] - found[1]).exp().clamp(max=KINDS[kind]["clip"])
    assert 0 < (ratios == KINDS[kind]["clip"]).sum() < len(ratios)
    expected = -ratios.mean() if kind == "psft" else -(ratios * found[0]).sum() / ratios.sum()
    assert _losses(whole)[2] == pytest.approx(expected.item(), abs=2e-5)


@pytest.mark.slow
def test_two_machines_that_meet_train_as_one_process_does(tmp_path: Path, backbone: Path) -> None:
    """Two rendezvous of one rank each, over gloo on this machine."""
    config: dict[str, Any] = {"learning_rate": 1e-3, "epochs": 2, "global_batch": 16, "tokens_per_pass": 400}
    one, two = tmp_path / "one", tmp_path / "two"
    engines.run(MODULE, _spec(one, backbone, ROWS, **config), one)
    spec = _spec(two, backbone, ROWS, **config).model_copy(update={"nodes": 2})
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    extensions = os.environ.get("TORCH_EXTENSIONS_DIR", str(tmp_path / "extensions"))
    variables = {"DS_ACCELERATOR": "cpu", "TORCH_EXTENSIONS_DIR": extensions, "NNODES": "2"}
    variables |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    other = engines.start(MODULE, spec, two, variables | {"NODE_RANK": "1"})
    engines.run(MODULE, spec, two, variables | {"NODE_RANK": "0"})
    assert other.wait(timeout=60) == 0
    assert _losses(two) == pytest.approx(_losses(one), abs=1e-5)
    assert json.loads((two / "scratch" / "metrics.json").read_text())["processes"] == 2


def test_batches_that_do_not_divide_are_refused() -> None:
    with pytest.raises(ValueError, match="not a multiple"):
        FinetuneConfig(packing=False, global_batch=10, per_device_batch=4)
    assert FinetuneConfig().accumulation(4) == 8
    assert FinetuneConfig(global_batch=10, processes=3).packing  # packed, any number of processes divides a step


def test_bfloat16_rounds_the_passes_and_keeps_the_weights_in_float32(
    tmp_path: Path, backbone: Path, plain: Path
) -> None:
    from tasks.finetune.rounding import rounded_back

    engines.run(MODULE, _spec(tmp_path, backbone, ROWS, dtype="bfloat16", **PLAIN), tmp_path)
    told = json.loads((plain / "scratch" / "metrics.json").read_text())["rounded_back"]
    assert told == rounded_back(backbone, plain / "model") and 0 < told < 0.5
    for out in (plain, tmp_path):
        assert json.loads((out / "model" / "config.json").read_text())["dtype"] == "float32"
    assert _losses(plain) != _losses(tmp_path) == pytest.approx(_losses(plain), rel=0.01)
