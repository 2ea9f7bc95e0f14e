"""Every finished report feeds the sinks that are on; `rewriting-agent export` feeds one that was switched on later."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from infra.sinks import mlflow, tensorboard, wandb
from infra.sinks.rows import runs_of
from tasks.report.lineage.lineage import walk
from tasks.runtime.sinks import openlineage_sink, sinks
from tasks.runtime.store.store import Artifact, Manifest, Store

FEEDS = {"mlflow": mlflow.feed, "wandb": wandb.feed, "tensorboard": tensorboard.feed}


def check() -> None:
    """At a run's start: whether the sinks that are on can work. Raises SinkError with what to type."""
    sinks.check()
    if "wandb" in sinks.on():
        wandb.check()


def feed(report: Artifact, home: Store) -> None:
    """Tell every sink that is on of a report's runs; one that fails costs a warning.

    (OpenLineage was told of each stage while it ran.)
    """
    for name in sinks.on():
        if name in FEEDS:
            with sinks.harmless(name, sinks.logger):
                told = export(name, home.manifest(report.key), home)
                sinks.logger.info("%s: told of %d runs that it did not know", sinks.variable(name), told)


def export(name: str, report: Manifest, home: Store) -> int:
    """Tell one sink of a report: of its runs, or (OpenLineage) of every artifact that it rests on.

    Returns:
        how many runs, or events, were new to it or had changed.

    Raises:
        SinkError: the sink is off, or cannot work. Exception: what its package raises.
    """
    sinks.check([name])
    where = sinks.target(name)
    assert where is not None
    if name in FEEDS:
        with _alone(name, home):
            return FEEDS[name](where, runs_of(report, home))
    graph = walk(report.key, lambda key: home.manifest(key).model_dump())
    return openlineage_sink.export((home.manifest(one.key) for one in graph.nodes if not one.missing), home)


@contextmanager
def _alone(name: str, home: Store) -> Iterator[None]:
    """Two runs that end at once share the base: the second finds what the first has told."""
    path = home.root / "locks" / f".sink-{name}"
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
