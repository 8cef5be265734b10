"""How a projection follows a ledger: a batch of positions, its rows and its cursor in one transaction."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import NamedTuple

import psycopg
from psycopg.types.json import Jsonb
from pydantic_core import to_json

from domain.foundation.events import UnknownTopic
from projections.engine.definition import Projection, fitting_digests
from projections.engine.folded_accounts import FoldedAccounts
from projections.engine.sql_files import load_statements

SQL = load_statements("projections.engine", "apply.sql")

_TRANSIENT_SQLSTATES = ("08", "40", "53", "55", "57", "58")
"""Classes of SQLSTATE that speak of the database's state (connection, rollback, resources, lock, operator, system),
not of the event: the same batch may succeed later (PostgreSQL, Appendix A)."""


CursorKey = tuple[str, str]
"""A projection and an account."""


class ProjectionProgress(NamedTuple):
    position: int
    """Up to which the tables now say what the ledger says."""
    head: int
    halted: bool


@dataclass(frozen=True, slots=True)
class AccountHalt:
    account_id: str
    position: int
    """Of the event that cannot be projected."""
    since: datetime
    reason: str


class _Batch(NamedTuple):
    """The next one of an account, for a projection."""

    projection: str
    account_id: str
    after: int
    to: int
    head: int
    counts: dict[str, int]
    """Of its events, by topic."""

    @property
    def span(self) -> dict[str, object]:
        return {"account_id": self.account_id, "after": self.after, "to": self.to}

    def is_batch_only_for(self, projection: Projection) -> bool:
        """Whether it is whole, and nothing in it is unknown or read one by one."""
        plain = all(topic in projection.batch_statements or projection.skips(topic) for topic in self.counts)
        return plain and sum(self.counts.values()) == self.to - self.after


class BatchFailed(Exception):  # noqa: N818  its cause is the error
    """Something behind `after`, up to `to`, cannot be projected. Nothing of the batch was kept."""

    def __init__(self, after: int, to: int) -> None:
        super().__init__(f"The positions {after + 1} to {to} cannot be projected.")
        self.after = after
        self.to = to


class PositionsMissing(Exception):  # noqa: N818  reads as the verdict that it is
    """The ledger has fewer events than positions."""


def apply_batch(
    connection: psycopg.Connection,
    projection: Projection,
    account_id: str,
    positions_max: int,
    *,
    last: int | None = None,
    folded: FoldedAccounts | None = None,
) -> ProjectionProgress | None:
    """Reads the next batch, up to the position `last` if one is given, if there is something to read and the projection
    has not halted for the account. The connection has been through `set_search_path`. None when another process is at
    it, or the tables are not those that the projection fits.

    Raises BatchFailed, with the error as its cause; and psycopg.OperationalError when the database could not do it now.
    """
    place = {"account_id": account_id, "projection": projection.name, "fitting": fitting_digests(projection)}
    with connection.transaction(), connection.cursor() as cursor:
        taken = cursor.execute(SQL["take"], place).fetchone()
        if taken is None:
            cursor.execute(SQL["begin"], place)
            taken = cursor.execute(SQL["take"], place).fetchone()
        if taken is None:
            return None if cursor.execute(SQL["head"], place).fetchone() else ProjectionProgress(0, 0, halted=False)
        after, head, halted = taken
        to = min(head, after + positions_max, head if last is None else last)
        if halted or to <= after:
            return ProjectionProgress(after, head, halted)
        try:
            _apply_events(cursor, projection, account_id, after, to, folded or FoldedAccounts())
        except Exception as error:
            if _is_transient(error):
                raise
            raise BatchFailed(after, to) from error
        cursor.execute(SQL["move"], {**place, "to": to})
    # Rows and cursor are committed together. A crash before this line has kept neither, and the batch is read again.
    return ProjectionProgress(to, head, halted=False)


def _apply_events(
    cursor: psycopg.Cursor, projection: Projection, account_id: str, after: int, to: int, folded: FoldedAccounts
) -> None:
    span = {"account_id": account_id, "after": after, "to": to}
    counts: dict[str, int] = dict(cursor.execute(SQL["topics"], span).fetchall())
    if unknown := sorted(topic for topic in counts if not projection.reads(topic) and not projection.skips(topic)):
        raise UnknownTopic(f"projections/tables/{projection.name}.sql cannot pass over {', '.join(unknown)}.")
    if sum(counts.values()) != to - after:
        raise PositionsMissing(f"The positions {after + 1} to {to} hold {sum(counts.values())} events.")
    for topic in projection.batch_statements.keys() & counts.keys():
        inserted = cursor.execute(projection.batch_statements[topic], span).rowcount
        _check_row_count(topic, counts[topic], inserted)
    if projection.computed is not None and any(map(projection.is_computed_from, counts)):
        steps = folded.steps(cursor, account_id, after=after, to=to)
        made = projection.computed.rows(steps, partial(folded.history, cursor, account_id))
        for name, rows in made.items():
            if rows:
                asked = {"account_id": account_id, "rows": Jsonb(rows, dumps=to_json)}
                cursor.execute(projection.row_statements[name], asked)
    wanted = projection.entry_statements.keys() & counts.keys()
    if not wanted:
        return
    for topic, position, at, text in cursor.execute(SQL["entries"], {**span, "topics": list(wanted)}).fetchall():
        # The stored text goes back as it came; psycopg only has to know its type.
        entry = Jsonb(text, dumps=str)
        cursor.execute(
            projection.entry_statements[topic],
            {"account_id": account_id, "position": position, "at": at, "topic": topic, "entry": entry},
            # One that names a table by its row type only, as in close_interval(null::passwords, …), would be kept by
            # PostgreSQL when a swap has dropped the type (plans are invalidated by tables and functions), and fail.
            prepare=False,
        )


def _check_row_count(topic: str, counted: int, inserted: int) -> None:
    if inserted != counted:
        raise PositionsMissing(f"Of {counted} events under {topic} {inserted} were found among the uses.")


def _is_transient(error: Exception) -> bool:
    return isinstance(error, psycopg.OperationalError) and (error.sqlstate or "08").startswith(_TRANSIENT_SQLSTATES)


def apply_batches(
    connection: psycopg.Connection, projections: Iterable[Projection], account_ids: Iterable[str], positions_max: int
) -> dict[CursorKey, ProjectionProgress]:
    """A batch of each account for each projection that skips all of it or reads it by batch statements only, in one
    transaction of a few statements: most of most ledgers is such. Gives those that it was; of the others, and where
    anything fails, nothing has happened, and they are for `apply_batch`.

    Raises psycopg.OperationalError as that does.
    """
    named = {projection.name: projection for projection in projections}
    fitting = fitting_digests(*named.values())
    wanted = {"accounts": list(account_ids), "projections": list(named), "fitting": fitting}
    try:
        with connection.transaction(), connection.cursor() as cursor:
            taken = _next_batches(cursor, cursor.execute(SQL["take_many"], wanted).fetchall(), positions_max)
            plain = [batch for batch in taken if batch.is_batch_only_for(named[batch.projection])]
            for projection in named.values():
                _apply_batch_statements(
                    cursor, projection, [batch for batch in plain if batch.projection == projection.name]
                )
            moved = {
                "projections": [batch.projection for batch in plain],
                "accounts": [batch.account_id for batch in plain],
                "positions": [batch.to for batch in plain],
            }
            cursor.execute(SQL["move_many"], moved)
    except Exception as error:
        if _is_transient(error):
            raise
        return {}
    # As in `apply_batch`, rows and cursors are committed together.
    return {(each.projection, each.account_id): ProjectionProgress(each.to, each.head, halted=False) for each in plain}


def _next_batches(cursor: psycopg.Cursor, places: Sequence[CursorKey], positions_max: int) -> list[_Batch]:
    """The next batches of cursors that nobody else can move any more."""
    wanted = {
        "projections": [projection for projection, _ in places],
        "accounts": [account_id for _, account_id in places],
        "positions_max": positions_max,
    }
    return [_Batch(*row) for row in cursor.execute(SQL["batches"], wanted).fetchall()]


def _apply_batch_statements(cursor: psycopg.Cursor, projection: Projection, batches: Sequence[_Batch]) -> None:
    for topic, statement in projection.batch_statements.items():
        counts = [batch.counts.get(topic, 0) for batch in batches]
        spans = [batch.span for batch, count in zip(batches, counts, strict=True) if count]
        if spans:
            cursor.executemany(statement, spans)
            _check_row_count(topic, sum(counts), cursor.rowcount)


def apply_or_halt(
    connection: psycopg.Connection,
    projection: Projection,
    account_id: str,
    positions_max: int,
    say: Callable[[str], object],
    *,
    last: int | None = None,
    folded: FoldedAccounts | None = None,
) -> ProjectionProgress | None:
    """As `apply_batch`, but of a batch that cannot be projected the first half, and so on, until the event is found:
    there the projection halts for the account, and `say` is told of it."""
    while True:
        try:
            return apply_batch(connection, projection, account_id, positions_max, last=last, folded=folded)
        except BatchFailed as stumbled:
            positions_max = (stumbled.to - stumbled.after) // 2
            if positions_max > 0:
                continue
            reason = f"{type(stumbled.__cause__).__name__}: {stumbled.__cause__}"
            halt(connection, projection, account_id, stumbled.after, reason)
            say(f"The projection {projection.name} of account {account_id} halts at position {stumbled.to}: {reason}")
            return ProjectionProgress(stumbled.after, stumbled.to, halted=True)


def halt(connection: psycopg.Connection, projection: Projection, account_id: str, position: int, reason: str) -> None:
    """Notes that the event behind the position cannot be projected. From here nobody tries, until `resume`."""
    place = {"account_id": account_id, "projection": projection.name, "fitting": fitting_digests(projection)}
    connection.execute(SQL["halt"], {**place, "position": position, "reason": reason})


def resume(
    connection: psycopg.Connection, projection: str | None = None, account_id: str | None = None
) -> list[tuple[str, str]]:
    """Lets what has halted try again; without a name, all projections, and without an account id, in all accounts.
    Gives the projections and accounts that it was."""
    return connection.execute(SQL["resume"], {"projection": projection, "account_id": account_id}).fetchall()
