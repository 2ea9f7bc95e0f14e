"""What an artifact was made from, as a card tells it.

In:  Store, the manifest of a training set (or of a model)
Out: Provenance(backbone="nano", method="sdft", seed=0, commit="3f2a…", above=[Manifest(kind="corpus", …), …])
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tasks.runtime.store import names
from tasks.runtime.store.store import Manifest, Store, StoreError


class HandOnError(ValueError):
    """What was asked for cannot be handed on; says what to do."""


@dataclass
class Provenance:
    """`above`: the manifests of all that `made` was made from, and `made` itself; those that are gone are left out."""

    home: Store
    made: Manifest
    above: dict[str, Manifest]
    gone: list[str]

    @cached_property
    def name(self) -> str:
        return self.home.name(self.made)

    @property
    def backbone(self) -> str:
        return names.backbone_name(self.made, self.above.get)

    @property
    def run(self) -> tuple[str, int | None]:
        """The method and seed that asked for it first."""
        return names.asked_by(names.tags_of(self.made.run.get("task_run", "")))

    def of_kind(self, *kinds: str) -> list[Manifest]:
        return [one for one in self.above.values() if one.kind in kinds]

    def lines(self) -> Iterator[tuple[str, str]]:
        """Readable name and key of each, inputs first."""
        for one in reversed(self.above.values()):
            yield self.home.name(one), one.key


def provenance(home: Store, made: Manifest) -> Provenance:
    """Walk from `made` to all that it was made from."""
    above, gone, waiting = {made.key: made}, [], [made]
    while waiting:
        for reference in waiting.pop(0).inputs.values():
            if reference.key in above or reference.key in gone:
                continue
            try:
                above[reference.key] = home.manifest(reference.key)
                waiting.append(above[reference.key])
            except StoreError:
                gone.append(reference.key)
    return Provenance(home, made, above, gone)


def find(home: Store, asked: str, kinds: tuple[str, ...], role: str, what: str) -> Manifest:
    """The artifact that a person means by a key, a readable name, or the name of the run that reported on it.

    Args:
        kinds: the stages that make such a thing.
        role: what a report calls it among its inputs ("dataset", "model"); runs are found by their report.

    Raises:
        StoreError: none or several are meant.
    """
    manifests = home.manifests()
    reports = [one for one in manifests if one.kind == "report" and one.run.get("flow_run") == asked]
    if reports:
        inputs = reports[0].inputs.items()
        found = {one.key: name.partition(".")[2] for name, one in inputs if one.kind in kinds}
        if len(found) > 1 and role:
            found = {
                one.key: name for name, one in inputs if one.kind in kinds and name.startswith(f"{role}.")
            } or found
        if len(found) == 1:
            return home.manifest(next(iter(found)))
        if not found:
            raise StoreError(f"the run {asked} has no {what}: `rewriting-agent store list` has all artifacts")
        all_names = ", ".join(sorted(home.name(home.manifest(key)) for key in found))
        raise StoreError(f"the run {asked} has {len(found)} {what}s: say which, of {all_names}")
    wanted = [one for one in manifests if one.kind in kinds]
    called = {key: name for key, name in names.names_of(manifests).items() if key in {one.key for one in wanted}}
    try:
        return home.manifest(names.choose(asked, called, what))
    except LookupError as error:
        raise StoreError(f"{error.args[0]} ({home.root})") from None


def repository(identity: Any) -> tuple[str, str] | None:
    """The id and commit on the hub of what a corpus or backbone came from; None for files of one's own."""
    if isinstance(identity, dict) and isinstance(identity.get("model"), dict):
        identity = identity["model"]
    if isinstance(identity, dict) and "repository" in identity:
        return str(identity["repository"]), str(identity.get("revision") or "")
    return None
