"""Databases with no server on them, and how they are filled."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from benchmarks.accounts import Account
from benchmarks.entries import api_called
from services.accounts import NewAccount, open_account
from services.ledger.database import Database, connect
from services.ledger.mapper import EntryMapper
from services.ledger.round import Clock, system_clock
from services.ledger_runtime import LedgerRuntime, load_master_keys, open_database
from services.managed_policies.catalogue import publish_catalogues
from services.secrets.master_key_file import provided_master_keys
from services.settings import read_settings

_POSITION, _EVENT_ID, _REQUEST_ID = 7_777_777_777, "event-id", "request-id"
_AT = datetime.fromisoformat("2000-01-01T00:00:00.000001Z")
FILL = """
    insert into ledger.uses (account_id, position, topic, at, state)
    select %(account_id)s, position, %(topic)s, at, convert_to(format(%(line)s,
        position, event_id, to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), request_id), 'UTF8')
    from (
        select heads.position + number as position, gen_random_uuid() as event_id, gen_random_uuid() as request_id,
            heads.at + number * %(step)s as at
        from ledger.heads, generate_series(1, %(count)s) as number where account_id = %(account_id)s
    ) as uses
"""
MOVE = "update ledger.heads set position = position + %(count)s, at = at + %(count)s * %(step)s where account_id = "


@dataclass(frozen=True, slots=True)
class Store:
    data: Path
    database: Database

    def ledger(self, clock: Clock = system_clock) -> LedgerRuntime:
        """A new one knows no value yet."""
        return LedgerRuntime(self.database, provided_master_keys(self.data / "master.key"), clock=clock)


@contextmanager
def store(data: Path) -> Iterator[Store]:
    """What is in the data directory, with PostgreSQL running for as long as the block lasts."""
    found = read_settings({}, data=str(data))
    load_master_keys(found)
    with open_database(found) as database:
        yield Store(data, database)


def opened(ledger: LedgerRuntime) -> Account:
    """A new account with its administrator; the projections need not have seen it."""
    opening = NewAccount()
    publish_catalogues(None)
    key = open_account(ledger.committer, opening)
    return Account(opening.account_id, key.access_key_id, opening.secret)


def fill_with_uses(database: Database, account_id: str, count: int, until: datetime) -> None:
    """Behind what the ledger has, calls that were answered, as their entries would stand there had they come in through
    the door: spread over the time from the last event to `until`, all ids different."""
    entry = api_called(account_id, _POSITION, _AT, event_id=_EVENT_ID, request_id=_REQUEST_ID)
    stored = EntryMapper().to_stored_event(entry)
    line = stored.state.decode().replace("%", "%%").replace(str(_POSITION), "%1$s").replace(_EVENT_ID, "%2$s")
    line = line.replace(_AT.isoformat().replace("+00:00", "Z"), "%3$s").replace(_REQUEST_ID, "%4$s")
    with connect(database, "owner") as connection, connection.transaction():
        row = connection.execute("select at from ledger.heads where account_id = %s", (account_id,)).fetchone()
        assert row is not None
        step = (until - row[0]) // (count + 1)
        assert step > timedelta(0)
        values = {"account_id": account_id, "topic": stored.topic, "line": line, "count": count, "step": step}
        connection.execute(FILL, values)
        connection.execute(MOVE + "%(account_id)s", values)
    with connect(database, "owner") as connection:
        # As the database does by itself, sooner or later: not while something is measured.
        connection.execute("vacuum (analyze) ledger.uses")
