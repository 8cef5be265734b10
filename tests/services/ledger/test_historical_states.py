"""The value of an account at any position of its ledger, with and without snapshots."""

from random import Random

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.account import Account
from domain.foundation.events import Change
from domain.foundation.identifiers import INSTALLATION
from domain.installation import Installation
from services.ledger import historical_states
from services.ledger.database import Database, connect
from services.ledger.historical_states import HistoricalStates
from services.ledger.mapper import EntryMapper
from services.ledger.snapshotter import Snapshotter
from tests.projections.histories import Attempt, attempts, play
from tests.projections.ledger import Ledger
from tests.projections.use_events import CALLED
from tests.services.ledger.rounds import (
    ACCOUNT,
    ANSWER_SECONDS_MAX,
    committer_on,
    creating,
    folded,
    found,
    ledger,
    running,
    submit,
)
from tests.services.ledger.test_snapshots import Counting

NAMES = ("ann", "bob", "eva", "kim")


@pytest.fixture
def founded(database: Database) -> Database:
    """A ledger of five changes, a use behind each but the first, and a snapshot of the third: at position 4."""
    found(database)
    snapshotter = Snapshotter(lambda: connect(database, "writer"))
    with running(committer_on(database)) as committer:
        for name in NAMES:
            value = submit(committer, creating(name)).result(ANSWER_SECONDS_MAX).values[ACCOUNT]
            if name == "bob":
                snapshotter.write(value)
    return database


def at(cursor: psycopg.Cursor, position: int) -> tuple[object, list[int]]:
    """The value, and which changes were read for it."""
    mapper = Counting()
    return HistoricalStates(mapper).at(cursor, ACCOUNT, position), mapper.read


@pytest.mark.parametrize("size", [1, 2, 1_000])
def test_every_position_has_its_value(founded: Database, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """At each position, of a change or a use, the value is what folding the ledger up to there gives, read by a reader
    in steps of any size; from the snapshot on, nothing before it is read."""
    monkeypatch.setattr(historical_states, "CHANGES_A_SELECT", size)
    entries = ledger(founded)
    with connect(founded, "reader") as connection, connection.cursor() as cursor:
        for position in range(len(entries) + 1):
            value, read = at(cursor, position)
            assert value == folded(entries[:position])
            changes = [entry.position for entry in entries[:position] if isinstance(entry.event, Change)]
            assert read == (changes if position < 4 else changes[3:])


def test_a_broken_snapshot_is_left_aside(founded: Database) -> None:
    """What storage has damaged is not used: the changes tell the same."""
    with connect(founded, "owner") as connection:
        connection.execute("update ledger.snapshots set state = set_byte(state, 40, 255 - get_byte(state, 40))")
    entries = ledger(founded)
    with connect(founded, "reader") as connection, connection.cursor() as cursor:
        value, read = at(cursor, len(entries))
    assert (value, read[0]) == (folded(entries), 1)


def test_before_everything_there_is_nothing(database: Database) -> None:
    """Where there is no ledger the value is empty, of an account and of the installation alike."""
    with connect(database, "reader") as connection, connection.cursor() as cursor:
        assert HistoricalStates(Counting()).at(cursor, ACCOUNT, 7) == Account(ACCOUNT)
        assert HistoricalStates(Counting()).at(cursor, INSTALLATION, 7) == Installation()


def test_what_is_kept_is_not_made_again(founded: Database) -> None:
    """Asked again, at the change or at a use behind it, nothing is folded; a later position goes on from there."""
    entries = ledger(founded)
    changes = [entry.position for entry in entries if isinstance(entry.event, Change)]
    mapper = Counting()
    values = HistoricalStates(mapper)
    with connect(founded, "reader") as connection, connection.cursor() as cursor:
        first = values.at(cursor, ACCOUNT, changes[3])
        assert mapper.read == [changes[3]]
        assert values.at(cursor, ACCOUNT, changes[3] + 1) is first
        values.at(cursor, ACCOUNT, changes[4])
    assert mapper.read == changes[3:]


def test_what_is_kept_is_bounded(founded: Database) -> None:
    """Of more than there is room for, what was used last stays, and every answer is right all the same."""
    entries = ledger(founded)
    mapper = Counting()
    values = HistoricalStates(mapper, bytes_max=1)
    with connect(founded, "reader") as connection, connection.cursor() as cursor:
        for position in (2, len(entries), 2, 2):
            assert values.at(cursor, ACCOUNT, position) == folded(entries[:position])
    assert mapper.read.count(1) == 2, "The second answer took the first one's room; the last was still there."


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(attempts(), st.sets(st.integers(1, 60), max_size=4), st.randoms(use_true_random=False))
def test_the_past_is_what_was_live_then(
    database: Database, tried: list[Attempt], written_at: set[int], random: Random
) -> None:
    """At every position of a legal history, of changes and uses, asked in any order: the value is the one that was live
    when the ledger stood there, whichever snapshots were written, whether it is made anew or from what is kept, and
    however little is kept."""
    snapshotter = Snapshotter(lambda: connect(database, "writer"))
    with connect(database, "writer") as writer, connect(database, "reader") as connection:
        lived = Ledger(writer)
        for number, attempt in enumerate(tried):
            play(lived, [attempt])
            lived.append(*[CALLED] * (number % 2))
        for position in written_at:
            if position < len(lived.values) and lived.values[position].position == position:
                snapshotter.write(lived.values[position])
        order = random.sample(range(lived.position + 1), lived.position + 1)
        keeping, forgetting = HistoricalStates(EntryMapper()), HistoricalStates(EntryMapper(), bytes_max=1)
        with connection.cursor() as cursor:
            for position in order:
                for values in (keeping, forgetting):
                    assert values.at(cursor, lived.account_id, position) == lived.values[position]


@pytest.mark.parametrize("size", [1, 2, 1_000])
def test_a_period_has_each_of_its_values(founded: Database, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The value at the first position, and after each change behind it up to the last, in steps of any size."""
    monkeypatch.setattr(historical_states, "CHANGES_A_SELECT", size)
    entries = ledger(founded)
    with connect(founded, "reader") as connection, connection.cursor() as cursor:
        for first in range(1, len(entries) + 1):
            for last in range(first, len(entries) + 1):
                changes = [entry.position for entry in entries[first:last] if isinstance(entry.event, Change)]
                found = list(HistoricalStates(EntryMapper()).throughout(cursor, ACCOUNT, first, last))
                assert found == [folded(entries[:position]) for position in (first, *changes)]
