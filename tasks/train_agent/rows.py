"""The rows that an agent is trained on: enough of them must fit to fill a step."""

from tasks.rows.agent_rows import AgentRow, RowCounts, agent_rows
from tasks.rows.tokens import ChatTokens
from tasks.train_agent.spec import TrainSpec


def enough_rows(spec: TrainSpec, chat: ChatTokens, context: int) -> tuple[list[AgentRow], RowCounts]:
    """The rows of a training that fit, and how many did not.

    Raises:
        SystemExit: they do not fill one step.
    """
    config = spec.config
    rows, counts = agent_rows(spec.rows, chat, config.max_prompt_tokens, config.max_new_tokens, context)
    print(f"{counts.kept} of {counts.rows} rows; {counts.overlong} prompts too long, {counts.no_room} without room")
    if counts.kept < config.prompts_per_step:
        raise SystemExit(
            f"{spec.rows}: {counts.kept} rows fit ({counts.overlong} prompts over max_prompt_tokens, {counts.no_room} "
            f"leave no room for max_new_tokens in the context of {context}), fewer than one step's "
            f"prompts_per_step={config.prompts_per_step}"
        )
    return rows, counts
