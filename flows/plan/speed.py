"""How fast a stage is: from what the store's artifacts took, else from the shipped table.

In:  a rewrite of 10,400 tokens with a model of 1,079,552 parameters on a CPU
Out: Speed(start=13.1, per_second=1480, source="36 artifacts of this store")

seconds = start + amount / (speed x engines), an engine a GPU; on a CPU a core of what is dealt to several. Start and
speed come apart where the artifacts' sizes differ by half or more; medians, since a machine that was busy, or slept, is
no measurement of a stage.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from statistics import median

from flows.plan import table as shipped
from flows.plan.work import WORK, done, length
from tasks.runtime.store.store import Manifest

NEAR = 1.25  # models whose sizes differ by less are of one size
ALIKE = 3  # models whose sizes differ by less write answers of like lengths


@dataclass(frozen=True)
class Record:
    """One build: `amount` an engine, and what it took. The benchmarks of one engine are one build."""

    kind: str
    variant: str
    amount: float
    seconds: float
    device: str
    parameters: int | None


@dataclass(frozen=True)
class Speed:
    """Seconds that a stage takes to start, and how much of its work a second; where the figures come from."""

    start: float
    per_second: float
    source: str
    measured: bool


class Past:
    """What the artifacts of a store took, by kind of stage, device and size of the model."""

    def __init__(self, manifests: Iterable[Manifest]) -> None:
        self.manifests = list(manifests)
        self.by_key = {one.key: one for one in self.manifests}
        self.by_kind: dict[str, list[Manifest]] = {}
        for one in self.manifests:
            self.by_kind.setdefault(one.kind, []).append(one)

    def parameters(self, manifest: Manifest) -> int | None:
        """Of the model that the artifact is made with."""
        if manifest.kind == "backbone":
            return manifest.metrics.get("parameters") or None
        above = manifest.inputs.get("backbone") or manifest.inputs.get("model")
        found = self.by_key.get(above.key) if above else None
        return self.parameters(found) if found else None

    @cached_property
    def records(self) -> list[Record]:
        builds: dict[tuple[str, ...], list[Manifest]] = {}
        for one in self.manifests:
            together = (one.kind, str(one.timings.get("started")), one.run.get("task_run", ""))
            builds.setdefault(together if one.kind == "evaluate" else (one.key,), []).append(one)
        return [record for build in builds.values() if (record := self._record(build)) is not None]

    def _record(self, build: list[Manifest]) -> Record | None:
        amounts, first = [done(one) for one in build], build[0]
        seconds = sum(one.timings.get("seconds") or 0.0 for one in build)
        if seconds <= 0 or any(amount is None for amount in amounts):
            return None
        # Each of a build's artifacts has its share of the build's seconds.
        gpu_seconds = sum(one.cost.get("gpu_seconds", 0.0) for one in build)
        core_seconds = sum(one.cost.get("core_seconds", 0.0) for one in build) if WORK[first.kind].dealt else 0.0
        engines = max(1, round((gpu_seconds or core_seconds) / seconds))
        told = first.run.get("device") or ("gpu" if gpu_seconds else "cpu")
        device = shipped.gpu_called(told) or told
        amount = sum(amount for amount in amounts if amount is not None)
        return Record(first.kind, variant(first.config), amount / engines, seconds, device, self.parameters(first))

    def length(self, kind: str, backbone: str, part: str, parameters: int | None) -> tuple[float, str] | None:
        """Tokens a row of this kind of stage: of the same backbone's artifacts (its digest), else of those of models of
        its size; of a benchmark by its name."""
        own, others = [], []
        for one in self.by_kind.get(kind, []):
            if kind == "evaluate" and one.metrics.get("benchmark") != part:
                continue
            if (tokens := length(one)) is None:
                continue
            above, size = one.inputs.get("backbone") or one.inputs.get("model"), self.parameters(one)
            if above is not None and above.digest == backbone:
                own.append(tokens)
            elif size and parameters and max(size, parameters) <= ALIKE * min(size, parameters):
                others.append(tokens)
        found = own or others
        return (median(found), f"{len(found)} of this store") if found else None

    def speed(self, kind: str, config: Mapping[str, object], device: str, parameters: int | None) -> Speed:
        """Of a kind of stage on this device with a model of so many parameters.

        Raises:
            LookupError: neither the store nor the table knows the kind.
        """
        assumed = _shipped(kind, device, parameters)
        alike = [one for one in self.records if (one.kind, one.device) == (kind, device)]
        alike = [one for one in alike if one.variant == variant(config)]
        near = [one for one in alike if _near(one.parameters, parameters)]
        if near:
            return _fitted(near, assumed)
        if parameters and (others := [one for one in alike if one.parameters]):
            size = min((one.parameters or 0 for one in others), key=lambda other: abs(other - parameters))
            fitted = _fitted([one for one in others if one.parameters == size], assumed)
            said = f"{fitted.source} with {size / 1e6:,.0f}M parameters, scaled to this size"
            # Beyond a factor of 30 in size a row of the table is nearer than the store.
            if max(size, parameters) / min(size, parameters) <= 30 or assumed is None:
                return Speed(fitted.start, fitted.per_second * size / parameters, said, measured=False)
        if assumed is None:
            raise LookupError(f"no throughput of {kind} on {device}")
        return assumed


def variant(config: Mapping[str, object]) -> str:
    """What tells apart runs of one kind whose times have nothing to do with each other."""
    names = ("tokenizer_only", "engine", "rollout", "backend")
    return ",".join(f"{name}={config[name]}" for name in names if config.get(name))


def _near(a: int | None, b: int | None) -> bool:
    return a == b if a is None or b is None else max(a, b) < NEAR * min(a, b)


def _fitted(records: list[Record], assumed: Speed | None) -> Speed:
    """Start and speed of builds of one kind, device and size.

    Where the builds are alike, or so small that their start hides the speed, they tell how this machine compares with
    the table's: start and speed are the table's times that factor.
    """
    source = f"{len(records)} of this store"
    ordered = sorted(records, key=lambda one: one.amount)
    # Between small and large builds, in the middle of the amounts' range.
    middle = (ordered[0].amount + ordered[-1].amount) / 2
    small = [one for one in ordered if one.amount <= middle]
    large = [one for one in ordered if one.amount > middle]
    told = assumed is None or ordered[-1].amount / assumed.per_second >= 0.5 * assumed.start
    if large and told and ordered[-1].amount >= 1.5 * max(1.0, median(one.amount for one in small)):
        a, s = median(one.amount for one in small), median(one.seconds for one in small)
        b, t = median(one.amount for one in large), median(one.seconds for one in large)
        slope = max((t - s) / (b - a), 0.1 * t / b)
        return Speed(max(0.0, s - slope * a), 1 / slope, source, measured=True)
    amount, seconds = median(one.amount for one in ordered), median(one.seconds for one in ordered)
    if assumed is None:
        return Speed(0.0, max(amount, 1e-9) / seconds, source, measured=True)
    factor = seconds / max(assumed.start + amount / assumed.per_second, 1e-3)
    return Speed(factor * assumed.start, assumed.per_second / factor, source, measured=True)


def _shipped(kind: str, device: str, parameters: int | None) -> Speed | None:
    """From the table: between the rows of the two nearest sizes, beyond them inversely to the size; on another GPU by
    its memory's bandwidth (generation) or its TFLOPS."""
    rows = [row for row in shipped.table().speeds if kind in row.kinds]
    free = [row for row in rows if row.device == "any"]
    if free:
        return Speed(free[0].start, free[0].per_second, free[0].source, measured=False)
    gpus, factor, scaled = shipped.table().gpus, 1.0, ""
    here = [row for row in rows if row.device == device]
    if not here and device in gpus:
        here = [row for row in rows if row.device in gpus]
        if here:
            other, what = gpus[here[0].device], "bandwidth" if WORK[kind].writes else "tflops"
            factor = getattr(gpus[device], what) / getattr(other, what)
            scaled = f", of {here[0].device} by {what}"
    if not here:
        return None
    size = float(parameters or here[0].parameters or 1)
    nearest = min(here, key=lambda row: abs(_ratio(row.parameters, size)))
    below = [row for row in here if (row.parameters or 0) <= size]
    above = [row for row in here if (row.parameters or 0) >= size]
    if below and above and below[-1] != above[0]:
        a, b = below[-1], above[0]
        part = _ratio(size, a.parameters or 1) / _ratio(b.parameters, a.parameters or 1)
        speed = a.per_second ** (1 - part) * b.per_second**part
    else:
        speed = nearest.per_second * (nearest.parameters or size) / size
    if nearest.parameters and not _near(int(nearest.parameters), int(size)):
        scaled += f", scaled from {nearest.parameters / 1e6:,.0f}M parameters"
    return Speed(nearest.start, speed * factor, nearest.source + scaled, measured=False)


def _ratio(a: float | None, b: float) -> float:
    from math import log

    return log(max(a or 1.0, 1.0) / max(b, 1.0))
