"""The lock between machines on a shared folder: of several that write one object first, one is told so."""

import threading
from pathlib import Path

import fsspec

from tasks.runtime.store import lease

ROUNDS, WRITERS = 50, 4


def test_of_several_that_create_an_object_in_a_folder_one_is_first_and_it_is_whole(tmp_path: Path) -> None:
    files, together = fsspec.filesystem("file"), threading.Barrier(WRITERS)
    first: list[tuple[int, int]] = []

    def write(mine: int) -> None:
        for number in range(ROUNDS):
            together.wait()
            if lease.create(files, str(tmp_path / "lock" / str(number)), bytes([mine]) * 1000):
                first.append((number, mine))

    threads = [threading.Thread(target=write, args=(mine,)) for mine in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(number for number, _ in first) == list(range(ROUNDS))
    assert all((tmp_path / "lock" / str(number)).read_bytes() == bytes([mine]) * 1000 for number, mine in first)
    assert len(list((tmp_path / "lock").iterdir())) == ROUNDS
