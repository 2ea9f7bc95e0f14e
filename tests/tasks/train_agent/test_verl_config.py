"""verl accepts what our settings become: the paper's defaults, the presets, the CPU."""

import json
import shutil
from pathlib import Path

import pytest
import yaml

from tasks.train_agent.config import TrainAgentConfig
from tasks.train_agent.spec import TrainSpec
from tests.tasks.train_agent.nano_rows import NANO

pytestmark = pytest.mark.verl

INFRA = Path(__file__).resolve().parents[3] / "infra"
PRESETS, BACKBONES = INFRA / "presets", INFRA / "backbones"
CONTEXT = {  # max_position_embeddings of the backbones on the hub, tokens
    "Llama-3.2-1B-Instruct": 131_072,
    "Llama-3.2-3B-Instruct": 131_072,
    "Mistral-7B-Instruct-v0.3": 32_768,
}
# SplitConfig's defaults, which tests/tasks/train_agent/test_config.py compares: Prefect is not in this environment.
AGENT_ROWS, HELD_OUT_ROWS = 50_000, 1_000


def composed(tmp_path, values, cuda=True, kept=AGENT_ROWS - HELD_OUT_ROWS, context=131_072, backbone=NANO / "model"):
    """The configuration that verl would run; validated by verl."""
    from tasks.train_agent.verl.hydra_config import validate, verl_config
    from tasks.train_agent.verl.layout import Layout

    config = TrainAgentConfig(**{"engine": "verl"} | values)
    spec = TrainSpec(config=config, backbone=backbone, rows=tmp_path, embedder="e", out=tmp_path, cuda=cuda)
    made = verl_config(spec, Layout(tmp_path), kept, config.steps or kept // config.prompts_per_step, context)
    validate(made)
    return made


@pytest.mark.parametrize("preset", [None, *sorted(path.stem for path in PRESETS.glob("*.yaml"))])
@pytest.mark.parametrize("backbone", CONTEXT)
def test_verl_accepts_every_preset_with_every_backbone(tmp_path, backbone, preset):
    values = yaml.safe_load((BACKBONES / f"{backbone}.yaml").read_text())
    more = yaml.safe_load((PRESETS / f"{preset}.yaml").read_text()) if preset else {}
    agent = values["train_agent"] | more.get("train_agent", {})
    agent["verl"] = values["train_agent"]["verl"] | more.get("train_agent", {}).get("verl", {})
    split = more.get("split", {})
    kept = split.get("agent_rows", AGENT_ROWS) - split.get("held_out_rows", HELD_OUT_ROWS)
    made = composed(tmp_path, agent, kept=kept, context=CONTEXT[backbone])
    steps = {"small": 15, "smoke": 2, "night": 12, "as_released": 240}.get(preset, 95)
    assert made.trainer.total_training_steps == steps
    assert made.trainer.total_epochs == {"night": 2, "as_released": 3}.get(preset, 1)
    assert made.actor_rollout_ref.rollout.max_model_len == 2048 + 4096
    assert made.trainer.n_gpus_per_node == (1 if preset in ("one_gpu", "small_gpu") else 4)
    assert made.trainer.nnodes == (2 if preset == "several_machines" else 1)
    assert made.actor_rollout_ref.rollout.gpu_memory_utilization == agent["vllm_memory"]


def test_the_papers_settings_reach_verl_under_its_own_names(tmp_path):
    made = composed(tmp_path, {})
    ours = made.actor_rollout_ref
    assert (ours.model.lora_rank, ours.model.lora_alpha, ours.model.target_modules) == (64, 32, "all-linear")
    assert (made.data.train_batch_size, ours.rollout.n) == (512, 10)
    assert (made.data.max_prompt_length, made.data.max_response_length) == (2048, 4096)
    assert (ours.rollout.name, ours.rollout.temperature, ours.rollout.load_format) == ("vllm", 1.0, "safetensors")
    assert ours.actor.ppo_mini_batch_size == 512
    assert {ours.actor.clip_ratio, ours.actor.clip_ratio_low, ours.actor.clip_ratio_high} == {0.2}
    assert (ours.actor.use_kl_loss, ours.actor.kl_loss_coef, ours.actor.kl_loss_type) == (True, 1e-3, "low_var_kl")
    assert (made.algorithm.adv_estimator, made.algorithm.use_kl_in_reward) == ("grpo", False)
    assert not ours.model.use_fused_kernels


def test_the_adapter_is_trained_in_float32_and_computed_in_bfloat16(tmp_path):
    engine = composed(tmp_path, {}).actor_rollout_ref.actor.fsdp_config
    assert engine.model_dtype == "fp32" and engine.mixed_precision.param_dtype == "bfloat16"


@pytest.mark.parametrize("backend", ["torch", "triton"])
def test_fused_kernels_are_the_models_and_the_actors(tmp_path, backend):
    made = composed(tmp_path, {"verl": {"fused_kernels": backend}}).actor_rollout_ref
    assert made.model.use_fused_kernels and made.actor.use_fused_kernels
    assert made.model.fused_kernel_options.impl_backend == backend


def test_several_updates_a_step_and_a_ray_cluster(tmp_path):
    values = {"updates_per_step": 4, "verl": {"gpus": 8, "machines": 2, "ray_address": "10.0.0.1:6379"}}
    made = composed(tmp_path, values)
    assert made.actor_rollout_ref.actor.ppo_mini_batch_size == 128
    assert made.actor_rollout_ref.actor.policy_loss.loss_mode == "vanilla"
    assert made.trainer.nnodes == 2
    assert made.ray_kwargs.ray_init.address == "10.0.0.1:6379"
    assert "num_cpus" not in made.ray_kwargs.ray_init or made.ray_kwargs.ray_init.num_cpus is None


def test_a_cluster_is_started_here_unless_an_address_is_given(tmp_path):
    assert composed(tmp_path, {}).ray_kwargs.ray_init.address == "local"


def test_secrets_stay_out_of_rays_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    monkeypatch.setenv("REWRITING_AGENT_JUDGE_API_KEY", "secret")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    environment = composed(tmp_path, {}).ray_kwargs.ray_init.runtime_env.env_vars
    assert "HF_HUB_OFFLINE" in environment
    assert not {"HF_TOKEN", "REWRITING_AGENT_JUDGE_API_KEY"} & set(environment)


def test_without_kl_no_reference_passes_are_made(tmp_path):
    from verl.trainer.ppo.utils import need_reference_policy

    assert need_reference_policy(composed(tmp_path, {}))
    assert not need_reference_policy(composed(tmp_path, {"kl_coefficient": 0}))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"prompts_per_step": 510, "updates_per_step": 4}, "must divide"),
        ({"prompts_per_step": 3, "candidates": 3, "verl": {"gpus": 2}}, "must divide"),
        ({"verl": {"gpus": 4, "tensor_parallel": 3}}, "tensor_parallel"),
        ({"verl": {"tokens_per_gpu": 4096}}, "less than one prompt with its rewrite"),
        ({"gate": {"judge": {"kind": "local"}}}, "judge kind 'local'"),
    ],
)
def test_what_verl_could_not_run_is_said_before_it_starts(tmp_path, values, message):
    with pytest.raises(SystemExit, match=message):
        composed(tmp_path, values)


def test_triton_is_refused_on_a_cpu(tmp_path):
    with pytest.raises(SystemExit, match="needs a GPU"):
        composed(tmp_path, {"verl": {"fused_kernels": "triton"}}, cuda=False)


def test_all_gpus_are_taken_where_none_are_counted(tmp_path, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2,3")
    assert composed(tmp_path, {}).trainer.n_gpus_per_node == 4
    assert composed(tmp_path, {"verl": {"gpus": 2}}).trainer.n_gpus_per_node == 2
    assert composed(tmp_path, {"prompts_per_step": 8}, cuda=False).trainer.n_gpus_per_node == 1


def test_without_flash_attn_models_with_sliding_windows_are_refused(tmp_path):
    model = shutil.copytree(NANO / "model", tmp_path / "model")
    config = json.loads((model / "config.json").read_text())
    (model / "config.json").write_text(json.dumps(config | {"model_type": "mistral", "sliding_window": 64}))
    with pytest.raises(SystemExit, match=r"mistral: without flash-attn .* install flash-attn \(docs/verl.md\)"):
        composed(tmp_path, {}, backbone=model)


def test_verl_accepts_the_cpu(tmp_path):
    values = {"prompts_per_step": 4, "candidates": 4, "micro_batch": 8, "max_prompt_tokens": 192, "max_new_tokens": 64}
    made = composed(tmp_path, values, cuda=False, kept=24, context=512)
    assert made.actor_rollout_ref.rollout.max_model_len == 256
    assert made.actor_rollout_ref.rollout.dtype == "float32"
