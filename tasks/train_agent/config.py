"""Settings of GRPO for the rewriting agent (3.3, E.2).

The paper gives rank, alpha, prompts, K and lengths; what it does not give is marked in the description, and
docs/paper.md says where each of our values comes from.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.json_schema import SkipJsonSchema

from tasks.rewards.config import RewardConfig
from tasks.rows.precision import Dtype, dtype_field
from tasks.score.config import EmbedderConfig
from tasks.verify.gate import GateConfig


class VerlConfig(BaseModel):
    """Where and in what portions verl computes; none of it changes what is learned but for rounding."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    gpus: int = Field(
        default=0, ge=0, le=64, description="GPUs of one machine that train and roll out in turn; 0: all of them."
    )
    machines: int = Field(default=1, ge=1, le=1024, description="Machines of the Ray cluster, with `gpus` each.")
    ray_address: str | None = Field(
        default=None,
        min_length=1,
        description="A running Ray cluster, say 10.0.0.1:6379, whose machines see this folder and the store under the "
        "same paths. Empty: one is started on this machine and ended with the training.",
    )
    tensor_parallel: int = Field(default=1, ge=1, le=64, description="GPUs that one rollout replica is spread over.")
    tokens_per_gpu: int = Field(
        default=24576, ge=256, description="Tokens of one forward and backward pass; at least one prompt with rewrite."
    )
    fused_kernels: Literal["torch", "triton"] | None = Field(
        default=None,
        description="Log-probabilities from a few hundred tokens' logits at a time: less memory, more time "
        "(docs/verl.md). Only for models whose logits are the plain product of states and head.",
    )
    sequences_per_gpu: int = Field(default=512, ge=1, description="Rewrites that one rollout replica samples at once.")
    offload: bool = Field(
        default=False, description="Keep the actor and its optimiser in the host's memory during the rollout."
    )
    stall_minutes: float = Field(
        default=240.0, gt=0, description="A step that takes longer is taken for stuck, and the attempt ends."
    )

    @model_validator(mode="after")
    def _machines_share_a_cluster(self) -> "VerlConfig":
        if self.machines > 1 and self.ray_address is None:
            raise ValueError(
                f"machines={self.machines} need a Ray cluster that is already running: start Ray on each "
                "(docs/verl.md) and set train_agent.verl.ray_address, say 10.0.0.1:6379"
            )
        return self


class TrainAgentConfig(BaseModel):
    """GRPO with LoRA on the frozen backbone."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    engine: Literal["trl", "verl"] = Field(
        default="verl",
        description="verl (E.2): GPUs of one or several machines. trl: one process, for a CPU or a model under 500M "
        "parameters.",
    )
    reward: RewardConfig = Field(default_factory=RewardConfig, description="Weights and variant of eq. 3.")
    gate: SkipJsonSchema[GateConfig] = Field(
        default_factory=GateConfig, description="Task consistency: answers and judge (eq. 5)."
    )
    embedder: EmbedderConfig = Field(default_factory=EmbedderConfig, description="Embeddings of eq. 9.")

    rank: int = Field(default=64, ge=1, le=512, description="Rank r of the LoRA matrices (E.2).")
    alpha: int = Field(default=32, ge=1, le=1024, description="LoRA alpha; the update is scaled by alpha / r (E.2).")

    prompts_per_step: int = Field(default=512, ge=1, le=8192, description="Prompts in one step's batch (E.2).")
    candidates: int = Field(
        default=10, ge=2, le=64, description="K: rewrites sampled of each prompt (E.2; swept 5 to 20)."
    )
    max_prompt_tokens: int = Field(
        default=2048,
        ge=16,
        description="Rows whose rewriting prompt is longer are left out and counted, never cut (E.2).",
    )
    max_new_tokens: int = Field(
        default=4096, ge=8, description="Most tokens of one rewrite; one cut off there fails the gate (E.2)."
    )

    steps: int | None = Field(
        default=None, ge=1, le=100_000, description="GRPO steps; empty: once over the rows. Not given by the paper."
    )
    learning_rate: float = Field(default=3e-5, gt=0, le=1, description="Of AdamW, constant. Not given by the paper.")
    warmup_steps: int = Field(default=0, ge=0, description="Steps over which the learning rate rises. Not given.")
    kl_coefficient: float = Field(
        default=1e-3,
        ge=0,
        le=10,
        description="Weight of the KL divergence from pi_0 as a rewriter. Not given by the paper.",
    )
    clip: float = Field(
        default=0.2, gt=0, lt=1, description="PPO's clipping range of the probability ratio. Not given."
    )
    max_gradient_norm: float = Field(default=1.0, gt=0, description="Gradients are clipped to this norm. Not given.")
    temperature: float = Field(default=1.0, gt=0, le=2, description="Of the rollouts. Not given by the paper.")
    updates_per_step: int = Field(
        default=1, ge=1, le=16, description="Optimiser updates on one step's rollouts; 1 is on-policy. Not given."
    )
    seed: int = Field(default=0, ge=0, description="Of the adapter's initialisation, the rows' order and the sampling.")

    rollout: Literal["transformers", "vllm"] = Field(
        default="vllm",
        description="What samples the rewrites in TRL: vLLM, or transformers in the same process, which suits a small "
        "model on a CPU. verl always uses vLLM (E.2).",
    )
    dtype: Dtype = dtype_field()
    micro_batch: int = Field(
        default=16,
        ge=1,
        description="Most rewrites in one forward and backward pass; a number up to it that divides a step's.",
        json_schema_extra={"key": False},
    )
    gradient_checkpointing: bool = Field(
        default=False,
        description="Recompute activations in the backward pass: less memory, more time. On GPUs verl always does.",
        json_schema_extra={"key": False},
    )
    vllm_memory: float = Field(
        default=0.4,
        gt=0,
        le=1,
        description="Share of the GPU that vLLM may use beside the trainer.",
        json_schema_extra={"key": False},
    )
    verl: VerlConfig = Field(
        default_factory=VerlConfig, description="GPUs and memory of the verl engine.", json_schema_extra={"key": False}
    )
    save_every: int = Field(
        default=10, ge=1, description="Steps between two checkpoints to resume from.", json_schema_extra={"key": False}
    )
    samples_every: int = Field(default=10, ge=1, description="Steps between two tables of sampled rewrites.")
    samples: int = Field(default=4, ge=0, le=64, description="Groups in a table of sampled rewrites.")
