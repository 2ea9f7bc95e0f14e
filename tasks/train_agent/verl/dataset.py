"""The rows as verl's data loader hands them out.

In:  rows.jsonl of `write_kept_rows`: {"id": "r1", "question": "…", "solution": "…", "gold": "29"}
Out: {"raw_prompt": [{"role": "user", "content": "You are an expert …"}], "agent_name": "rewrite", "index": 0,
      "data_source": "agent", "reward_model": {"ground_truth": "29"}, "extra_info": {"id": "r1", "question": "…"}}

Rows whose prompt does not fit were left out and counted before (tasks/train_agent/rows.py); verl's own filter and its
truncation never come into it.
"""

from pathlib import Path
from typing import Any

from torch.utils.data import Dataset

from tasks.rows.agent_rows import AgentRow
from tasks.rows.jsonl import read_rows, write_rows
from tasks.rows.prompts import domain_of, rewriting_prompt

AGENT = "rewrite"  # the name of the agent loop that samples these rows


def write_kept_rows(path: Path, rows: list[AgentRow]) -> None:
    """The rows that fit, for the processes of the run; without their token ids, which the agent loop makes anew."""
    parts = ("id", "question", "solution", "gold", "domain")
    write_rows(path, ({name: getattr(row, name) for name in parts} for row in rows))


def read_kept_rows(path: Path) -> list[AgentRow]:
    """The rows that `write_kept_rows` wrote, with empty prompts."""
    return [
        AgentRow(row["id"], row["question"], row["solution"], row["gold"], [], domain_of(row))
        for row in read_rows(path)
    ]


class AgentDataset(Dataset):
    """verl's `data.custom_cls`: constructed by verl with these arguments."""

    def __init__(
        self, data_files: Any, tokenizer: Any = None, processor: Any = None, config: Any = None, max_samples: int = -1
    ) -> None:
        rows = [row for file in data_files for row in read_kept_rows(Path(file))]
        self.rows = rows if max_samples < 0 else rows[:max_samples]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> dict[str, Any]:
        row = self.rows[index]
        return {
            "raw_prompt": [{"role": "user", "content": rewriting_prompt(row.question, row.solution, row.domain)}],
            "agent_name": AGENT,
            "index": index,
            "data_source": "agent",
            "reward_model": {"ground_truth": row.gold},
            "extra_info": {"id": row.id, "question": row.question},
        }
