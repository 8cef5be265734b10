"""Upgrading on a disk that is nearly full: calls come first, and what is waited for is said."""

from threading import Event

import psycopg
import pytest

from projections.engine.definition import digests, load_projections
from projections.engine.rebuild import Rebuild
from projections.engine.runner import ProjectionRunner
from projections.engine.upgrade import ROOM_BYTES
from projections.queries.readable import ProjectionUnreadable, require_readable
from services.ledger.database import ExternalDatabase
from tests.projections.conftest import Project
from tests.projections.ledger import Ledger
from tests.projections.test_rebuild import user
from tests.projections.test_runner import LONG, many
from tests.projections.test_upgrade import UNKNOWN, live, made_by, running, upgraded


@pytest.fixture(autouse=True)
def history(writer: psycopg.Connection, project: Project) -> Ledger:
    """Of one account, projected."""
    ledger = Ledger(writer)
    many(ledger, 12)
    project(ledger.account_id)
    return ledger


class Disk:
    """Free bytes, which a test changes, or the first batch does. Says that there were too few, and for a beginning."""

    def __init__(self, free: int, after_a_batch: int | None = None) -> None:
        self.free = free
        self._after_a_batch = after_a_batch
        self.lacked = Event()
        self.kept_from_beginning = Event()

    def shortage(self, room_bytes: int) -> str | None:
        if 0 < room_bytes <= ROOM_BYTES and self._after_a_batch is not None:
            self.free, self._after_a_batch = self._after_a_batch, None
        if self.free > room_bytes:
            return None
        (self.lacked if room_bytes <= ROOM_BYTES else self.kept_from_beginning).set()
        return f"{self.free} bytes are left."


def twice(event: Event) -> None:
    """What was done after the first time is done."""
    for _ in range(2):
        assert event.wait(LONG)
        event.clear()
    assert event.wait(LONG)


def state_of(runner: ProjectionRunner, name: str) -> tuple[str, str | None, int | None]:
    (found,) = (status.rebuild for status in runner.status().projections if status.name == name)
    assert found is not None
    return found.state, found.reason, found.percent


def test_nothing_is_begun_without_room(
    database: ExternalDatabase,
    owner: psycopg.Connection,
    reader: psycopg.Cursor,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where the tables would not fit once more beside those that are there, nothing is built until they would. The log
    says so once, and health as long as it lasts."""
    monkeypatch.setattr("projections.engine.upgrade.RETRY_SECONDS", 0.01)
    made_by(owner, {"trail": UNKNOWN})
    disk = Disk(ROOM_BYTES + 1)
    with running(database, shortage=disk.shortage) as runner:
        twice(disk.kept_from_beginning)
        assert state_of(runner, "trail") == ("waiting", f"{disk.free} bytes are left.", None)
        with pytest.raises(ProjectionUnreadable, match=r"tables of trail .*still to be built\. Ask again"):
            require_readable(reader, "trail")
        disk.free = 1 << 40
        upgraded(runner)
    assert live(owner) == digests(load_projections())
    waits = [record.getMessage() for record in caplog.records if "wait for" in record.getMessage()]
    assert waits == [f"The new tables wait for room: {ROOM_BYTES + 1} bytes are left."]


def test_building_pauses_for_room_and_gives_way_to_calls(
    database: ExternalDatabase,
    owner: psycopg.Connection,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """When the room goes while the tables are built, they wait where they are, and go on; when calls have none either,
    they are thrown away, and begun anew when there is more than there was."""
    monkeypatch.setattr("projections.engine.upgrade.RETRY_SECONDS", 0.01)
    made_by(owner, {"trail": UNKNOWN})
    disk = Disk(1 << 40, after_a_batch=ROOM_BYTES)
    with running(database, shortage=disk.shortage) as runner:
        twice(disk.lacked)
        assert state_of(runner, "trail") == ("waiting", f"{ROOM_BYTES} bytes are left.", 100)
        disk.free = 0
        twice(disk.kept_from_beginning)
        assert live(owner)["trail"] == UNKNOWN
        assert state_of(runner, "trail") == ("waiting", "0 bytes are left.", None)
        disk.free = 1 << 40
        upgraded(runner)
    assert live(owner) == digests(load_projections())
    waits = [record.getMessage() for record in caplog.records if "wait for" in record.getMessage()]
    assert waits[:2] == [
        f"The new tables wait for room: {ROOM_BYTES} bytes are left.",
        "The new tables wait for more room than before, and are begun anew then: 0 bytes are left.",
    ]


def test_a_full_disk_is_named(
    database: ExternalDatabase,
    owner: psycopg.Connection,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What PostgreSQL says when its disk is full is not told as its absence."""
    monkeypatch.setattr("projections.engine.upgrade.RETRY_SECONDS", 0.01)
    made_by(owner, {"trail": UNKNOWN})
    full = iter([psycopg.errors.DiskFull("could not extend file")])

    def analyze(_rebuild: Rebuild) -> None:
        for error in full:
            raise error

    monkeypatch.setattr(Rebuild, "_analyze", analyze)
    with running(database) as runner:
        upgraded(runner)
        assert runner._upgrade._room_factor == 2
    assert live(owner) == digests(load_projections())
    (said,) = [record.getMessage() for record in caplog.records if "wait for" in record.getMessage()]
    assert said.endswith("begun anew then: The database's disk is full.")


def test_projections_wait_too(
    database: ExternalDatabase, history: Ledger, reader: psycopg.Cursor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As long as calls have no room, nothing that was recorded before is projected into it; then it is."""
    monkeypatch.setattr("projections.engine.runner.ROOM_SECONDS", 0.01)
    before = history.position
    position = history.append(user("late"))
    disk = Disk(0)
    with running(database, shortage=disk.shortage) as runner:
        runner.notify_changed(frozenset({history.account_id}))
        twice(disk.lacked)
        asked = "select position from views.cursors where account_id = %s and projection = 'trail'"
        assert reader.execute(asked, (history.account_id,)).fetchone() == (before,)
        disk.free = 1 << 40
        assert runner.wait(history.account_id, position, LONG)
