"""A variant differs from the whole experiment in the one thing that it names."""

import pytest

from flows.ablation import VARIANTS, Variant, vary
from flows.experiment import Experiment, load_experiment
from tasks.rewards.config import RewardConfig


def changes(one: Experiment, other: Experiment) -> dict[str, object]:
    """Dotted fields in which two experiments differ, with the second's value."""

    def leaves(value: object, at: str) -> dict[str, object]:
        if not isinstance(value, dict):
            return {at: value}
        return {name: leaf for key, part in value.items() for name, leaf in leaves(part, f"{at}.{key}").items()}

    before, after = (leaves(experiment.model_dump(), "") for experiment in (one, other))
    assert set(before) == set(after)
    return {name.removeprefix("."): after[name] for name in after if after[name] != before[name]}


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_variant_changes_one_field(variant: Variant) -> None:
    nano = load_experiment("nano")
    expected: dict[str, object] = {"train_agent.reward.variant": variant}
    if variant == "success_only":
        expected = {"assemble.fallback": False}
    elif variant.startswith("k"):
        expected = {"train_agent.candidates": int(variant[1:])}
    assert changes(nano, vary(nano, variant)) == expected


def test_the_variants_of_the_reward_weigh_as_in_table_3() -> None:
    weights = {variant: RewardConfig(variant=variant) for variant in ("full", "no_dist", "no_div", "task_only")}
    kept = {name: (one.weight_dist > 0, one.weight_div > 0) for name, one in weights.items()}
    assert kept == {
        "full": (True, True),
        "no_dist": (False, True),
        "no_div": (True, False),
        "task_only": (False, False),
    }
