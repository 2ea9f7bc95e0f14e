"""How the three rewards of a rewrite are weighted, and the ablations of the paper's Tables 3 and 5."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

DIVERSITY_OF = 4  # D(S+) is averaged over groups with at least so many passing rewrites: "at fixed m"

Variant = Literal["full", "no_dist", "no_div", "task_only", "soft_shaping", "alone"]


class RewardConfig(BaseModel):
    """Weights of eq. 3. The paper prints none of these numbers; docs/paper.md says where ours come from."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    variant: Variant = Field(
        default="full",
        description="full: eq. 3. no_dist, no_div, task_only: without r_dist, without r_div, with the gate alone "
        "(Table 3). soft_shaping: r_dist and r_div for every candidate, passing or not (Table 5). alone: each as a "
        "group of one, as the authors' released reward is called: r_dist is 0.5 and r_div 0 for all that pass.",
    )
    lambda_dist: float = Field(
        default=1.0, ge=0, le=100, description="Weight of the distributional-alignment reward, eq. 3."
    )
    lambda_div: float = Field(default=5.0, ge=0, le=1000, description="Weight of the diversity reward, eq. 3.")
    epsilon: float = Field(
        default=1e-3, gt=0, le=1, description="Added to the deviation of the NLLs in eq. 7, in nats per token."
    )

    @property
    def weight_dist(self) -> float:
        """lambda_dist as the variant leaves it: 0 where r_dist is ablated."""
        return 0.0 if self.variant in ("no_dist", "task_only") else self.lambda_dist

    @property
    def weight_div(self) -> float:
        """lambda_div as the variant leaves it: 0 where r_div is ablated."""
        return 0.0 if self.variant in ("no_div", "task_only") else self.lambda_div
