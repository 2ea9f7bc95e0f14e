"""Rows are dealt to passes anew within a step, and to no other step."""

import random

import pytest

pytestmark = pytest.mark.sft

DRAW = random.Random(0)
LENGTHS = [max(8, int(DRAW.lognormvariate(5.5, 0.7))) for _ in range(150)]


@pytest.mark.parametrize(("processes", "tokens"), [(1, 2048), (3, 2048), (4, 700), (1, 100)])
def test_a_step_takes_the_rows_that_it_takes_without_packing(processes: int, tokens: int) -> None:
    from accelerate.data_loader import SeedableRandomSampler

    from tasks.finetune.passes import Plan

    plan = Plan(LENGTHS, 32, tokens, processes, seed=42)
    accumulation = plan.accumulation(2)
    sampler = SeedableRandomSampler(range(len(LENGTHS)), data_seed=42)
    for epoch in range(2):
        sampler.set_epoch(epoch)
        order = list(sampler)
        steps = list(plan.passes(epoch, accumulation))
        assert len(steps) == plan.steps == 5
        for number, passes in enumerate(steps):
            assert len(passes) == accumulation * processes
            assert sorted(row for one in passes for row in one) == sorted(order[32 * number : 32 * (number + 1)])
            for one in passes:
                assert sum(LENGTHS[row] for row in one) <= max(tokens, max(LENGTHS))


def test_the_passes_of_a_step_are_about_equally_long_and_as_few_as_hold_it() -> None:
    from tasks.finetune.passes import Plan

    plan = Plan(LENGTHS, 32, 2500, 1, seed=0)
    accumulation = plan.accumulation(1)
    most = max(sum(LENGTHS[row] for row in step) for step in plan.rows(0))
    assert accumulation <= most // 2500 + 2
    for passes in list(plan.passes(0, accumulation))[:-1]:
        sums = [sum(LENGTHS[row] for row in one) for one in passes]
        assert max(sums) - min(sums) <= min(LENGTHS) * 3


def test_every_process_has_as_many_passes_also_where_an_epoch_ends_on_a_single_row() -> None:
    from tasks.finetune.passes import PassSampler, Plan

    plan = Plan([10] * 17, 16, 40, 4, seed=1)
    samplers = [PassSampler(plan, plan.accumulation(1), process, lambda: 0) for process in range(4)]
    passes = [list(sampler) for sampler in samplers]
    assert {len(one) for one in passes} == {len(samplers[0])} == {2}
    assert sorted(row for process in passes for one in process for row in one) == list(range(17))
    assert sorted(len(process[1]) for process in passes) == [0, 0, 0, 1]


def test_the_longest_pass_is_that_of_any_process_in_any_step() -> None:
    from tasks.finetune.passes import Plan

    plan = Plan([700, 90, 310, 400, 1300, 20, 55, 610], 3, 800, 2, seed=1)
    accumulation = plan.accumulation(2)
    of_passes = [
        sum(plan.lengths[row] for row in rows)
        for epoch in range(2)
        for passes in plan.passes(epoch, accumulation)
        for rows in passes
    ]
    assert plan.longest(2, accumulation) == max(of_passes) == 1300
