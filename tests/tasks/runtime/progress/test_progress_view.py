"""Progress reaches the log and the UI, and never gets in the way of the work."""

import logging
from uuid import UUID

import httpx
import pytest

from tasks.runtime.progress import progress_artifact, progress_view
from tasks.runtime.progress.progress import Pace, report, time_left
from tasks.runtime.progress.progress_view import ProgressView

LOG = logging.getLogger("test_progress_view")
ARTIFACT = UUID(int=1)


class Server:
    """Prefect's two calls, as the view makes them."""

    def __init__(self) -> None:
        self.shown: list[float] = []
        self.dead = False

    def create(self, progress: float, description: str) -> UUID:
        return self.update(ARTIFACT, progress)

    def update(self, artifact_id: UUID, progress: float) -> UUID:
        if self.dead:
            raise httpx.ConnectError("connection refused")
        self.shown.append(progress)
        return artifact_id


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    made = Server()
    monkeypatch.setattr(progress_artifact, "create_progress_artifact", made.create)
    monkeypatch.setattr(progress_artifact, "update_progress_artifact", made.update)
    monkeypatch.setattr(progress_artifact.TaskRunContext, "get", classmethod(lambda cls: object()))
    return made


def test_time_left_follows_the_pace_so_far() -> None:
    assert time_left(2, 10, 4.0) == 16.0
    assert time_left(0, 10, 4.0) is None


def test_neither_an_engines_start_nor_the_first_of_many_rows_at_once_is_a_pace() -> None:
    pace = Pace()
    told = [pace.left(done, 1600, "rows", at) for done, at in ((0, 0.0), (1, 90.0), (41, 94.0), (801, 170.0))]
    assert told == [None, None, pytest.approx(1559 / 10), pytest.approx(799 / 10)], "it was 40 hours after the first"
    assert pace.left(10, 20, "MiB", 200.0) is None, "another count begins anew"
    assert pace.left(15, 20, "MiB", 201.0) == pytest.approx(1.0)


def test_rows_that_come_in_one_block_have_the_pace_since_the_beginning() -> None:
    pace = Pace()
    assert pace.left(400, 1600, "rows", 5.0) is None, "found done by another attempt"
    assert pace.left(1000, 1600, "rows", 11.0) == pytest.approx(6.0)
    assert pace.left(1000, 1600, "rows", 12.0) == pytest.approx(7.0)


def test_a_stage_that_takes_a_moment_leaves_no_card_in_the_ui(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with ProgressView("corpus", LOG):
        report(1, 2, "files")
        report(2, 2, "files", rows=7)
    assert server.shown == []
    assert caplog.messages == ["corpus: 2 of 2 files, rows 7"]


def test_a_long_stage_shows_how_far_it_is(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress_view, "ARTIFACT_EVERY", 0.0)
    with ProgressView("rewrite", LOG):
        report(1, 4)
        report(4, 4)
    assert server.shown == [25.0, 100.0]


def test_a_server_that_died_stops_the_showing_and_not_the_work(
    server: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)  # Prefect's own settings of the root logger are another test's
    monkeypatch.setattr(progress_view, "ARTIFACT_EVERY", 0.0)
    with ProgressView("rewrite", LOG):
        report(1, 4)
        server.dead = True
        report(2, 4)
        report(3, 4)
        report(4, 4)
    assert server.shown == [25.0]
    assert caplog.messages == ["rewrite: its progress is no longer shown in the UI: connection refused"]
