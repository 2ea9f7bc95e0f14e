"""An experiment's sizes, made to fit the rows that there are and the tokens that they have.

In:  the paper's sizes, and 88 rows, 99 % of them within 181 tokens
Out: {"sample": {"rows": 88, "max_tokens": 192}, "split": {"sft_rows": 39, "held_out_rows": 8, "agent_rows": 40}, …}
"""

from typing import Any

from flows.init.answers import AnswerError, Tree
from flows.init.rows import Found, Lengths
from tasks.corpus.corpus import CorpusConfig
from tasks.finetune.config import FinetuneConfig
from tasks.sample.sample import SampleConfig
from tasks.split.split import SplitConfig
from tasks.train_agent.config import TrainAgentConfig

FEWEST = 40  # rows: half for SFT, eight to measure on, and prompts for a step of GRPO
SPARE = 0.9  # share of the rows that is counted on: others are too long, or ask a benchmark's question
WORST = 0.5  # share of unusable rows past which the file is not what it was taken for
ROUND = 32  # tokens to which lengths are rounded up


def fitted(values: Tree, found: Found) -> Tree:
    """What of the sizes does not fit, and what does.

    Raises:
        AnswerError: too few rows.
    """
    sample, split = SampleConfig(**values.get("sample", {})), SplitConfig(**values.get("split", {}))
    wanted, left = split.sft_rows + split.agent_rows, int(SPARE * found.rows)
    if found.rows < FEWEST:
        raise AnswerError(f"{found.rows} rows can be used: an experiment needs at least {FEWEST}")
    changes: Tree = {}
    sft, agent = split.sft_rows, split.agent_rows
    if left < wanted and not found.cut:
        sft = left * split.sft_rows // wanted
        agent = left - sft
        held_out = min(max(split.held_out_rows * left // wanted, 8), agent // 4)
        parts = {"sft_rows": sft, "held_out_rows": held_out, "agent_rows": agent}
        changes = {"sample": {"rows": min(sample.rows, found.rows)}, "split": parts}
    train, sft_config = values.get("train_agent", {}), values.get("finetune", {})
    prompts = _of(train, TrainAgentConfig, "prompts_per_step")
    verifiable = agent * found.verifiable // max(found.rows, 1)
    if prompts > verifiable // 4:
        changes["train_agent"] = {"prompts_per_step": _power(verifiable // 4)}
    if (batch := _of(sft_config, FinetuneConfig, "global_batch")) > sft // 8:
        batch = _power(sft // 8)
        per_pass = min(_of(sft_config, FinetuneConfig, "per_device_batch"), batch)
        changes["finetune"] = {"global_batch": batch, "per_device_batch": per_pass}
    return changes


def bad_share(found: Found) -> float | None:
    """What `max_bad_share` of the corpus must be, where the default would refuse the file; in hundredths, one to spare.

    Raises:
        AnswerError: half of the rows cannot be used.
    """
    share = found.bad / max(found.read, 1)
    if share > WORST:
        raise AnswerError(f"{found.bad} of {found.read} rows cannot be used: name the right fields with --map")
    allowed: float = CorpusConfig.model_fields["max_bad_share"].default
    return None if share <= allowed else (int(share * 100) + 2) / 100


def with_lengths(values: Tree, lengths: Lengths, context: int) -> Tree:
    """Lengths for which there is room in the model's context; rows that are longer are left out and counted.

    Args:
        context: tokens that the model reads, prompt and answer together.
    """
    answer = min(_up(2 * lengths.target), context // 2)
    prompt = min(_up(lengths.prompt), context - answer)
    row = min(_up(lengths.row), context)
    both = {"max_prompt_tokens": prompt, "max_new_tokens": answer}
    longest = max(row, _of(values.get("finetune", {}), FinetuneConfig, "max_tokens"))
    return {
        "sample": {"max_tokens": row},
        "train_agent": both,
        "measure": both,
        "rewrite": both,
        "finetune": {"max_tokens": min(longest, context)},
    }


def _of(given: Tree, config: Any, name: str) -> Any:
    return given.get(name, config.model_fields[name].default)


def _up(tokens: int) -> int:
    return max(ROUND, -(-tokens // ROUND) * ROUND)


def _power(most: int) -> int:
    """The largest power of two up to `most`, and at least 4: it divides over processes."""
    return 1 << max(2, most.bit_length() - 1)
