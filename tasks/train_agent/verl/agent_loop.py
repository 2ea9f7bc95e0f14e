"""One rewrite from verl's rollout: our token ids in, sampled ids with their log-probabilities out.

verl's own single-turn loop renders the chat template itself and cuts a long prompt from the left. Here the prompt is
what every other part of the project sends (tasks/rows/tokens.py), and a long one is an error.
"""

from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

from verl.experimental.agent_loop.agent_loop import AgentLoopBase, AgentLoopMetrics, AgentLoopOutput
from verl.utils.profiler import simple_timer

from tasks.rows.tokens import ChatTokens


class RewriteLoop(AgentLoopBase):
    """Constructed by verl for every rollout."""

    async def run(self, sampling_params: dict[str, Any], **fields: Any) -> AgentLoopOutput:
        """Sample one rewrite of a row of `AgentDataset`; `extra_fields["finished"]` says whether it ended itself.

        Raises:
            ValueError: the prompt is longer than the limit that the rows were filtered by.
        """
        chat = _chat(self.config.actor_rollout_ref.model.path)
        prompt = chat.prompt(fields["raw_prompt"][0]["content"])
        limit = self.rollout_config.prompt_length
        if len(prompt) > limit:
            raise ValueError(f"row {fields['extra_info']['id']}: prompt of {len(prompt)} tokens, the limit is {limit}")
        seconds: dict[str, float] = {}
        with simple_timer("generate_sequences", seconds):
            sampled = await self.server_manager.generate(
                request_id=uuid4().hex,
                prompt_ids=prompt,
                sampling_params=dict(sampling_params) | {"stop_token_ids": sorted(chat.stop_ids)},
            )
        ids = list(sampled.token_ids)
        return AgentLoopOutput(
            prompt_ids=prompt,
            response_ids=ids,
            response_mask=[1] * len(ids),
            response_logprobs=list(sampled.log_probs),
            num_turns=2,
            metrics=AgentLoopMetrics(**seconds),
            extra_fields=dict(sampled.extra_fields)
            | {"finished": bool(ids) and ids[-1] in chat.stop_ids, "turn_scores": [], "tool_rewards": []},
        )


@cache
def _chat(folder: str) -> ChatTokens:
    return ChatTokens(Path(folder))
