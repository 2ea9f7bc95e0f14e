"""Parts the sample: half for training the rewriting agent, half for downstream SFT (section 4.1).

A part is an artifact of its own, so that what is made from one does not change with the size of another. The agent's
half leaves out rows that cannot be verified, and keeps some rows apart on which the agent is measured, never trained.
No question is asked in two parts, though a corpus may solve it several times: a part takes all solutions of a question.
"""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

from tasks.rows.jsonl import Row, read_rows, write_rows
from tasks.rows.questions import normalised
from tasks.runtime.stage import Metrics, stage
from tasks.sample.types import TooFewRows

Part = Literal["agent", "held_out", "sft"]


class SplitConfig(BaseModel):
    """Sizes of the parts; the sample's own order decides which row goes where."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    part: SkipJsonSchema[Part] = Field("sft", description="Which part this is.")
    sft_rows: int = Field(50_000, ge=1, description="Rows for downstream SFT.")
    held_out_rows: int = Field(1_000, ge=0, description="Verifiable rows of the agent's half on which it is measured.")
    agent_rows: int = Field(50_000, ge=0, description="Rows of the agent's half; fewer where fewer are left.")


@stage(version=3)
def split(config: SplitConfig, out: Path, *, sample: Path) -> Metrics:
    """Write one part of the sample to rows.jsonl.

    Raises:
        TooFewRows: the sample does not fill the parts.
    """
    rows = list(read_rows(sample / "rows.jsonl", ["id", "question", "verifiable"]))
    sft, rest = by_question(rows, config.sft_rows)
    verifiable = [row for row in rest if row["verifiable"]]
    held_out, trained_on = by_question(verifiable, config.held_out_rows)
    agent = trained_on[: max(0, config.agent_rows - len(held_out))]
    parts = {"sft": sft, "held_out": held_out, "agent": agent}
    if not parts[config.part] or len(sft) < config.sft_rows:
        sizes = {name: len(part) for name, part in parts.items()}
        raise TooFewRows(f"a sample of {len(rows)} rows gives {sizes}, wanted {config.model_dump()}")
    write_rows(out / "rows.jsonl", parts[config.part])
    return {
        "rows": len(parts[config.part]),
        "sft_questions_left_out": len(rows) - len(sft) - len(rest),
        "unverifiable_left_out": len(rest) - len(verifiable),
        "held_out_questions_left_out": len(verifiable) - len(held_out) - len(trained_on),
    }


def by_question(rows: list[Row], count: int) -> tuple[list[Row], list[Row]]:
    """`count` rows that answer the first questions of `rows`, and the rows that ask none of these, each in its order.

    Solutions of one question come together; of the last one only as many as there is room for.
    """
    asking: dict[str, list[int]] = {}
    for place, row in enumerate(rows):
        asking.setdefault(normalised(row["question"]), []).append(place)
    taken: list[int] = []
    asked: set[int] = set()
    for places in asking.values():
        if len(taken) >= count:
            break
        taken += places[: count - len(taken)]
        asked.update(places)
    return [rows[place] for place in sorted(taken)], [row for place, row in enumerate(rows) if place not in asked]
