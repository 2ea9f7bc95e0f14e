"""Fields that a `--set` cannot change, since something else decides them: told, never silently overridden.

In:  --set finetune.l2=2.0 of the method l2, whose file says finetune.l2: 4.0
Out: OverrideError("finetune.l2=2.0: the method l2 sets it itself, to 4.0, so …")
"""

from collections.abc import Iterable, Mapping
from fnmatch import fnmatch
from typing import Any

from flows.experiment import Experiment, load_experiment
from flows.overrides import OverrideError
from tasks.methods.method import methods

ELSEWHERE = {
    "corpora.*.verifier": "the gate decides what can be verified: set gate.verifier",
    "corpora.*.options": "the gate decides what can be verified: set gate.options",
    "drift.benchmark_data": "the thermometers read what evaluation reads: set evaluate.benchmark_data",
    "rewrite.shard": "each shard is made: set rewrite.shards, their number",
    "split.part": "each part of the split is made",
}


def refuse_elsewhere(given: Mapping[str, Any]) -> None:
    """Refuse fields that other parts of every experiment decide.

    Raises:
        OverrideError: says which, and what to do instead.
    """
    for field, value in given.items():
        if field == "finetune.loss":
            raise OverrideError(_loss_is_the_methods(value))
        if why := next((why for pattern, why in ELSEWHERE.items() if fnmatch(field, pattern)), None):
            raise OverrideError(f"{field}={value}: this would change nothing: {why}")


def refuse_of_methods(asked: Experiment, given: Mapping[str, Any], names: Iterable[str]) -> None:
    """Refuse what would change nothing of one of the methods that the experiment is run with.

    Args:
        asked: the experiment with what was `given`, values by dotted field.
        names: of the methods.

    Raises:
        OverrideError: says which method decides the field, and what to do instead.
    """
    if not given:
        return
    before = asked.model_dump(mode="json")
    for name in names:
        own = methods()[name].decides()
        if not own:
            continue
        made = load_experiment(asked, own).model_dump(mode="json")
        for field, value in given.items():
            if (theirs := _at(made, field)) != _at(before, field):
                strength = methods()[name].strength
                at = f"study it with --strengths {name}={value}, " if strength and strength.field == field else ""
                raise OverrideError(
                    f"{field}={value}: the method {name} sets it itself, to {theirs}, so this would change nothing of "
                    f"it: leave it out, {at}or copy tasks/methods/{name}.yaml with your value under a name of its own "
                    "(docs/methods.md)"
                )


def _at(values: Any, field: str) -> Any:
    for name in field.split("."):
        values = values[int(name)] if isinstance(values, list) else values.get(name)
    return values


def _loss_is_the_methods(loss: Any) -> str:
    """What to type instead of --set finetune.loss=dft."""
    having = [name for name, one in methods().items() if one.changes.get("finetune.loss", "nll") == loss]
    known = list(dict.fromkeys(one.changes.get("finetune.loss", "nll") for one in methods().values()))
    choose = f"choose the method {' or '.join(having[:3])}" if having else f"there are {', '.join(known)}"
    return f"finetune.loss={loss}: the loss is the method's alone, so this would change nothing: {choose}"
