"""The moment that a question is about, and where in an account's ledger it lies."""

from datetime import UTC, datetime, timedelta

import psycopg

from domain.foundation.errors import ValidationError
from domain.foundation.identifiers import INSTALLATION
from domain.foundation.moments import AsOf, Moment, format_rfc3339
from projections.engine.definition import fitting_digests, load_projections
from projections.engine.sql_files import load_statements
from projections.queries.readable import ProjectionBehind, unreadable

SQL = load_statements("projections.queries", "ledger_positions.sql")

_TIME_RESOLUTION = timedelta(microseconds=1)
"""As exactly as the ledger keeps time."""

_MIN_TIME = datetime.min.replace(tzinfo=UTC)


def require_account_existed(cursor: psycopg.Cursor, account_id: str, as_of: AsOf) -> None:
    """Of an account that did not exist yet nothing is true, not even that nobody can do anything.

    Raises ValidationError for a time before the first event of the account's ledger.
    """
    if as_of.at is None or position_at(cursor, account_id, as_of.at) > 0:
        return
    raise ValidationError(
        f"The account {account_id} did not exist yet at {format_rfc3339(as_of.at)}. It began at "
        f"{format_rfc3339(time_at(cursor, account_id, 1))}, which is p1."
    )


def resolve_in_projection(cursor: psycopg.Cursor, projection: str, account_id: str, as_of: AsOf) -> Moment:
    """Where the moment lies in the account's ledger. The newest state is as new as the projection is.

    Raises ProjectionBehind when the projection has not reached the moment, ProjectionUnreadable when its tables are
    those of another version, and ValidationError for a position that the ledger does not have yet.
    """
    asked = {"account_id": account_id, "projection": projection, "fitting": fitting_digests(*load_projections())}
    ((head, reached, is_readable),) = cursor.execute(SQL["progress"], asked).fetchall()
    if not is_readable:
        raise unreadable(cursor, projection)
    if as_of.position is not None and as_of.position > head:
        raise _position_not_reached(as_of.position, account_id, head)
    if as_of.at is not None:
        moment = Moment(position_at(cursor, account_id, as_of.at), as_of.at)
    elif as_of.position is not None:
        moment = Moment(as_of.position, time_at(cursor, account_id, as_of.position))
    else:
        # The newest state is that of now, unless the ledger's time runs a little ahead of the caller's clock.
        moment = Moment(reached, max(as_of.now, time_at(cursor, account_id, reached)))
    if moment.position > reached:
        raise ProjectionBehind(
            f"The {projection} of {account_id} are known up to position {reached}; asked for was {moment.position}."
        )
    return moment


def resolve_in_ledger(cursor: psycopg.Cursor, account_id: str, as_of: AsOf) -> Moment:
    """`resolve_in_projection` for answers from the ledger itself, where nothing can lag. Raises ValidationError."""
    if as_of.position is None:
        at = as_of.now if as_of.at is None else as_of.at
        return Moment(position_at(cursor, account_id, at), at)
    found = cursor.execute(SQL["head"], {"account_id": account_id}).fetchone()
    (head,) = found or (0,)
    if as_of.position > head:
        raise _position_not_reached(as_of.position, account_id, head)
    return Moment(as_of.position, time_at(cursor, account_id, as_of.position))


def _position_not_reached(position: int, account_id: str, head: int) -> ValidationError:
    return ValidationError(
        f"Position {position} has not come yet; the ledger of {account_id} is at {head}: its last position is p{head}."
    )


def list_account_ids(cursor: psycopg.Cursor) -> list[str]:
    """Every account that has a ledger, in order; the installation is none."""
    rows = cursor.execute(SQL["accounts"], {"installation": INSTALLATION}).fetchall()
    return [account_id for (account_id,) in rows]


def clipped_to(cursor: psycopg.Cursor, account_id: str, since: AsOf | None) -> Moment | None:
    """Where the account began, if a span was to begin before; None where it was not."""
    if since is None or since.at is None or position_at(cursor, account_id, since.at) > 0:
        return None
    return Moment(1, time_at(cursor, account_id, 1))


def position_at(cursor: psycopg.Cursor, account_id: str, at: datetime) -> int:
    """Of the last event at or before the time; 0 where there is none."""
    row = cursor.execute(SQL["position_at"], {"account_id": account_id, "at": at}).fetchone()
    return row[0] if row else 0


def time_before(at: datetime, by: timedelta = _TIME_RESOLUTION) -> datetime:
    """The time so long before; the first one that there is where that would be none."""
    return at - by if at - _MIN_TIME > by else _MIN_TIME


def position_before(cursor: psycopg.Cursor, account_id: str, at: datetime) -> int:
    """Of the last event before the time; 0 where there is none."""
    return position_at(cursor, account_id, time_before(at))


def position_before_moment(cursor: psycopg.Cursor, account_id: str, since: AsOf) -> int:
    """Behind which a span begins that has the moment in it. Raises ValidationError for a position that the ledger does
    not have yet."""
    if since.position is not None:
        return resolve_in_ledger(cursor, account_id, since).position - 1
    return position_before(cursor, account_id, since.now if since.at is None else since.at)


def time_at(cursor: psycopg.Cursor, account_id: str, position: int) -> datetime:
    row = cursor.execute(SQL["time_at"], {"account_id": account_id, "position": position}).fetchone()
    return row[0] if row else _MIN_TIME
