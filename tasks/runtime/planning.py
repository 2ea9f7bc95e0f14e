"""What a flow would build, without building it: while a plan is made, `submit` looks each stage up and goes on.

    walk = Walk(store())
    with walk.collecting():
        pipeline.fn("sft", [0], backbone="nano")      # the flow's own code, in a few tenths of a second
    walk.stages   # [Step(title="finetune nll (sft/0)", kind="finetune", parts={"finetune": Part(found=None, …)}), …]

A key holds the digests of its inputs. Where an input is still to be made its digest is not known, and neither is the
key: a provisional one takes its place, made in the same way of the inputs' provisional keys, so that what is asked for
twice is planned once.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from tasks.runtime.store.store import Artifact, Manifest, Store

PROVISIONAL = "not made yet: "  # begins the digest of an artifact that is still to be made

_walk: ContextVar["Walk | None"] = ContextVar("plan", default=None)
_noted: ContextVar["Mapping[tuple[str, str], Noted] | None"] = ContextVar("noted", default=None)


@dataclass(frozen=True)
class Noted:
    """What was planned for one artifact. `done` tells the amount of work of its metrics and config."""

    seconds: float
    amount: float
    unit: str
    done: Callable[[Manifest], float | None]

    def beside(self, manifest: Manifest) -> dict[str, Any]:
        """The estimate and what came of it, for the artifact's timings."""
        return {"seconds": self.seconds, "amount": self.amount, "unit": self.unit, "done": self.done(manifest)}


def note(planned: "Mapping[tuple[str, str], Noted]") -> None:
    """Keep, with what this run builds from here on, what was planned: by the title of the stage's run and the part."""
    _noted.set(planned)


def noted(title: str, part: str) -> "Noted | None":
    """What was planned for this part of a stage's run; None without a plan."""
    return (_noted.get() or {}).get((title, part))


def told_elsewhere(title: str, parts: Iterable[str]) -> dict[str, dict[str, Any]]:
    """What was planned for these parts of a stage's run, for another process that builds them: plain values."""
    found = {part: noted(title, part) for part in parts}
    return {
        part: {"title": title, "seconds": one.seconds, "amount": one.amount, "unit": one.unit}
        for part, one in found.items()
        if one is not None
    }


def note_from(told: Mapping[str, Mapping[str, Any]], done: Callable[[Manifest], float | None]) -> None:
    """Keep, in the process that builds them, what `told_elsewhere` gave."""
    note({(one["title"], part): Noted(one["seconds"], one["amount"], one["unit"], done) for part, one in told.items()})


def walking() -> "Walk | None":
    """The plan that is being made; None where stages are built."""
    return _walk.get()


@dataclass
class Part:
    """One artifact of a step. `manifest.key` is its key where `known`, else a provisional one that no store has."""

    manifest: Manifest
    known: bool
    found: Manifest | None
    begun: bool = False  # a killed attempt left work that is gone on with

    @property
    def key(self) -> str | None:
        return self.manifest.key if self.known else None


@dataclass
class Step:
    """One submitted stage: a task's run, with as many artifacts as it makes."""

    title: str  # what the run will be called
    kind: str
    task: Any
    config: Any  # a dict of configs where the stage makes a batch
    inputs: dict[str, Any]  # Expected, dicts of them, or None
    parts: dict[str, Part]
    also: list[str] = field(default_factory=list)  # titles of further runs that ask for the same

    @property
    def cached(self) -> bool:
        return all(part.found for part in self.parts.values())

    def missing(self) -> dict[str, Part]:
        return {name: part for name, part in self.parts.items() if part.found is None}


class Expected:
    """Stands for a submitted stage's future while a plan is made, or for that of one `part` of what it makes."""

    upstream: tuple[Any, ...] = ()

    def __init__(self, step: Step, part: str | None = None) -> None:
        self.step, self.stage = step, step.kind
        self.part = part if step.task.batch else step.kind  # None: all that the stage makes
        # The states in which the stage's task would end (tasks/runtime/stage.py).
        self.state = SimpleNamespace(
            name="Cached" if step.cached else "Built", is_failed=lambda: False, is_crashed=lambda: False
        )

    def wait(self) -> None:
        """Nothing runs."""

    def result(self) -> "Expected":
        return self

    def artifacts(self) -> Any:
        """The artifact, or a dict of them, as a stage's inputs know it; its digest provisional where it is not made."""
        found = {name: _artifact(part) for name, part in self.step.parts.items()}
        return found if self.part is None else found[self.part]


class Walk:
    """Collects what a flow submits, each artifact once."""

    def __init__(self, home: Store) -> None:
        self.home = home
        self.stages: list[Step] = []
        self._of: dict[tuple[str, ...], Step] = {}
        self._parts: dict[str, Part] = {}

    @contextmanager
    def collecting(self) -> Iterator[None]:
        """Within it, `submit` of a stage adds a step to this plan and builds nothing."""
        token = _walk.set(self)
        try:
            yield
        finally:
            _walk.reset(token)

    def submit(self, task: Any, given: Mapping[str, Any], title: str) -> Expected:
        """The step of a stage that is asked for with these parameters."""
        inputs = {name: value for name, value in given.items() if name != "config"}
        manifests: dict[str, Manifest] = task.manifests(given["config"], _artifacts(inputs))
        keys = tuple(manifest.key for manifest in manifests.values())
        step = self._of.get(keys)
        if step is None:
            parts = {name: self._part(manifest) for name, manifest in manifests.items()}
            step = self._of[keys] = Step(title, task.name, task, given["config"], inputs, parts)
            self.stages.append(step)
        elif title != step.title and title not in step.also:
            step.also.append(title)
        return Expected(step)

    def manifest(self, key: str) -> Manifest:
        """Of an artifact that is planned or in the store, by its key, be it provisional. One that is still to be made
        has no digest."""
        planned = self._parts.get(key)
        return self.home.manifest(key) if planned is None else planned.found or planned.manifest

    def _part(self, manifest: Manifest) -> Part:
        known = not any(one.digest.startswith(PROVISIONAL) for one in manifest.inputs.values())
        found = self.home.look(manifest.key) if known else None
        begun = known and found is None and self.home.partial(manifest.key).is_dir()
        part = self._parts[manifest.key] = Part(manifest, known, found, begun)
        return part


def expected_in(value: Any) -> Iterator[Expected]:
    """The expected inputs in a step's inputs."""
    if isinstance(value, Expected):
        yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from expected_in(one)
    elif isinstance(value, Iterable) and not isinstance(value, str):
        for one in value:
            yield from expected_in(one)


def _artifact(part: Part) -> Artifact:
    if part.found is not None:
        return part.found.artifact()
    key = part.manifest.key
    return Artifact(kind=part.manifest.kind, key=key, digest=f"{PROVISIONAL}{key}")


def _artifacts(value: Any) -> Any:
    if isinstance(value, Expected):
        return value.artifacts()
    return {name: _artifacts(one) for name, one in value.items()} if isinstance(value, Mapping) else value
