"""The recorder keeps the promises of the eventsourcing library, over both tables."""

import itertools
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from types import ModuleType

import psycopg
import pytest
from eventsourcing.persistence import AggregateRecorder, IntegrityError, StoredEvent

from services.ledger.database import Database, connect
from services.ledger.recorder import LedgerRecorder

with pytest.MonkeyPatch.context() as patch:
    # The module also tests the library's cipher, which imports pycryptodome. The tests of recorders do without.
    cipher = ModuleType("eventsourcing.cipher")
    vars(cipher)["AESCipher"] = None
    patch.setitem(sys.modules, "eventsourcing.cipher", cipher)
    from eventsourcing.tests.persistence import AggregateRecorderTestCase

ACCOUNT = "123456789012"
CHANGE, USE = "test.change.v1", "test.use.v1"


def stored(position: int, topic: str) -> StoredEvent:
    return StoredEvent(ACCOUNT, position, topic, b"%d" % position)


@pytest.fixture
def recorder(database: Database) -> Iterator[LedgerRecorder]:
    """On one connection in autocommit, as those of the server's pool are."""
    with connect(database, "writer") as connection:

        @contextmanager
        def same_connection() -> Iterator[psycopg.Connection]:
            yield connection

        yield LedgerRecorder(same_connection, frozenset({USE}))


class TestLibraryOnChanges(AggregateRecorderTestCase):
    """The library's own tests of an aggregate recorder, with account ids instead of UUIDs."""

    _numbers = itertools.count(100_000_000_000)

    @pytest.fixture(autouse=True)
    def _with(self, recorder: LedgerRecorder) -> None:
        self.recorder = recorder

    def create_recorder(self) -> AggregateRecorder:
        return self.recorder

    def new_originator_id(self) -> str:
        return str(next(self._numbers))


def test_changes_and_uses_come_in_one_order(recorder: LedgerRecorder) -> None:
    """Positions run over both tables; every way to limit and to turn the selection holds over both."""
    events = [stored(position, USE if position % 3 else CHANGE) for position in range(1, 10)]
    recorder.insert_events(events)
    assert recorder.select_events(ACCOUNT) == events
    assert recorder.select_events(ACCOUNT, desc=True) == events[::-1]
    assert recorder.select_events(ACCOUNT, gt=2, lte=7) == events[2:7]
    assert recorder.select_events(ACCOUNT, gt=2, lte=7, limit=3) == events[2:5]
    assert recorder.select_events(ACCOUNT, gt=2, lte=7, desc=True, limit=3) == events[4:7][::-1]


@pytest.mark.parametrize("taken", [CHANGE, USE])
def test_an_insertion_stands_whole_or_not_at_all(database: Database, recorder: LedgerRecorder, taken: str) -> None:
    """A taken position in either table undoes what the same call has put into the other."""
    at = datetime(2026, 1, 31, tzinfo=UTC)
    recorder.insert_events([stored(1, taken)], at=at)
    with pytest.raises(IntegrityError):
        recorder.insert_events([stored(2, CHANGE), stored(3, USE), stored(1, taken)], at=at)
    assert recorder.select_events(ACCOUNT) == [stored(1, taken)]
    with connect(database, "writer") as other:
        assert other.execute("select count(*) from ledger.changes").fetchone() == (int(taken == CHANGE),)


def test_a_round_s_cursor_decides_when_it_is_written(database: Database, recorder: LedgerRecorder) -> None:
    """With a cursor nothing is committed by the recorder: the transaction that holds the heads may still undo it."""
    with connect(database, "writer") as round_s:
        with round_s.transaction(force_rollback=True), round_s.cursor() as cursor:
            recorder.insert_events([stored(1, CHANGE), stored(2, USE)], cursor=cursor)
            assert recorder.select_events(ACCOUNT) == []
        assert recorder.select_events(ACCOUNT) == []
        with round_s.transaction(), round_s.cursor() as cursor:
            recorder.insert_events([stored(1, CHANGE), stored(2, USE)], cursor=cursor)
        assert recorder.select_events(ACCOUNT) == [stored(1, CHANGE), stored(2, USE)]
