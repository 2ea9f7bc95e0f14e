"""General instruction rows of an experiment, which methods with a mixture train on beside their targets.

In:  replay: {path: general.jsonl, gate: {verifier: multiple_choice}} of the experiment
Out: the CorpusConfig that its stage reads, with the verifier that says which of its rows can be verified
"""

from typing import Literal

from pydantic import Field

from tasks.corpus.corpus import CorpusConfig
from tasks.verify.gate import GateConfig


class ReplayConfig(CorpusConfig):
    """Where general rows are, and what pi_0's own answers to them must pass."""

    name: str = Field("general", description="Begins the id of every row.", pattern=r"^[a-z0-9_]+$")
    domain: Literal["math", "general"] = Field(
        "general", description="Templates that its rows are asked by: general is the question as it stands."
    )
    gate: GateConfig | None = Field(
        None,
        description="What pi_0's own answers to them must pass (on_policy_replay); none: that they came to their end.",
    )

    def reading(self) -> CorpusConfig:
        """The corpus as its stage reads it."""
        values = self.model_dump(exclude={"gate"}, exclude_unset=True) | {"name": self.name, "domain": self.domain}
        told = {"verifier": self.gate.verifier, "options": self.gate.options} if self.gate else {}
        return CorpusConfig.model_validate(values | told)
