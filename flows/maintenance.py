"""The store kept in order: is every artifact whole, and what may go?

As it stands nothing is changed: a damaged artifact is named (the next run that needs it builds it again), and what no
report was made from is listed in the UI. With `remove` it is taken away.
"""

from collections.abc import Sequence
from typing import Annotated

from prefect import flow, get_run_logger
from prefect.artifacts import create_table_artifact
from pydantic import Field

from tasks.runtime.stage import store
from tasks.runtime.store import prune
from tasks.runtime.store.names import REPORTS
from tasks.runtime.store.store import StoreError


@flow(name="maintenance", flow_run_name="maintenance-of-the-store")
def maintenance(
    verify: bool = True, remove: bool = False, days: Annotated[float, Field(ge=0)] = 7, keep: Sequence[str] = ()
) -> None:
    """Verify the store, and list or take away what no report needs.

    Args:
        verify: read every byte of every artifact again; the run fails where one is damaged.
        remove: take away artifacts that no report was made from and what killed runs left. Off: only list them, in the
            run's artifact `leftovers`. What a run uses or builds stays.
        days: only what is older.
        keep: beginnings of keys that stay with all that they were made from, an agent's say.
    """
    home, log = store(), get_run_logger()
    found = prune.leftovers(home, REPORTS, days, keep)
    if remove:
        found = prune.remove(home, found)
    said = prune.summary(found, remove)
    log.info("%s", said)
    rows = [{"what": one.what, "name": one.called, "days": round(one.days, 1), "bytes": one.bytes} for one in found]
    create_table_artifact(rows, key="leftovers", description=f"{home.root}: {said}")
    if verify:
        count, damage = home.verify_all()
        log.info("%d of %d artifacts are whole", count - len(damage), count)
        if damage:
            raise StoreError("\n".join(damage))
