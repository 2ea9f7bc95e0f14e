"""Micro-batches hold a prompt's rewrites beside each other; an update has the rows that it had, with their columns."""

import pytest

pytestmark = pytest.mark.inference


def batches(order: list[int], size: int) -> list[dict[str, object]]:
    """Rows of three prompts with four rewrites each, in this order, in micro-batches."""
    import torch

    def batch(rows: list[int]) -> dict[str, object]:
        prompts = torch.tensor([[0, 5, 7 + row // 4] for row in rows])
        return {
            "prompt_ids": prompts,
            "completion_ids": torch.tensor([[row, row] for row in rows]),
            "advantages": torch.tensor([float(row) for row in rows]),
            "num_items_in_batch": torch.tensor(24),
            "old_per_token_logps": None,
        }

    return [batch(order[start : start + size]) for start in range(0, len(order), size)]


def rows_of(made: list) -> list[list[int]]:
    return [batch["completion_ids"][:, 0].tolist() for batch in made]


def test_rewrites_of_a_prompt_come_together_with_all_their_columns() -> None:
    from tasks.train_agent.trl.groups_together import together

    shuffled = [9, 1, 4, 0, 8, 5, 2, 10, 6, 3, 11, 7]
    made = together(batches(shuffled, 4), 3)
    assert rows_of(made) == [[9, 8, 10, 11], [1, 0, 2, 3], [4, 5, 6, 7]], "in the order in which prompts came"
    for batch in made:
        assert len({tuple(prompt) for prompt in batch["prompt_ids"].tolist()}) == 1
        assert batch["advantages"].tolist() == batch["completion_ids"][:, 0].tolist()
        assert batch["num_items_in_batch"] == 24 and batch["old_per_token_logps"] is None


def test_updates_keep_their_rows_and_one_micro_batch_its_order() -> None:
    from tasks.train_agent.trl.groups_together import together

    shuffled = [9, 1, 4, 0, 8, 5, 2, 10, 6, 3, 11, 7]
    two = rows_of(together(batches(shuffled, 3), 2))
    assert [sorted(one + other) for one, other in zip(two[::2], two[1::2], strict=True)] == [
        sorted(shuffled[:6]),
        sorted(shuffled[6:]),
    ]
    assert rows_of(together(batches(shuffled, 4), 1)) == rows_of(batches(shuffled, 4))
