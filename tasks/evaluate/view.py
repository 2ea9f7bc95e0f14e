"""What the UI shows of a model's scores: each benchmark beside its backbone's, and the subjects it forgot most.

In:  the manifests of what was evaluated, by benchmark; the backbone's are looked up by the key that they would have
Out: | benchmark | n | accuracy, % | backbone, % | change, points |
     | mmlu | 500 | 41.2 | 44.0 | −2.8 |
"""

from collections.abc import Iterator, Mapping

from tasks.runtime.key import twin
from tasks.runtime.show import link, table
from tasks.runtime.store.store import Artifact, Manifest, Store, StoreError

MOST = 12  # subjects
Change = tuple[float, str, str, int, float, float]  # change, benchmark, subject, n, accuracy, the backbone's


def view(built: Mapping[str, Manifest], home: Store) -> str:
    """Accuracy by benchmark, and the subjects in which most of the backbone's right answers went."""
    before = {name: backbones(manifest, home) for name, manifest in built.items()}
    rows = []
    for name, manifest in sorted(built.items()):
        said, base = manifest.metrics, before[name]
        was = base.metrics["accuracy"] if base else None
        rows.append((name, said["n"], *_change(said["accuracy"], was)))
        if level := said.get("instructions"):
            was = base.metrics["instructions"]["accuracy"] if base else None
            rows.append((f"{name}: instructions", level["n"], *_change(level["accuracy"], was)))
    text = table(("benchmark", "n", "accuracy, %", "backbone, %", "change, points"), rows)
    lost = sorted(change for name, base in before.items() if base for change in subjects(name, built[name], base))
    if forgotten := [one for one in lost if one[0] < 0][:MOST]:
        columns = ("benchmark", "subject", "n", "accuracy, %", "backbone, %", "change, points")
        listed = table(columns, [(name, subject, n, *_change(now, was)) for _, name, subject, n, now, was in forgotten])
        text += f"\n\nForgotten most, by answers lost:\n\n{listed}"
    return f"{text}\n\n{link(next(iter(built.values())).inputs['model'].key)}"


def backbones(manifest: Manifest, home: Store) -> Manifest | None:
    """The same evaluation of the backbone that the model was tuned from; None where it is not in the store."""
    try:
        model = home.manifest(manifest.inputs["model"].key)
        backbone: Artifact | None = model.inputs.get("backbone")
        return home.manifest(twin(manifest, {"model": backbone})) if backbone else None
    except StoreError:
        return None


def subjects(name: str, manifest: Manifest, base: Manifest) -> Iterator[Change]:
    """Each subject's change in answers, beside its accuracies."""
    was = base.metrics.get("subsets", {})
    for subject, now in manifest.metrics.get("subsets", {}).items():
        if subject in was and now["n"] == was[subject]["n"]:
            change = now["n"] * (now["accuracy"] - was[subject]["accuracy"])
            yield change, name, subject, now["n"], now["accuracy"], was[subject]["accuracy"]


def _change(now: float, was: float | None) -> tuple[str, str, str]:
    if was is None:
        return f"{100 * now:.1f}", "", ""
    return f"{100 * now:.1f}", f"{100 * was:.1f}", f"{100 * (now - was):+.1f}"
