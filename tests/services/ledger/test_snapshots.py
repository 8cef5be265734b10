"""Snapshots: the same value as the fold, or none at all."""

import logging
import threading
from dataclasses import dataclass, make_dataclass

import psycopg
import pytest
from eventsourcing.persistence import StoredEvent
from hypothesis import given
from hypothesis import strategies as st
from immutables import Map

from domain.account import Account
from domain.families.credential_use import CredentialUsed
from domain.families.organization import FULL_AWS_ACCESS, Organization, OrganizationNode
from domain.foundation.events import Entry
from domain.foundation.identifiers import INSTALLATION
from domain.installation import (
    AccessKeyIdClaimed,
    AccountOpened,
    ActionCataloguePublished,
    AliasClaimed,
    Installation,
    InstallationFounded,
    ManagedCataloguePublished,
    OpenedAccount,
    OrganizationSet,
)
from domain.ledger_state import LedgerState, empty, evolve
from services.ledger import round as deciding
from services.ledger import snapshots
from services.ledger.committer import SNAPSHOT_CHANGES_MIN, SNAPSHOT_ENTITIES_A_CHANGE
from services.ledger.database import Database, connect
from services.ledger.mapper import EntryMapper
from services.ledger.recorder import select_snapshot
from services.ledger.snapshots import CorruptSnapshot, restore_snapshot, snapshot_topic, take_snapshot
from services.ledger.snapshotter import PENDING_SNAPSHOTS_MAX, Snapshotter
from services.ledger.state_cache import StateCache
from tests.histories import folded, histories
from tests.services.ledger.rounds import (
    ACCOUNT,
    ANSWER_SECONDS_MAX,
    BEGAN_AT,
    SteppingClock,
    appending,
    cause,
    committer_on,
    creating,
    found,
    ledger,
    rounds,
    running,
    submit,
)

USED = CredentialUsed(credential="access_key", credential_id="AKIA", service="iam", region="us-east-1")


@pytest.fixture
def founded(database: Database) -> Database:
    found(database)
    return database


class Counting(EntryMapper):
    """Counts the entries that are read back."""

    def __init__(self) -> None:
        super().__init__()
        self.read: list[int] = []

    def to_domain_event(self, stored_event: StoredEvent) -> Entry:
        self.read.append(stored_event.originator_version)
        return super().to_domain_event(stored_event)


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every account is too large to be folded in a round."""
    monkeypatch.setattr(deciding, "CHANGES_A_ROUND_MAX", 0)


@pytest.fixture
def snapshotter(database: Database) -> Snapshotter:
    """Its thread runs only if the test starts it; `write` works without."""
    return Snapshotter(lambda: connect(database, "writer"))


def stored_snapshot(database: Database, topic: str | None = None) -> StoredEvent | None:
    with connect(database, "writer") as connection, connection.cursor() as cursor:
        return select_snapshot(cursor, ACCOUNT, topic or snapshot_topic(ACCOUNT))


@given(histories(), st.data())
def test_restored_equals_folded(history: list[Entry], data: st.DataObject) -> None:
    """At any point of any history: the snapshot gives back an equal value, which evolves as the original does."""
    at = data.draw(st.integers(0, len(history)))
    value = folded(history[:at])
    again = restore_snapshot(take_snapshot(value))
    assert again == value
    assert isinstance(again, Account)
    assert folded(history[at:], again) == folded(history)


def test_an_installation_is_restored_too() -> None:
    """The installation's ledger has a snapshot of its own shape."""
    value, root = empty(INSTALLATION), OrganizationNode("root", "r-ab12", "Root", ("p-FullAWSAccess",), ())
    for position, event in enumerate(
        (
            InstallationFounded(ledger_id="0f", schema_version=1),
            AccountOpened(opened_account_id=ACCOUNT, ledger_id="1f"),
            ManagedCataloguePublished(digest="ab", policy_arns=("arn",)),
            ActionCataloguePublished(digest="cd", version="1", services=2, actions=3),
            AliasClaimed(account_alias="first", for_account_id=ACCOUNT),
            AccessKeyIdClaimed(access_key_id="brought_from_elsewhere", for_account_id=ACCOUNT),
            OrganizationSet(organization=Organization("o-exampleorgid", ACCOUNT, (root,), (FULL_AWS_ACCESS,))),
        ),
        1,
    ):
        value = evolve(value, Entry(INSTALLATION, position, "id", BEGAN_AT, cause(), event))
    assert isinstance(value, Installation)
    assert value.accounts[ACCOUNT] == OpenedAccount("1f", BEGAN_AT, alias="first")
    assert restore_snapshot(take_snapshot(value)) == value
    assert snapshot_topic(INSTALLATION) != snapshot_topic(ACCOUNT)


@given(histories(calls_max=6), st.data())
def test_another_byte_is_refused(history: list[Entry], data: st.DataObject) -> None:
    """Any byte of a snapshot that is not the one that was written, and any that is missing, is noticed."""
    stored = take_snapshot(folded(history))
    place = data.draw(st.integers(0, len(stored.state) - 1))
    byte = data.draw(st.binary(max_size=1).filter(lambda byte: byte != stored.state[place : place + 1]))
    state = stored.state[:place] + byte + stored.state[place + 1 :]
    with pytest.raises(CorruptSnapshot, match=f"Snapshot of {ACCOUNT} at {stored.originator_version}: wrong digest"):
        restore_snapshot(StoredEvent(stored.originator_id, stored.originator_version, stored.topic, state))


@pytest.mark.usefixtures("large")
def test_a_cold_start_reads_the_snapshot_and_what_came_later(founded: Database, snapshotter: Snapshotter) -> None:
    """Of the changes, those before the snapshot are not read; the value is the one that a fold from the beginning
    gives."""
    with running(committer_on(founded)) as committer:
        snapshot_at = submit(committer, creating("ann")).result(ANSWER_SECONDS_MAX)
        snapshotter.write(snapshot_at.values[ACCOUNT])
        submit(committer, creating("bob")).result(ANSWER_SECONDS_MAX)
    mapper = Counting()
    with running(committer_on(founded, made_with=rounds(clock=SteppingClock(), mapper=mapper))) as cold:
        value = submit(cold, appending()).result(ANSWER_SECONDS_MAX).values[ACCOUNT]
    assert mapper.read == [4]
    entries = ledger(founded)
    assert [entry.event.topic for entry in entries[3:]] == ["iam.user.created.v1", "api.called.v1"]
    assert value == folded(entries)


def test_the_newest_snapshot_is_used(founded: Database, snapshotter: Snapshotter) -> None:
    """Of several snapshots the latest counts, and writing one twice is no error."""
    with running(committer_on(founded)) as committer:
        for name in ("ann", "bob"):
            value = submit(committer, creating(name)).result(ANSWER_SECONDS_MAX).values[ACCOUNT]
            for _ in range(2):
                snapshotter.write(value)
    mapper = Counting()
    with connect(founded, "writer") as connection, connection.cursor() as cursor:
        values = StateCache(mapper)
        assert values.load_step(cursor, ACCOUNT, first=True)
        held, _ = values.at_head(cursor, ACCOUNT, 4, 0)
    assert held is not None
    assert held.value == value
    assert mapper.read == []


@pytest.mark.usefixtures("large")
def test_a_broken_snapshot_is_left_aside(
    founded: Database, snapshotter: Snapshotter, caplog: pytest.LogCaptureFixture
) -> None:
    """What storage has damaged is said aloud and not used: the account is folded from its beginning, and goes on."""
    with running(committer_on(founded)) as committer:
        snapshotter.write(submit(committer, creating("ann")).result(ANSWER_SECONDS_MAX).values[ACCOUNT])
    with connect(founded, "owner") as connection:
        connection.execute("update ledger.snapshots set state = set_byte(state, 40, 255 - get_byte(state, 40))")
    mapper = Counting()
    with running(committer_on(founded, made_with=rounds(clock=SteppingClock(), mapper=mapper))) as cold:
        value = submit(cold, creating("bob")).result(ANSWER_SECONDS_MAX).values[ACCOUNT]
    assert mapper.read == [1, 2]
    assert value == folded(ledger(founded))
    (said,) = (record for record in caplog.records if record.levelno == logging.ERROR)
    assert said.getMessage() == f"Snapshot of {ACCOUNT} at 2: wrong digest. It is left aside."


def test_a_snapshot_of_another_shape_is_not_found(founded: Database, snapshotter: Snapshotter) -> None:
    """A value with another field, or with a field of another type, has another topic: its snapshots are invisible to
    this program, and this program's to it."""

    types = (str, int, bool, Map[str, str], Map[str, int], str | None)
    shapes = {snapshots._codec(make_dataclass("Value", [("more", of)]), {}).shape for of in types}
    assert len(shapes) == len(types)
    with running(committer_on(founded)) as committer:
        snapshotter.write(submit(committer, creating("ann")).result(ANSWER_SECONDS_MAX).values[ACCOUNT])
    assert stored_snapshot(founded) is not None
    assert stored_snapshot(founded, "snapshot.account.0000000000000000") is None


def test_a_type_that_cannot_be_written_down_is_refused_at_import() -> None:
    """A field of a type that the codec does not know cannot be forgotten: the program does not start."""

    @dataclass(frozen=True)
    class Unwritable:
        id: str
        more: frozenset[str]

    with pytest.raises(TypeError, match=r"A snapshot cannot hold a frozenset\[str\]"):
        snapshots._codec(Unwritable, {})


def test_a_snapshot_is_due_after_so_many_changes(founded: Database) -> None:
    """500 changes since the last one are not enough, one more is, and then counting begins anew. A value of very many
    entities waits for a third as many changes."""
    due: list[LedgerState] = []

    with running(committer_on(founded, on_snapshot_due=due.append)) as committer:

        def append(changes: int) -> list[int]:
            """At which positions snapshots are due after a call with so many changes."""
            due.clear()
            submit(committer, appending(*[USED] * changes)).result(ANSWER_SECONDS_MAX)
            submit(committer, appending()).result(ANSWER_SECONDS_MAX)  # the round before is over now
            return [value.position for value in due]

        assert append(SNAPSHOT_CHANGES_MIN - 1) == []  # one short, with the change that founded the account
        assert append(1) == [SNAPSHOT_CHANGES_MIN + 1]
        assert append(SNAPSHOT_CHANGES_MIN) == []
        assert append(1) == [2 * SNAPSHOT_CHANGES_MIN + 2]

        third = SNAPSHOT_CHANGES_MIN + 100
        users = [
            created
            for number in range(third * SNAPSHOT_ENTITIES_A_CHANGE)
            for created in creating(f"user{number}")({ACCOUNT: Account(ACCOUNT)}, BEGAN_AT).appends[0].events[:1]
        ]
        submit(committer, appending(*users)).result(ANSWER_SECONDS_MAX)
        assert append(third) == []
        assert len(append(1)) == 1
        assert append(SNAPSHOT_CHANGES_MIN + 1) == []


def test_the_snapshotter_writes_in_the_background(founded: Database, snapshotter: Snapshotter) -> None:
    """What is due is written, in a thread of its own; stopping waits for it."""
    with running(committer_on(founded)) as committer:
        value = submit(committer, creating("ann")).result(ANSWER_SECONDS_MAX).values[ACCOUNT]
    snapshotter.start()
    snapshotter.due(value)
    snapshotter.stop()
    stored = stored_snapshot(founded)
    assert stored is not None
    assert restore_snapshot(stored) == value


def test_a_snapshot_that_cannot_be_written_is_left_out(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    """A database that is not there costs the snapshot, not the thread; what is due beyond the bound is left out."""
    came, go_on = threading.Event(), threading.Event()
    tries = iter([False, True])

    def unsteady() -> psycopg.Connection:
        came.set()
        assert go_on.wait(ANSWER_SECONDS_MAX)
        if next(tries, True):
            return connect(database, "writer")
        raise psycopg.OperationalError("gone")

    snapshotter = Snapshotter(unsteady)
    snapshotter.start()
    snapshotter.due(Account(ACCOUNT, position=1))
    assert came.wait(ANSWER_SECONDS_MAX)
    for position in range(2, PENDING_SNAPSHOTS_MAX + 3):
        snapshotter.due(Account(ACCOUNT, position=position))
    go_on.set()
    snapshotter.stop()
    assert [record.getMessage() for record in caplog.records] == [
        f"A snapshot of {ACCOUNT} is left out: {PENDING_SNAPSHOTS_MAX} are waiting.",
        f"A snapshot of {ACCOUNT} at 1 was not written.",
    ]
    assert "gone" in caplog.text
    stored = stored_snapshot(database)
    assert stored is not None
    assert stored.originator_version == PENDING_SNAPSHOTS_MAX + 1
