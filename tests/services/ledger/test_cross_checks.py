"""Verifying ledgers against whoever has seen them: projections, earlier verifications, each other, the catalogue."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest

from domain.calls import ApiCalled, DecisionRecord
from domain.foundation.events import Change, Entry
from domain.foundation.identifiers import INSTALLATION
from domain.installation import AccountOpened
from projections.engine.definition import create_tables
from projections.engine.sql_files import load_statements
from services.ledger.catalogue import compare_catalogue
from services.ledger.checkpoints import OPERATION, Checkpoint, split_checkpoints
from services.ledger.database import Database, connect
from services.ledger.discrepancy import Discrepancy
from services.ledger.recorder import LedgerRecorder
from services.ledger.verification import VerificationResult, verify
from tests.services.ledger.rounds import ACCOUNT, BEGAN_AT, OTHER, USE_TOPICS, cause
from tests.services.ledger.whole_ledger import CALLED, HISTORY, LEDGER_ID, MAPPER, entry, finding, write


def cut_alike(owner: psycopg.Connection) -> None:
    """The last event, its secret and all that tells of it, in every table that has something of the account."""
    owner.execute("delete from ledger.changes where account_id = %s and position = 7", (ACCOUNT,))
    owner.execute("delete from secrets.password_hashes")
    cut = """update ledger.heads set position = 6, last_change = 5, at = %s, tree_size = 0, tree = ''
        where account_id = %s"""
    owner.execute(cut, (SIXTH, ACCOUNT))


SIXTH = BEGAN_AT + timedelta(seconds=6)


def test_projections_that_have_read_on(
    database: Database, writer: psycopg.Connection, owner: psycopg.Connection, history: Sequence[Entry]
) -> None:
    """A tail that is cut from the ledger alone: the tables know that there was more; so they do of a ledger of which
    nothing else is left."""
    assert history
    with connect(database, "projector") as projector:
        create_tables(projector, [])
        projector.execute("insert into cursors values (%s, 'trail', 7)", (ACCOUNT,))
        assert finding(verify(writer)) is None
        cut_alike(owner)
        expected = "an event, for the tables of trail has read up to position 7"
        assert finding(verify(writer)) == Discrepancy(7, expected, "the end of the ledger")
        projector.execute("update cursors set position = 6")
        assert finding(verify(writer)) is None
        projector.execute("insert into cursors values (%s, 'trail', 3)", (OTHER,))
    named = finding(verify(writer), OTHER)
    assert named is not None
    assert named.position == 1


def checkpoint(verdicts: Iterable[VerificationResult], account_id: str = ACCOUNT) -> tuple[int, str]:
    (found,) = [verdict for verdict in verdicts if verdict.account_id == account_id]
    assert found.sha256 is not None
    return found.positions, found.sha256


def recorded(position: int, found: tuple[int, str]) -> Entry:
    (parameters,) = split_checkpoints({ACCOUNT: found})
    made = entry(INSTALLATION, position, ApiCalled(read_only=True, parameters=parameters))
    by = {"origin": "operator", "operation": OPERATION}
    return replace(made, cause=made.cause.model_copy(update=by))


@pytest.mark.parametrize("where", ["recorded", "elsewhere"])
def test_what_an_earlier_verification_has_found(
    writer: psycopg.Connection, owner: psycopg.Connection, history: Sequence[Entry], where: str
) -> None:
    """What every table has lost alike, and bytes that were changed into others that are legal, are told by how far a
    verification has come before and under which digest; one that is recorded, or one that was kept elsewhere. A ledger
    that only went on is whole."""
    assert history
    position, sha256 = found = checkpoint(verify(writer))
    source = "the verification at position 3 of the installation's ledger" if where == "recorded" else "kept.jsonl"
    earlier = {}
    if where == "recorded":
        write_on(writer, recorded(3, found))
    else:
        earlier = {ACCOUNT: Checkpoint(position, sha256, source)}
    write_on(writer, entry(ACCOUNT, 8, CALLED))
    assert finding(verify(writer, earlier=earlier)) is None
    owner.execute("delete from ledger.uses where account_id = %s and position = 8", (ACCOUNT,))
    change_a_flag = """update ledger.uses
        set state = convert_to(replace(convert_from(state, 'UTF8'), '"tls":false', '"tls":true'), 'UTF8')
        where account_id = %s and position = 4"""
    owner.execute(change_a_flag, (ACCOUNT,))
    seventh = BEGAN_AT + timedelta(seconds=7)
    owner.execute(
        "update ledger.heads set tree_size = 0, tree = '', position = 7, at = %s where account_id = %s",
        (seventh, ACCOUNT),
    )
    assert finding(verify(writer)) is None or where == "recorded"
    named = finding(verify(writer, earlier=earlier))
    assert named is not None
    assert named.position == 7
    assert named.expected == f"the bytes up to here that {source} has found, SHA-256 {sha256}"
    cut_alike(owner)
    assert finding(verify(writer)) is None or where == "recorded"
    expected = f"an event, for {source} has read up to position 7"
    assert finding(verify(writer, earlier=earlier)) == Discrepancy(7, expected, "the end of the ledger")


def write_on(connection: psycopg.Connection, written: Entry) -> None:
    """Behind the end of a ledger."""
    recorder = LedgerRecorder(lambda: connection, USE_TOPICS)
    move = (
        "update ledger.heads set position = %s, at = %s, last_change = greatest(last_change, %s) where account_id = %s"
    )
    last_change = written.position if isinstance(written.event, Change) else 0
    with connection.transaction(), connection.cursor() as cursor:
        recorder.insert_events([MAPPER.to_stored_event(written)], cursor=cursor, at=written.at)
        cursor.execute(move, (written.position, written.at, last_change, written.account_id))


def test_a_record_that_is_none(writer: psycopg.Connection, history: Sequence[Entry]) -> None:
    """What does not come from an operator, or has another shape, is no checkpoint, and keeps nobody from verifying."""
    assert history
    false = recorded(3, (99, "00"))
    write_on(writer, replace(false, cause=cause().model_copy(update={"operation": OPERATION})))
    shapeless = ApiCalled(read_only=True, parameters={"checkpoints": {ACCOUNT: "7"}})
    write_on(writer, replace(false, position=4, event=shapeless))
    write_on(writer, replace(false, position=5, event=CALLED))
    assert finding(verify(writer)) is None


def decided(**positions: int) -> ApiCalled:
    record = DecisionRecord(
        action="sts:AssumeRole",
        resources=("*",),
        result="allowed",
        layer="identity",
        matched=(),
        context={},
        positions={{"own": ACCOUNT, "other": OTHER}[name]: position for name, position in positions.items()},
        evaluator=1,
    )
    return ApiCalled(read_only=False, parameters={}, decisions=(record, record))


def test_calls_of_two_accounts(writer: psycopg.Connection, owner: psycopg.Connection, history: Sequence[Entry]) -> None:
    """A ledger that has lost a call which another holds too, or a change by which another was decided, is named by the
    other; of an account that there was not when it was asked for, nothing is expected."""
    assert history
    owner.execute("truncate ledger.snapshots")
    write_on(writer, recorded_opening(3))
    write(writer, [replace(entry(OTHER, 1, HISTORY[0]), at=BEGAN_AT)])
    for account_id, position in ((ACCOUNT, 8), (OTHER, 2), (ACCOUNT, 9)):
        write_on(writer, entry(account_id, position, decided(own=7, other=1)))
    write_on(writer, entry(ACCOUNT, 10, decided(own=7, other=0)))
    expected = f"2 calls that were recorded here and in the ledger of {ACCOUNT}, as there"
    assert finding(verify(writer), OTHER) == Discrepancy(None, expected, "1")
    write_on(writer, entry(OTHER, 3, decided(own=7, other=1)))
    assert {verdict.finding for verdict in verify(writer)} == {None}
    write_on(writer, entry(OTHER, 4, decided(own=11)))
    named = Discrepancy(11, f"a change, by which position 4 of {OTHER} was decided", "7 as the last one")
    assert finding(verify(writer)) == named
    assert finding(verify(writer, OTHER), OTHER) is None


def recorded_opening(position: int) -> Entry:
    return entry(INSTALLATION, position, AccountOpened(opened_account_id=OTHER, ledger_id=LEDGER_ID))


def test_a_key_id_that_nobody_claimed(
    writer: psycopg.Connection, owner: psycopg.Connection, history: Sequence[Entry]
) -> None:
    """The table that leads a foreign key id to its account says what the installation's ledger says."""
    assert history
    owner.execute("insert into secrets.access_key_accounts values ('AKIAEVE', %s)", (ACCOUNT,))
    expected = "no account as the owner of AKIAEVE, as the installation has it"
    assert finding(verify(writer), INSTALLATION) == Discrepancy(None, expected, ACCOUNT)


LOOSENINGS = load_statements("tests.services.ledger", "loosenings.sql")
NOTICED = {
    "a_trigger_is_off": ("the trigger append_only on ledger.changes", "none, or one that is switched off"),
    "a_partitions_trigger_is_gone": ("the trigger never_truncated on ledger.uses_other", "none"),
    "a_trigger_that_lets_through": ("the trigger append_only on ledger.changes", "none"),
    "heads_may_go_back": ("the trigger never_back on ledger.heads", "none"),
    "a_guard_lets_through": ("the function ledger.refuse_rewriting as this program makes it", "another"),
    "a_right_too_many": ("muniment_projector without the right to UPDATE ledger.uses", "the right"),
    "a_column_too_many": ("muniment_reader without the right to UPDATE ledger.changes", "the right"),
    "a_login_that_may_delete": ("muniment_server without the right to DELETE ledger.heads", "the right"),
    "a_use_was_altered": ("no row of ledger.uses_other ever altered", "1 updated and 0 deleted"),
    "a_change_was_deleted": ("no row of ledger.changes ever altered", "0 updated and 2 deleted"),
}
"""By loosening: what is expected, and how what is found begins."""


@pytest.mark.parametrize("loosening", NOTICED)
def test_what_let_rows_be_altered(
    database: Database, writer: psycopg.Connection, history: Sequence[Entry], loosening: str
) -> None:
    """A guard that is missing or switched off, a right too many, and rows that PostgreSQL has seen altered, whatever
    they say now."""
    assert history
    assert LOOSENINGS.keys() == NOTICED.keys()
    assert list(compare_catalogue(writer)) == []
    with connect(database, "owner") as loosener:
        loosener.execute(LOOSENINGS[loosening])
        loosener.execute("select pg_stat_force_next_flush()")
    expected, found = NOTICED[loosening]
    first, *others = compare_catalogue(writer)
    assert (first.expected, first.found[: len(found)]) == (expected, found)
    # A login has the rights of the roles that it can take on.
    assert all(each.expected.startswith("muniment_server without the right") for each in others)
