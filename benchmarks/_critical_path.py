"""The longest chain of engine processes in a graph of artifacts."""

from tasks.runtime.store.store import Manifest


def critical_path(manifests: list[Manifest]) -> float:
    """Seconds of engine processes, spawn to exit, along the chain of artifacts where they add up to most.

    Artifacts that one engine made together (benchmarks of a model) count its time once.
    """
    by_key = {manifest.key: manifest for manifest in manifests}
    seconds: dict[str, float] = {}

    def until(key: str) -> float:
        if key not in seconds:
            manifest = by_key[key]
            own = sum(float(engine["seconds"]) for engine in manifest.timings.get("engines") or [])
            before = [until(one.key) for one in manifest.inputs.values() if one.key in by_key]
            seconds[key] = own + max(before, default=0.0)
        return seconds[key]

    return max(until(key) for key in by_key)
