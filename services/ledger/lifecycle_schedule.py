"""When whose credentials are looked at next: what the scheduler keeps so as not to look at everybody every time
(docs/adr/0057). It follows from the ledgers; losing it costs another look and changes no result."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import psycopg

from projections.engine.sql_files import load_statements

SQL = load_statements("services.ledger", "lifecycle_schedule.sql")


class ScheduledLook(NamedTuple):
    account_id: str
    subject_id: str
    evaluated: int
    """The account's position at which this was so."""
    wake_at: datetime | None
    """None: nothing will become due unless something changes."""
    exists: bool
    """Whether there still is such a subject."""


def put_looks(connection: psycopg.Connection, looks: Sequence[ScheduledLook], progress: Mapping[str, int]) -> None:
    """In one transaction. `progress` is by account the position up to which everything has been looked at."""
    kept, gone = ([look for look in looks if look.exists is exists] for exists in (True, False))
    with connection.transaction():
        for statement, of in (("put", kept), ("delete", gone)):
            if of:
                columns = {
                    "accounts": [look.account_id for look in of],
                    "subjects": [look.subject_id for look in of],
                    "evaluated": [look.evaluated for look in of],
                    "wakes": [look.wake_at for look in of],
                }
                connection.execute(SQL[statement], columns)
        if progress:
            connection.execute(SQL["put_progress"], {"accounts": list(progress), "evaluated": list(progress.values())})
