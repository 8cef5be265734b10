"""How a projection follows a ledger: a batch of positions, its rows and its cursor in one transaction."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

import psycopg
from psycopg.types.json import Jsonb

from domain.events import UnknownTopic
from projections.statements import statements
from projections.views import Projection

SQL = statements("projections", "following.sql")

_PASSING = ("08", "40", "53", "55", "57", "58")
"""Classes of SQLSTATE that speak of the database's state (connection, rollback, resources, lock, operator, system),
not of the event: the same batch may succeed later (PostgreSQL, Appendix A)."""


class Followed(NamedTuple):
    position: int
    """Up to which the tables now say what the ledger says."""
    head: int
    halted: bool


class Stumbled(Exception):  # noqa: N818  its cause is the error
    """Something behind `after`, up to `to`, cannot be projected. Nothing of the batch was kept."""

    def __init__(self, after: int, to: int) -> None:
        super().__init__(f"The positions {after + 1} to {to} cannot be projected.")
        self.after = after
        self.to = to


class PositionsMissing(Exception):  # noqa: N818  reads as the verdict that it is
    """The ledger has fewer events than positions."""


def follow(
    connection: psycopg.Connection,
    projection: Projection,
    account_id: str,
    positions_max: int,
    *,
    last: int | None = None,
) -> Followed | None:
    """Reads the next batch, up to the position `last` if one is given, if there is something to read and the projection
    has not halted for the account. The connection has been through `prepare`. None when another process is at it.

    Raises Stumbled, with the error as its cause; and psycopg.OperationalError when the database could not do it now.
    """
    place = {"account_id": account_id, "projection": projection.name}
    with connection.transaction(), connection.cursor() as cursor:
        taken = cursor.execute(SQL["take"], place).fetchone()
        if taken is None:
            cursor.execute(SQL["begin"], place)
            taken = cursor.execute(SQL["take"], place).fetchone()
        if taken is None:
            return None if cursor.execute(SQL["head"], place).fetchone() else Followed(0, 0, halted=False)
        after, head, halted = taken
        to = min(head, after + positions_max, head if last is None else last)
        if halted or to <= after:
            return Followed(after, head, halted)
        try:
            _project(cursor, projection, account_id, after, to)
        except Exception as error:
            if isinstance(error, psycopg.OperationalError) and (error.sqlstate or "08").startswith(_PASSING):
                raise
            raise Stumbled(after, to) from error
        cursor.execute(SQL["move"], {**place, "to": to})
    # Rows and cursor are committed together. A crash before this line has kept neither, and the batch is read again.
    return Followed(to, head, halted=False)


def _project(cursor: psycopg.Cursor, projection: Projection, account_id: str, after: int, to: int) -> None:
    span = {"account_id": account_id, "after": after, "to": to}
    counts: dict[str, int] = dict(cursor.execute(SQL["topics"], span).fetchall())
    if unknown := sorted(counts.keys() - projection.known):
        raise UnknownTopic(f"projections/{projection.name}.sql neither reads nor ignores {', '.join(unknown)}.")
    if sum(counts.values()) != to - after:
        raise PositionsMissing(f"The positions {after + 1} to {to} hold {sum(counts.values())} events.")
    for topic in projection.of_batches.keys() & counts.keys():
        inserted = cursor.execute(projection.of_batches[topic], span).rowcount
        if inserted != counts[topic]:
            raise PositionsMissing(f"Of {counts[topic]} events under {topic} {inserted} were found among the uses.")
    wanted = projection.of_entries.keys() & counts.keys()
    if not wanted:
        return
    for topic, position, at, text in cursor.execute(SQL["entries"], {**span, "topics": list(wanted)}).fetchall():
        # The stored text goes back as it came; psycopg only has to know its type.
        entry = Jsonb(text, dumps=str)
        cursor.execute(
            projection.of_entries[topic], {"account_id": account_id, "position": position, "at": at, "entry": entry}
        )


def skim(
    connection: psycopg.Connection, projections: Iterable[Projection], account_ids: Iterable[str], positions_max: int
) -> dict[tuple[str, str], Followed]:
    """Takes a batch of each account out of the way of each projection that ignores all of it, in one statement: most
    of a ledger concerns one projection only. Gives those that it has moved, by projection and account; the others,
    whatever is the matter with them, are for `follow`. Raises psycopg.OperationalError.
    """
    pairs = [(projection.name, topic) for projection in projections for topic in projection.ignored]
    parameters = {
        "accounts": list(account_ids),
        "ignoring": [name for name, _ in pairs],
        "topics": [topic for _, topic in pairs],
        "positions_max": positions_max,
    }
    rows = connection.execute(SQL["skim"], parameters).fetchall()
    return {(name, account_id): Followed(to, head, halted=False) for name, account_id, to, head in rows}


def advance(
    connection: psycopg.Connection,
    projection: Projection,
    account_id: str,
    positions_max: int,
    say: Callable[[str], object],
    *,
    last: int | None = None,
) -> Followed | None:
    """As `follow`, but of a batch that cannot be projected the first half, and so on, until the very event is found:
    there the projection halts for the account, and `say` is told of it."""
    while True:
        try:
            return follow(connection, projection, account_id, positions_max, last=last)
        except Stumbled as stumbled:
            positions_max = (stumbled.to - stumbled.after) // 2
            if positions_max > 0:
                continue
            reason = f"{type(stumbled.__cause__).__name__}: {stumbled.__cause__}"
            halt(connection, projection, account_id, stumbled.after, reason)
            say(f"The projection {projection.name} of account {account_id} halts at position {stumbled.to}: {reason}")
            return Followed(stumbled.after, stumbled.to, halted=True)


def halt(connection: psycopg.Connection, projection: Projection, account_id: str, position: int, reason: str) -> None:
    """Notes that the event behind the position cannot be projected. From here nobody tries, until `resume`."""
    parameters = {"account_id": account_id, "projection": projection.name, "position": position, "reason": reason}
    connection.execute(SQL["halt"], parameters)


def resume(
    connection: psycopg.Connection, projection: str | None = None, account_id: str | None = None
) -> list[tuple[str, str]]:
    """Lets what has halted try again; without a name, all projections, and without an account id, in all accounts.
    Gives the projections and accounts that it was."""
    return connection.execute(SQL["resume"], {"projection": projection, "account_id": account_id}).fetchall()
