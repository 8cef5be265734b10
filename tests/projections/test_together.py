"""Batches of many accounts and projections in one transaction: those that are plain, and nothing else."""

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from psycopg import sql

from domain.families.users import UserCreated
from projections.engine.apply import SQL, ProjectionProgress, apply_batch, apply_batches, halt
from projections.engine.definition import PROJECTION_NAMES, load_projections, set_search_path
from services.ledger.database import Database, connect
from tests.projections.ledger import Ledger
from tests.projections.test_runner import LONG, NEVER, Run, expected, many, rows, run
from tests.projections.use_events import CALLED

__all__ = ["run"]  # A fixture: pytest finds it here.
ADA = UserCreated(user_id="AIDAADA", user_name="ada", path="/")
IGNORED_BY = {"sessions", "trail"}
"""Of the projections, those that ignore that a user is created."""


@pytest.fixture
def begun(writer: psycopg.Connection, projector: psycopg.Connection) -> list[Ledger]:
    """Of three accounts, each projected up to its first event."""
    ledgers = [Ledger(writer) for _ in range(3)]
    for ledger in ledgers:
        for projection in load_projections():
            apply_batch(projector, projection, ledger.account_id, 1)
    return ledgers


def together(projector: psycopg.Connection, ledgers: list[Ledger], size: int = 1_000) -> dict[str, set[str]]:
    """The projections that were moved, by account; all of them to the end of their ledgers, unless `size` is less."""
    found = apply_batches(projector, load_projections(), [ledger.account_id for ledger in ledgers], size)
    heads = {ledger.account_id: ledger.position for ledger in ledgers}
    for (_, account_id), followed in found.items():
        assert followed == ProjectionProgress(min(heads[account_id], 1 + size), heads[account_id], halted=False)
    return {
        ledger.account_id: {name for name, account_id in found if account_id == ledger.account_id} for ledger in ledgers
    }


@pytest.mark.parametrize("size", [1, 2, 1_000])
def test_calls_of_many_accounts(
    begun: list[Ledger], projector: psycopg.Connection, reader: psycopg.Cursor, size: int
) -> None:
    """What the trail reads by batches and the others ignore, is read for all of them; who has nothing new is left out.
    Batch after batch, every row is there, once."""
    *busy, idle = begun
    for ledger in busy:
        ledger.append(CALLED, CALLED)
        ledger.append(CALLED)
    moved = together(projector, begun, size)
    assert moved == {**{ledger.account_id: set(PROJECTION_NAMES) for ledger in busy}, idle.account_id: set()}
    while any(apply_batches(projector, load_projections(), [ledger.account_id for ledger in begun], size)):
        pass
    for ledger in begun:
        assert rows(reader, ledger) == expected(reader, ledger)


def test_what_is_read_one_by_one_is_left(
    begun: list[Ledger], projector: psycopg.Connection, reader: psycopg.Cursor
) -> None:
    """A change goes to those who read it entry by entry; the same batch is plain to those who ignore it."""
    plain, changed, _ = begun
    plain.append(CALLED)
    changed.append(ADA, CALLED)
    moved = together(projector, begun)
    assert moved[plain.account_id] == set(PROJECTION_NAMES)
    assert moved[changed.account_id] >= IGNORED_BY
    assert not moved[changed.account_id] & {"permissions", "credentials"}
    assert rows(reader, changed) == [("trail", 3)]


def test_what_is_not_whole_or_not_known_is_left(
    begun: list[Ledger], writer: psycopg.Connection, projector: psycopg.Connection
) -> None:
    """A topic of a newer program, and a position without an event, are passed over by nobody."""
    unknown, gap, plain = begun
    for ledger in begun:
        ledger.append(CALLED)
    unknown.append_bytes("iam.unheard_of.v1", b"{}")
    writer.execute("update ledger.heads set position = position + 1 where account_id = %s", (gap.account_id,))
    moved = together(projector, begun)
    assert moved == {unknown.account_id: set(), gap.account_id: set(), plain.account_id: set(PROJECTION_NAMES)}


def test_what_has_halted_or_is_in_other_hands_is_left(
    begun: list[Ledger], database: Database, projector: psycopg.Connection
) -> None:
    """Nobody waits for a cursor, and nobody moves one that has halted."""
    halted, held, plain = begun
    for ledger in begun:
        ledger.append(CALLED)
    halt(projector, load_projections()[0], halted.account_id, 1, "Broken: it does not matter why")
    (trail,) = (projection for projection in load_projections() if projection.name == "trail")
    with connect(database, "projector") as other:
        set_search_path(other)
        with other.transaction():
            apply_batch(other, trail, held.account_id, 1_000)
            moved = together(projector, begun)
    assert moved == {
        halted.account_id: set(PROJECTION_NAMES) - {load_projections()[0].name},
        held.account_id: set(PROJECTION_NAMES) - {"trail"},
        plain.account_id: set(PROJECTION_NAMES),
    }


def test_one_account_s_poison_is_no_other_s(
    begun: list[Ledger], database: Database, run: Run, projector: psycopg.Connection, reader: psycopg.Cursor
) -> None:
    """Where a row of one account cannot be written, none of the transaction is; one by one, the others come to their
    end, and that account's projection halts in front of the very event."""
    poisoned, *others = begun
    for ledger in begun:
        many(ledger, 9)
        ledger.append(CALLED)
    with connect(database, "owner") as owner:
        poison = sql.SQL("alter table views.trail add constraint poison check ((account_id, position) <> ({}, {}))")
        owner.execute(poison.format(sql.Literal(poisoned.account_id), sql.Literal(poisoned.position)))
    assert not any(together(projector, begun).values())
    runner = run(sweep_seconds=NEVER)
    for ledger in others:
        assert runner.wait(ledger.account_id, ledger.position, LONG)
        assert rows(reader, ledger) == expected(reader, ledger)
    assert not runner.wait(poisoned.account_id, poisoned.position, LONG)
    halts = {projection.name: projection.halted for projection in runner.status().projections}
    (halt_of_trail,) = halts["trail"]
    assert (halt_of_trail.account_id, halt_of_trail.position) == (poisoned.account_id, poisoned.position)
    assert not any(found for name, found in halts.items() if name != "trail")


def test_a_cursor_that_moves_meanwhile(
    begun: list[Ledger], database: Database, projector: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process takes a batch and commits it after the statement that takes the cursors has seen them and before
    it has locked them: what follows is counted from where the cursor is then, so that no change passes for a call."""
    ledger, *_ = begun
    ledger.append(CALLED, CALLED)
    ledger.append(ADA)
    ledger.append(CALLED)
    (permissions,) = (projection for projection in load_projections() if projection.name == "permissions")
    late = SQL["take_many"].replace(b"where", b"cross join pg_advisory_xact_lock_shared(4711) where", 1)
    with ThreadPoolExecutor(1) as thread, connect(database, "projector") as other, connect(database, "owner") as owner:
        set_search_path(other)
        owner.execute("select pg_advisory_lock(4711)")
        with monkeypatch.context() as patch:
            patch.setitem(SQL, "take_many", late)
            found = thread.submit(apply_batches, other, [permissions], [ledger.account_id], 2)
            waiting = "select pid from pg_locks where locktype = 'advisory' and not granted"
            while not owner.execute(waiting).fetchone() and not found.done():
                pass
            assert apply_batch(projector, permissions, ledger.account_id, 2) == ProjectionProgress(3, 5, halted=False)
            owner.execute("select pg_advisory_unlock(4711)")
            assert found.result() == {}
