"""A plan with figures: of each step whether it is there, why not, how much it has to do, how long that takes.

In:  a walk through a flow (tasks/runtime/planning.py) and the store's earlier artifacts
Out: Plan(stages=[PlannedStage(title="finetune nll seed 0 (sft/0)", state="to make", rows=800, tokens=60800,
     seconds=21.4, source="72 of this store", …), …], power=[…])
"""

from collections.abc import Mapping
from math import inf
from typing import Any

from flows.plan import memory
from flows.plan.lengths import OWN, Drawn, solutions
from flows.plan.plan import Machine, PlannedArtifact, PlannedStage, State
from flows.plan.speed import Past
from flows.plan.table import Gpu, Model, table
from flows.plan.work import WORK, Rows, made
from tasks.runtime.planning import Expected, Part, Step, Walk, expected_in
from tasks.runtime.settings import settings
from tasks.runtime.store.differences import Difference, nearest


def estimate(walk: Walk, past: Past, machine: Machine) -> list[PlannedStage]:
    """The walk's steps with their figures, in the order in which the flow asks for them."""
    reckoning = _Reckoning(walk, past, machine)
    return [reckoning.stage(step) for step in walk.stages]


class _Reckoning:
    """Rows and sizes go down the graph: each step asks its inputs."""

    def __init__(self, walk: Walk, past: Past, machine: Machine) -> None:
        self.walk, self.past, self.machine = walk, past, machine
        self._rows: dict[int, dict[str, int]] = {}
        self._drawn: dict[int, Drawn] = {}

    def stage(self, step: Step) -> PlannedStage:
        artifacts = [self._artifact(step, name, part) for name, part in step.parts.items()]
        states: set[State] = {one.state for one in artifacts}
        order: tuple[State, ...] = ("to make", "goes on", "cached")
        state: State = next(one for one in order if one in states)
        kind = WORK[step.kind]
        found = PlannedStage(
            title=step.title, also=step.also, kind=step.kind, state=state, artifacts=artifacts, unit=kind.unit
        )
        rows = self.rows(step)
        found.rows, found.rows_each = sum(rows.values()), rows
        if state != "cached":
            self._cost(found, step, {name: rows[name] for name in step.missing()})
        return found

    def _artifact(self, step: Step, name: str, part: Part) -> PlannedArtifact:
        if part.found is not None:
            return PlannedArtifact(name=name, stored_as=part.found.name, key=part.key, state="cached", why="")
        state: State = "goes on" if part.begun else "to make"
        said, near = self._why(step, part)
        called = str(getattr(self._config(step, name), "name", ""))
        stored_as = self.walk.home.name(part.manifest, called) if part.known else ""
        return PlannedArtifact(name=name, stored_as=stored_as, key=part.key, state=state, why=said, nearest=near)

    def _why(self, step: Step, part: Part) -> tuple[str, str | None]:
        if part.begun:
            return "a killed attempt is gone on with", None
        near = nearest(part.manifest, self.past.by_kind.get(step.kind, []))
        waits = dict.fromkeys(one.step.title for one in expected_in(step.inputs) if not one.step.cached)
        more = f" and {len(waits) - 1} more" if len(waits) > 1 else ""
        after = f"after {next(iter(waits))}{more}" if waits else ""
        if near is None:
            return "; ".join(["none of its kind is there", *([after] if after else [])]), None
        own = [one for one in near[1] if one.what != "content" or not after]
        told = ", ".join(tell(one) for one in own[:3]) + (f" and {len(own) - 3} more" if len(own) > 3 else "")
        return "; ".join(one for one in (told, after) if one), near[0].key

    def rows(self, step: Step) -> dict[str, int]:
        """Rows of each of a step's artifacts: as they are, or as its inputs let expect."""
        if id(step) not in self._rows:
            self._rows[id(step)] = {name: self._rows_of(step, name, part) for name, part in step.parts.items()}
        return self._rows[id(step)]

    def _rows_of(self, step: Step, name: str, part: Part) -> int:
        if part.found is not None and (rows := made(part.found)) is not None:
            return rows
        kind, config = WORK[step.kind], self._config(step, name)
        return kind.made(config, kind.rows(config, self._inputs(step, config)))

    def _inputs(self, step: Step, config: Any) -> Rows:
        """Rows of a step's inputs by name; what it has no input for, from the table or its file, under ""."""
        found = {"": _of_source(step.kind, config)} if step.kind in ("corpus", "questions", "evaluate") else {}
        if step.kind == "report":  # it reads the manifest of every artifact
            found[""] = sum(len(one.parts) for one in self.walk.stages)
        if step.kind == "frontier":  # and it the answers of every model
            found[""] = sum(len(one.parts) for one in self.walk.stages if one.kind == "evaluate")
        for name, value in step.inputs.items():
            if isinstance(value, Expected):
                rows = self.rows(value.step)
                of_all = {f"{name}.{part}": n for part, n in rows.items()}
                found |= of_all if value.part is None else {name: rows[value.part]}
            elif isinstance(value, Mapping):
                for key, one in value.items():
                    if isinstance(one, Expected):
                        rows = self.rows(one.step)
                        found[f"{name}.{key}"] = sum(rows.values()) if one.part is None else rows[one.part]
        return found

    def _config(self, step: Step, name: str) -> Any:
        return step.config[name] if step.task.batch else step.config

    def _model(self, step: Step) -> tuple[Model | None, str]:
        """Shape and digest of the backbone that a step's model comes from."""
        if step.kind == "backbone":
            part = next(iter(step.parts.values()))
            stored = self.walk.home.path(part.found.key) if part.found else None
            if stored is not None and not stored.is_dir():
                stored = None  # of a shared store, not fetched yet
            return memory.model_of(step.config, stored), part.found.digest if part.found else ""
        above = step.inputs.get("backbone") or step.inputs.get("model")
        return self._model(above.step) if isinstance(above, Expected) else (None, "")

    def _cost(self, found: PlannedStage, step: Step, rows: Mapping[str, int]) -> None:
        kind, machine = WORK[step.kind], self.machine
        model, digest = self._model(step)
        lengths: list[str] = []
        for name, count in rows.items():
            config = self._config(step, name)
            worked = kind.rows(config, self._inputs(step, config))
            each = 1.0
            if kind.unit == "tokens":
                each, said = self._length(step, digest, name)
                lengths.append(said)
            if step.kind == "train_agent" and (share := self._prompted(step, config)) < 1:
                worked = max(1, round(worked * share))
                lengths[-1] += f"; {share:.0%} of the rows have prompts within {config.max_prompt_tokens:,} tokens"
            found.amount += (
                (count if step.kind in ("evaluate", "split") else worked) * kind.times(config, worked) * each
            )
        config = self._config(step, next(iter(rows)))
        asked = {name: step.config[name] for name in rows} if step.task.batch else step.config
        wanted = step.task.gpus(asked)
        found.gpus = (machine.gpus if wanted is None else wanted) if machine.gpu else 0
        device = machine.device if found.gpus or not kind.model else "cpu"
        parameters = model.parameters if model and kind.model else None
        speed = self.past.speed(step.kind, config.model_dump(), device, parameters)
        cores = min(step.task.cores(asked), settings().cores)
        engines = found.gpus or (cores if kind.dealt else 1)
        found.seconds = speed.start + found.amount / (speed.per_second * max(1, engines))
        found.source, found.measured = speed.source, speed.measured
        if lengths:
            found.source += f"; lengths: {lengths[0]}"
        found.gpu_hours = found.seconds * found.gpus / 3600
        found.core_hours = found.seconds * cores / 3600
        if machine.price is not None:
            found.money = machine.price * (found.gpu_hours if machine.gpu else found.core_hours)
        tokens = found.amount if kind.unit == "tokens" else self._text(step, rows)
        found.disk = memory.disk(step.kind, config, model, sum(rows.values()), tokens)
        if machine.gpu is not None and found.gpus:
            self._memory(found, step, config, model, machine.gpu)

    def _length(self, step: Step, digest: str, name: str) -> tuple[float, str]:
        config, model = self._config(step, name), self._model(step)[0]
        size = model.parameters if model else None
        if (known := self.past.length(step.kind, digest, name, size)) is not None:
            return known
        for row in table().lengths:
            if step.kind in row.kinds and row.parameters == size:
                return row.tokens, row.source
        most = getattr(config, "max_new_tokens", inf)
        learnt = step if step.kind in ("finetune", "score") else ancestor(step, "finetune")
        if learnt is not None and not _rewritten(learnt):  # read or learnt from, or written by a model that learnt so
            tokens, what = self._sampled(learnt).tokens, "of the corpora's solutions"
        elif step.kind == "evaluate" and learnt is None:
            tokens, what = OWN, "reckoned: chain of thought of an instruction-tuned model"
        else:
            tokens = self._sampled(step).rewritten(getattr(config, "max_prompt_tokens", inf))
            what = "as an instruction-tuned model writes"
        return min(tokens, most), f"{min(tokens, most):,.0f} tokens, {what}"

    def _prompted(self, step: Step, config: Any) -> float:
        """The share of the agent's rows that it reads: those with longer prompts are left out. All, where the prompts'
        limit was fitted to the rows, or where nothing is known of the model's tokens."""
        model = self._model(step)[0]
        known = {row.parameters for row in table().lengths}
        drawn = self._sampled(step)
        if config.max_prompt_tokens >= drawn.longest or (model is not None and model.parameters in known):
            return 1.0
        return drawn.prompted(config.max_prompt_tokens)

    def _sampled(self, step: Step) -> Drawn:
        """What the step's rows are drawn of."""
        sample = step if step.kind == "sample" else ancestor(step, "sample")
        if sample is None:
            return Drawn((), self._longest())
        if id(sample) not in self._drawn:
            corpora = [one.step.config for one in expected_in(sample.inputs) if one.step.kind == "corpus"]
            self._drawn[id(sample)] = Drawn(tuple(map(solutions, corpora)), sample.config.max_tokens)
        return self._drawn[id(sample)]

    def _text(self, step: Step, rows: Mapping[str, int]) -> float:
        """Tokens of the texts that a step hands on as they are."""
        if step.kind == "corpus":
            found = solutions(step.config)
            return found.rows * found.tokens
        return sum(rows.values()) * self._sampled(step).tokens if WORK[step.kind].hands_on else 0.0

    def _longest(self) -> int:
        """Tokens of the sample's longest row, question included."""
        return max((one.config.max_tokens for one in self.walk.stages if one.kind == "sample"), default=8192)

    def _memory(self, found: PlannedStage, step: Step, config: Any, model: Model | None, gpu: Gpu) -> None:
        need = memory.need(step.kind, config, model, found.gpus, gpu, self._longest())
        if need is not None:
            found.memory, found.memory_told = need.bytes, need.told
            found.fits = need.bytes <= gpu.memory * memory.GB


_MODELS = ("backbone", "model", "adapter")  # inputs that are no texts


def ancestor(step: Step, kind: str) -> Step | None:
    """A step of that kind that this one's inputs come from."""
    for one in expected_in(step.inputs):
        found = one.step if one.step.kind == kind else ancestor(one.step, kind)
        if found is not None:
            return found
    return None


def _rewritten(step: Step) -> bool:
    """Whether a step learns from or reads what a model wrote, and not the expert's solutions."""
    texts = [one.step for name, value in step.inputs.items() if name not in _MODELS for one in expected_in([value])]
    return any(one.kind in ("rewrite", "self_solve") or _rewritten(one) for one in texts)


def _of_source(kind: str, config: Any) -> int:
    """Rows of a corpus that was not read yet, or questions of benchmarks."""
    if kind == "corpus":
        return solutions(config).rows
    sizes = (table().questions.get(name, 0) for name in config.benchmarks)
    limit = getattr(config, "limit", None) if kind == "evaluate" else None
    return sum(min(size, limit) if limit else size for size in sizes)


def tell(one: Difference) -> str:
    """`learning_rate 0.0008, there 0.0012`"""
    if one.what == "content":
        return f"another {one.name}"
    what = {"data": "other content: ", "environment": "environment's ", "code": "the stage's "}.get(one.what, "")
    short = [value if len(value) <= 24 else value[:23] + "…" for value in (one.ours, one.theirs)]
    return f"{what}{one.name} {short[0]}, there {short[1]}"
